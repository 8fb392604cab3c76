; A trailing lambda wraps the call that has the other arguments: the outer one counts.
(call_expression
  . [
    (identifier) @callee
    (navigation_expression . (_) @receiver (identifier) @callee .)
    (call_expression . (identifier) @callee (value_arguments) @arguments)
    (call_expression . (navigation_expression . (_) @receiver (identifier) @callee .) (value_arguments) @arguments)
  ]
  (annotated_lambda)) @call
(call_expression
  . [
    (identifier) @callee
    (navigation_expression . (_) @receiver (identifier) @callee .)
  ]
  (value_arguments) @arguments) @call

; `class A : B(x)`
(delegation_specifier (constructor_invocation
  (user_type (identifier) @callee .)
  (value_arguments) @arguments)) @call

; `Foo::bar`, `::bar`
(callable_reference (_)? @receiver . (identifier) @callee .) @call

(parameter . (identifier) @var . (_) @var.type)
(class_parameter (identifier) @var . [(user_type) (nullable_type)] @var.type)
(variable_declaration . (identifier) @var . [(user_type) (nullable_type)] @var.type)
(catch_block (identifier) @var . (user_type) @var.type)
(property_declaration
  (variable_declaration . (identifier) @var .)
  (call_expression . (identifier) @var.type (value_arguments))
  (#match? @var.type "^[A-Z]"))
(property_declaration
  (variable_declaration . (identifier) @var .)
  (as_expression right: (_) @var.type))

(class_body (property_declaration
  (variable_declaration . (identifier) @field . [(user_type) (nullable_type)] @field.type)))
(class_body (property_declaration
  (variable_declaration . (identifier) @field .)
  (call_expression . (identifier) @field.type (value_arguments)))
  (#match? @field.type "^[A-Z]"))
(class_parameter ["val" "var"] (identifier) @field . [(user_type) (nullable_type)] @field.type)
