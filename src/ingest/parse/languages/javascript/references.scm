(call_expression function: (identifier) @callee arguments: (arguments) @arguments) @call
(call_expression function: (member_expression object: (_) @receiver property: (_) @callee) arguments: (arguments) @arguments) @call
(call_expression function: (super) @callee arguments: (arguments) @arguments) @call
(call_expression function: (identifier) @callee arguments: (template_string)) @call
(call_expression function: (member_expression object: (_) @receiver property: (_) @callee) arguments: (template_string)) @call
(new_expression constructor: (identifier) @callee arguments: (arguments)? @arguments) @call
(new_expression constructor: (member_expression object: (_) @receiver property: (_) @callee) arguments: (arguments)? @arguments) @call
(decorator (identifier) @callee) @call

(variable_declarator name: (identifier) @var value: (new_expression constructor: (_) @var.type))
(variable_declarator name: (identifier) @var value: (await_expression (new_expression constructor: (_) @var.type)))
(assignment_expression left: (identifier) @var right: (new_expression constructor: (_) @var.type))
(field_definition property: (_) @field value: (new_expression constructor: (_) @field.type))
(assignment_expression left: (member_expression object: (this) property: (_) @field) right: (new_expression constructor: (_) @field.type))
(assignment_expression left: (member_expression object: (this) property: (_) @field) right: (identifier) @field.value)
