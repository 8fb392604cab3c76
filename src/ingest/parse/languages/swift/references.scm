(call_expression
  . [
    (simple_identifier) @callee
    (navigation_expression
      target: (_) @receiver
      suffix: (navigation_suffix suffix: (simple_identifier) @callee))
    (prefix_expression target: (simple_identifier) @callee)
  ]
  (call_suffix [
    (value_arguments) @arguments
    (lambda_literal)
  ])) @call

; `[T]()`, `Box<T>()`
(constructor_expression
  (user_type (type_identifier) @callee .)
  (constructor_suffix (value_arguments) @arguments)) @call

(parameter (simple_identifier) @var . [
  (user_type) @var.type
  (optional_type (user_type) @var.type)
])
(property_declaration
  name: (pattern bound_identifier: (simple_identifier) @var)
  .
  (type_annotation [
    (user_type) @var.type
    (optional_type (user_type) @var.type)
  ]))
(property_declaration
  name: (pattern bound_identifier: (simple_identifier) @var)
  .
  value: (call_expression . (simple_identifier) @var.type (call_suffix))
  (#match? @var.type "^[A-Z]"))

(class_body (property_declaration
  name: (pattern bound_identifier: (simple_identifier) @field)
  .
  (type_annotation [
    (user_type) @field.type
    (optional_type (user_type) @field.type)
  ])))
(class_body (property_declaration
  name: (pattern bound_identifier: (simple_identifier) @field)
  .
  value: (call_expression . (simple_identifier) @field.type (call_suffix))
  (#match? @field.type "^[A-Z]")))
(protocol_body (protocol_property_declaration
  name: (pattern bound_identifier: (simple_identifier) @field)
  (type_annotation (user_type) @field.type)))
