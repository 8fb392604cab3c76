(call_expression function: (identifier) @callee arguments: (arguments) @arguments) @call
(call_expression function: (member_expression object: (_) @receiver property: (_) @callee) arguments: (arguments) @arguments) @call
(call_expression function: (non_null_expression (member_expression object: (_) @receiver property: (_) @callee)) arguments: (arguments) @arguments) @call
(call_expression function: (super) @callee arguments: (arguments) @arguments) @call
(call_expression function: (identifier) @callee arguments: (template_string)) @call
(call_expression function: (member_expression object: (_) @receiver property: (_) @callee) arguments: (template_string)) @call
(call_expression function: (await_expression (identifier) @callee) arguments: (arguments) @arguments) @call
(call_expression function: (await_expression (member_expression object: (_) @receiver property: (_) @callee)) arguments: (arguments) @arguments) @call
(new_expression constructor: (identifier) @callee arguments: (arguments)? @arguments) @call
(new_expression constructor: (member_expression object: (_) @receiver property: (_) @callee) arguments: (arguments)? @arguments) @call
(decorator (identifier) @callee) @call

(variable_declarator name: (identifier) @var type: (type_annotation (_) @var.type))
(variable_declarator name: (identifier) @var !type value: (new_expression constructor: (_) @var.type))
(variable_declarator name: (identifier) @var !type value: (await_expression (new_expression constructor: (_) @var.type)))
(variable_declarator name: (identifier) @var !type value: (as_expression (_) (_) @var.type))
(required_parameter pattern: (identifier) @var type: (type_annotation (_) @var.type))
(optional_parameter pattern: (identifier) @var type: (type_annotation (_) @var.type))
(required_parameter (accessibility_modifier) pattern: (identifier) @field type: (type_annotation (_) @field.type))
(public_field_definition name: (_) @field type: (type_annotation (_) @field.type))
(public_field_definition name: (_) @field !type value: (new_expression constructor: (_) @field.type))
(property_signature name: (_) @field type: (type_annotation (_) @field.type))
(assignment_expression left: (member_expression object: (this) property: (_) @field) right: (new_expression constructor: (_) @field.type))
(assignment_expression left: (member_expression object: (this) property: (_) @field) right: (identifier) @field.value)
(assignment_expression left: (identifier) @var right: (new_expression constructor: (_) @var.type))
