(call_expression function: (identifier) @callee arguments: (argument_list) @arguments) @call
(call_expression function: (selector_expression operand: (_) @receiver field: (field_identifier) @callee) arguments: (argument_list) @arguments) @call
(call_expression function: (index_expression operand: (identifier) @callee) arguments: (argument_list) @arguments) @call
(call_expression function: (index_expression operand: (selector_expression operand: (_) @receiver field: (field_identifier) @callee)) arguments: (argument_list) @arguments) @call
(call_expression function: (type_instantiation_expression type: (type_identifier) @callee) arguments: (argument_list) @arguments) @call
(composite_literal type: (type_identifier) @callee) @call
(composite_literal type: (qualified_type package: (_) @receiver name: (type_identifier) @callee)) @call

(parameter_declaration name: (identifier) @var type: (_) @var.type)
(var_spec name: (identifier) @var type: (_) @var.type)
(short_var_declaration left: (expression_list . (identifier) @var .) right: (expression_list . (composite_literal type: (_) @var.type) .))
(short_var_declaration left: (expression_list . (identifier) @var .) right: (expression_list . (unary_expression operand: (composite_literal type: (_) @var.type)) .))
((short_var_declaration left: (expression_list . (identifier) @var .) right: (expression_list . (call_expression function: (identifier) @_new arguments: (argument_list . (_) @var.type .)) .)) (#eq? @_new "new"))
(var_spec name: (identifier) @var !type value: (expression_list . (composite_literal type: (_) @var.type) .))
(var_spec name: (identifier) @var !type value: (expression_list . (unary_expression operand: (composite_literal type: (_) @var.type)) .))
(short_var_declaration left: (expression_list . (identifier) @var) right: (expression_list . (type_assertion_expression type: (_) @var.type) .))
(field_declaration name: (field_identifier) @field type: (_) @field.type)
; Generic calls read as conversions.
(type_conversion_expression type: (generic_type type: (type_identifier) @callee)) @call
(type_conversion_expression type: (generic_type type: (qualified_type package: (_) @receiver name: (type_identifier) @callee))) @call
