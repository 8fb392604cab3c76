(line_comment) @comment
(block_comment) @comment

; The package owns what follows it, to the end of the file.
(package_header (qualified_identifier) @name) @definition.namespace @rest

(class_declaration
  "interface"
  name: (identifier) @name
  (delegation_specifiers (delegation_specifier [
    (user_type) @bases
    (constructor_invocation (user_type) @bases)
    (explicit_delegation . (user_type) @bases)
  ]))?
  (class_body)? @body) @definition.interface
(class_declaration
  (modifiers (class_modifier "enum"))
  name: (identifier) @name
  (delegation_specifiers (delegation_specifier [
    (user_type) @bases
    (constructor_invocation (user_type) @bases)
    (explicit_delegation . (user_type) @bases)
  ]))?
  (enum_class_body)? @body) @definition.enum
(class_declaration
  "class"
  name: (identifier) @name
  (delegation_specifiers (delegation_specifier [
    (user_type) @bases
    (constructor_invocation (user_type) @bases)
    (explicit_delegation . (user_type) @bases)
  ]))?
  (class_body)? @body) @definition.class
(object_declaration
  name: (identifier) @name
  (delegation_specifiers (delegation_specifier [
    (user_type) @bases
    (constructor_invocation (user_type) @bases)
    (explicit_delegation . (user_type) @bases)
  ]))?
  (class_body)? @body) @definition.class
(companion_object
  name: (identifier) @name
  (delegation_specifiers (delegation_specifier [
    (user_type) @bases
    (constructor_invocation (user_type) @bases)
    (explicit_delegation . (user_type) @bases)
  ]))?
  (class_body)? @body) @definition.class

(enum_entry . (identifier) @name) @definition.constant
(enum_entry . (modifiers) . (identifier) @name) @definition.constant
(type_alias type: (identifier) @name) @definition.type

; Extensions belong to the type they extend.
(function_declaration
  [(user_type) (nullable_type) (parenthesized_type)] @owner
  .
  name: (identifier) @name
  (function_body)? @body) @definition.method
(function_declaration
  name: (identifier) @name
  (function_body)? @body) @definition.function
(secondary_constructor "constructor" @name (block)? @body) @definition.method

(property_declaration
  (modifiers (property_modifier "const"))
  (variable_declaration . (identifier) @name)) @definition.constant
(property_declaration
  [(user_type) (nullable_type)] @owner
  .
  (variable_declaration . (identifier) @name)) @definition.field
(property_declaration
  (variable_declaration . (identifier) @name)) @definition.variable

; `val` and `var` in the primary constructor are properties.
(class_parameter ["val" "var"] (identifier) @name) @definition.field
