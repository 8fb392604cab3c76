(comment) @comment
(decorator) @attribute
(export_statement) @export
[(arrow_function) (function_expression) (generator_function)] @closure

(export_statement !source (export_clause (export_specifier name: (identifier) @export.name)))
(export_statement "default" value: (identifier) @export.name)

; module.exports = name, module.exports = { name, key: name }, exports.key = name
((assignment_expression left: (member_expression property: (property_identifier) @_exports) right: (identifier) @export.name) (#eq? @_exports "exports"))
((assignment_expression left: (member_expression property: (property_identifier) @_exports) right: (object (shorthand_property_identifier) @export.name)) (#eq? @_exports "exports"))
((assignment_expression left: (member_expression property: (property_identifier) @_exports) right: (object (pair value: (identifier) @export.name))) (#eq? @_exports "exports"))
((assignment_expression left: (member_expression object: (identifier) @_exports) right: (identifier) @export.name) (#eq? @_exports "exports"))
((assignment_expression left: (member_expression object: (member_expression property: (property_identifier) @_exports)) right: (identifier) @export.name) (#eq? @_exports "exports"))
((expression_statement (assignment_expression left: (member_expression object: (identifier) @_exports))) @export (#eq? @_exports "exports"))
((expression_statement (assignment_expression left: (member_expression object: (member_expression property: (property_identifier) @_exports)))) @export (#eq? @_exports "exports"))
((expression_statement (assignment_expression left: (member_expression property: (property_identifier) @_exports))) @export (#eq? @_exports "exports"))

(class_declaration name: (_) @name (class_heritage)? @bases) @definition.class
(variable_declarator name: (identifier) @name value: (class (class_heritage)? @bases body: (_) @body)) @definition.class

(function_declaration name: (_) @name) @definition.function
(generator_function_declaration name: (_) @name) @definition.function

(method_definition name: (_) @name) @definition.method
(field_definition property: (_) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.method
(field_definition property: (_) @name) @definition.field

(lexical_declaration (variable_declarator name: (identifier) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (generator_function body: (_) @body)])) @definition.function
(variable_declaration (variable_declarator name: (identifier) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (generator_function body: (_) @body)])) @definition.function
(pair key: (property_identifier) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (generator_function body: (_) @body)]) @definition.method
(pair key: (string) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (generator_function body: (_) @body)]) @definition.method

; Type.prototype.name = function () {}
((assignment_expression
  left: (member_expression object: (member_expression object: (identifier) @owner property: (property_identifier) @_prototype) property: (property_identifier) @name)
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (generator_function body: (_) @body)]) @definition.method (#eq? @_prototype "prototype"))
((assignment_expression left: (member_expression object: (identifier) @_module property: (property_identifier) @_exports) right: (function_expression name: (identifier) @name body: (_) @body)) @definition.function (#eq? @_module "module") (#eq? @_exports "exports"))
((assignment_expression left: (member_expression object: (identifier) @_module property: (property_identifier) @_exports) right: (class name: (identifier) @name (class_heritage)? @bases body: (_) @body)) @definition.class (#eq? @_module "module") (#eq? @_exports "exports"))
; app.name = function () {}: methods of the object
((assignment_expression left: (member_expression object: (identifier) @owner property: (property_identifier) @name) right: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (generator_function body: (_) @body)]) @definition.method (#not-any-of? @owner "exports" "module"))
((assignment_expression left: (member_expression property: (property_identifier) @name) right: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (generator_function body: (_) @body)]) @definition.function (#not-eq? @name "exports"))
((assignment_expression left: (member_expression property: (property_identifier) @name) right: (class (class_heritage)? @bases body: (_) @body)) @definition.class (#not-eq? @name "exports"))

(lexical_declaration kind: "const" (variable_declarator name: (identifier) @name)) @definition.constant
(lexical_declaration kind: "let" (variable_declarator name: (identifier) @name)) @definition.variable
(variable_declaration (variable_declarator name: (identifier) @name)) @definition.variable
(program (lexical_declaration kind: "const" (variable_declarator name: (object_pattern (shorthand_property_identifier_pattern) @name))) @definition.constant)
(program (export_statement (lexical_declaration kind: "const" (variable_declarator name: (object_pattern (shorthand_property_identifier_pattern) @name))) @definition.constant))
(function_expression name: (identifier) @name) @definition.function
