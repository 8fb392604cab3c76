(invocation_expression
  function: [
    (identifier) @callee
    (generic_name . (identifier) @callee)
    (member_access_expression expression: _ @receiver name: [
      (identifier) @callee
      (generic_name . (identifier) @callee)
    ])
    (conditional_access_expression condition: (_) @receiver (member_binding_expression name: [
      (identifier) @callee
      (generic_name . (identifier) @callee)
    ]))
  ]
  arguments: (argument_list) @arguments) @call

(object_creation_expression
  type: [
    (identifier) @callee
    (generic_name . (identifier) @callee)
    (qualified_name qualifier: (_) @receiver name: [
      (identifier) @callee
      (generic_name . (identifier) @callee)
    ])
  ]
  arguments: (argument_list)? @arguments) @call

; `T x = new(…)` names its class on the left.
(variable_declaration
  type: [(identifier) @callee (generic_name . (identifier) @callee)]
  (variable_declarator (implicit_object_creation_expression (argument_list) @arguments))) @call

(constructor_initializer ["base" "this"] @callee (argument_list) @arguments) @call

(parameter type: (_) @var.type name: (identifier) @var)
(declaration_pattern type: (_) @var.type name: (identifier) @var)
(catch_declaration type: (_) @var.type name: (identifier) @var)
(foreach_statement
  type: [(identifier) (generic_name) (qualified_name) (nullable_type)] @var.type
  left: (identifier) @var)

(local_declaration_statement (variable_declaration
  type: [(identifier) (generic_name) (qualified_name) (nullable_type)] @var.type
  (variable_declarator name: (identifier) @var)))
(using_statement (variable_declaration
  type: [(identifier) (generic_name) (qualified_name)] @var.type
  (variable_declarator name: (identifier) @var)))
(variable_declaration
  type: (implicit_type)
  (variable_declarator name: (identifier) @var [
    (object_creation_expression type: (_) @var.type)
    (cast_expression type: (_) @var.type)
    (as_expression right: (_) @var.type)
  ]))

(field_declaration (variable_declaration
  type: (_) @field.type
  (variable_declarator name: (identifier) @field)))
(property_declaration type: (_) @field.type name: (identifier) @field)
(record_declaration (parameter_list (parameter type: (_) @field.type name: (identifier) @field)))
(class_declaration (parameter_list (parameter type: (_) @field.type name: (identifier) @field)))
