(comment) @comment
(decorator) @attribute
(export_statement) @export
[(arrow_function) (function_expression) (generator_function)] @closure

(export_statement !source (export_clause (export_specifier name: (identifier) @export.name)))
(export_statement "default" value: (identifier) @export.name)
(export_statement "=" (identifier) @export.name)

(class_declaration name: (_) @name (class_heritage)? @bases) @definition.class
(abstract_class_declaration name: (_) @name (class_heritage)? @bases) @definition.class
(variable_declarator name: (identifier) @name value: (class (class_heritage)? @bases body: (_) @body)) @definition.class
(interface_declaration name: (_) @name (extends_type_clause)? @bases) @definition.interface
(type_alias_declaration name: (_) @name) @definition.type
(enum_declaration name: (_) @name) @definition.enum
(enum_body name: (property_identifier) @name @definition.constant)
(enum_body (enum_assignment name: (property_identifier) @name) @definition.constant)
(internal_module name: (_) @name) @definition.namespace
(module name: (_) @name) @definition.namespace

(function_declaration name: (_) @name) @definition.function
(generator_function_declaration name: (_) @name) @definition.function
(function_signature name: (_) @name) @definition.function

(method_definition name: (_) @name) @definition.method
(method_signature name: (_) @name) @definition.method
(abstract_method_signature name: (_) @name) @definition.method
(public_field_definition name: (_) @name value: (arrow_function body: (_) @body)) @definition.method
(public_field_definition name: (_) @name value: (function_expression body: (_) @body)) @definition.method
(public_field_definition name: (_) @name) @definition.field
(property_signature name: (_) @name) @definition.field
(required_parameter (accessibility_modifier) pattern: (identifier) @name) @definition.field

(lexical_declaration (variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body))) @definition.function
(lexical_declaration (variable_declarator name: (identifier) @name value: [(function_expression body: (_) @body) (generator_function body: (_) @body)])) @definition.function
(variable_declaration (variable_declarator name: (identifier) @name value: [(function_expression body: (_) @body) (arrow_function body: (_) @body) (generator_function body: (_) @body)])) @definition.function
(pair key: (property_identifier) @name value: [(function_expression body: (_) @body) (arrow_function body: (_) @body) (generator_function body: (_) @body)]) @definition.method
(pair key: (string) @name value: [(function_expression body: (_) @body) (arrow_function body: (_) @body) (generator_function body: (_) @body)]) @definition.method
(expression_statement (assignment_expression left: (member_expression property: (property_identifier) @name) right: [(function_expression body: (_) @body) (arrow_function body: (_) @body) (generator_function body: (_) @body)])) @definition.function
(expression_statement (assignment_expression left: (member_expression property: (property_identifier) @name) right: (class (class_heritage)? @bases body: (_) @body))) @definition.class

(lexical_declaration kind: "const" (variable_declarator name: (identifier) @name)) @definition.constant
(lexical_declaration kind: "let" (variable_declarator name: (identifier) @name)) @definition.variable
(variable_declaration (variable_declarator name: (identifier) @name)) @definition.variable
(ambient_declaration (variable_declaration (variable_declarator name: (identifier) @name)) @definition.variable)
(program (lexical_declaration kind: "const" (variable_declarator name: (object_pattern (shorthand_property_identifier_pattern) @name))) @definition.constant)
(program (export_statement (lexical_declaration kind: "const" (variable_declarator name: (object_pattern (shorthand_property_identifier_pattern) @name))) @definition.constant))
(program (lexical_declaration kind: "const" (variable_declarator name: (object_pattern (pair_pattern value: (identifier) @name)))) @definition.constant)
(program (export_statement (lexical_declaration kind: "const" (variable_declarator name: (object_pattern (pair_pattern value: (identifier) @name)))) @definition.constant))
(function_expression name: (identifier) @name) @definition.function
