(method_invocation
  object: (_)? @receiver
  name: (identifier) @callee
  arguments: (argument_list) @arguments) @call

(object_creation_expression
  type: [
    (type_identifier) @callee
    (generic_type . (type_identifier) @callee)
    (scoped_type_identifier (_) @receiver . (type_identifier) @callee)
    (generic_type . (scoped_type_identifier (_) @receiver . (type_identifier) @callee))
  ]
  arguments: (argument_list) @arguments) @call

(explicit_constructor_invocation
  constructor: [(this) (super)] @callee
  arguments: (argument_list) @arguments) @call

; `this::go`, `Foo::new`: taken as calls, which is what they are for.
(method_reference . (_) @receiver (identifier) @callee .) @call

(formal_parameter type: (_) @var.type name: (identifier) @var)
(spread_parameter (_) @var.type (variable_declarator name: (identifier) @var))
(catch_formal_parameter (catch_type . (_) @var.type) name: (identifier) @var)
(resource type: (_) @var.type name: (identifier) @var)
(enhanced_for_statement type: (_) @var.type name: (identifier) @var)
(instanceof_expression right: (_) @var.type name: (identifier) @var)
(type_pattern (_) @var.type (identifier) @var)

; `var x = new T()` before the general pattern, whose type would be `var`.
(local_variable_declaration
  type: (type_identifier) @_var
  declarator: (variable_declarator
    name: (identifier) @var
    value: (object_creation_expression type: (_) @var.type))
  (#eq? @_var "var"))
(local_variable_declaration
  type: (_) @var.type
  declarator: (variable_declarator name: (identifier) @var)
  (#not-eq? @var.type "var"))

(field_declaration type: (_) @field.type declarator: (variable_declarator name: (identifier) @field))
(constant_declaration type: (_) @field.type declarator: (variable_declarator name: (identifier) @field))
