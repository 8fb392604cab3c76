(function_call_expression
  function: [
    (name) @callee
    (qualified_name (name) @callee)
  ]
  arguments: (arguments) @arguments) @call

(member_call_expression
  object: (_) @receiver
  name: (name) @callee
  arguments: (arguments) @arguments) @call
(nullsafe_member_call_expression
  object: (_) @receiver
  name: (name) @callee
  arguments: (arguments) @arguments) @call
(scoped_call_expression
  scope: (_) @receiver
  name: (name) @callee
  arguments: (arguments) @arguments) @call

(object_creation_expression
  [
    (name) @callee
    (qualified_name (name) @callee)
  ]
  (arguments)? @arguments) @call

; Types: parameters, promoted and declared properties, `$x = new T`.

(simple_parameter type: (_) @var.type name: (variable_name) @var)
(property_promotion_parameter type: (_) @var.type name: (variable_name) @var)
(catch_clause type: (_) @var.type name: (variable_name) @var)
(assignment_expression
  left: (variable_name) @var
  right: (object_creation_expression [(name) (qualified_name)] @var.type))

(property_declaration type: (_) @field.type (property_element name: (variable_name) @field))
(property_promotion_parameter type: (_) @field.type name: (variable_name) @field)
(assignment_expression
  left: (member_access_expression object: (variable_name) @_this name: (name) @field)
  right: (object_creation_expression [(name) (qualified_name)] @field.type)
  (#eq? @_this "$this"))
(assignment_expression
  left: (member_access_expression object: (variable_name) @_this name: (name) @field)
  right: (variable_name) @field.value
  (#eq? @_this "$this"))
