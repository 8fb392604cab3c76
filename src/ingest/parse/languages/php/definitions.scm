(comment) @comment

; `namespace A\B;` reaches to the next one, `namespace A\B { … }` to its brace.
(namespace_definition name: (namespace_name) @name body: (compound_statement)) @definition.namespace
(namespace_definition name: (namespace_name) @name !body) @definition.namespace @rest

(class_declaration
  name: (name) @name
  (base_clause)? @bases
  (class_interface_clause)? @bases) @definition.class
(interface_declaration name: (name) @name (base_clause)? @bases) @definition.interface
(trait_declaration name: (name) @name) @definition.trait
(enum_declaration name: (name) @name (class_interface_clause)? @bases) @definition.enum

; `use SomeTrait;` in a class makes the trait one of its bases.
(class_declaration
  name: (name) @name
  body: (declaration_list (use_declaration [(name) (qualified_name)] @bases))) @definition.class
(enum_declaration
  name: (name) @name
  body: (enum_declaration_list (use_declaration [(name) (qualified_name)] @bases))) @definition.enum
(trait_declaration
  name: (name) @name
  body: (declaration_list (use_declaration [(name) (qualified_name)] @bases))) @definition.trait

(function_definition name: (name) @name) @definition.function
(method_declaration name: (name) @name) @definition.method

(const_declaration (const_element . (name) @name)) @definition.constant
(enum_case name: (name) @name) @definition.constant
(property_declaration (property_element name: (variable_name (name) @name))) @definition.field
(property_promotion_parameter name: (variable_name (name) @name)) @definition.field

; `define('NAME', …)`
((function_call_expression
  function: (name) @_define
  arguments: (arguments . (argument [(string) (encapsed_string)] @name))) @definition.constant
  (#eq? @_define "define"))
