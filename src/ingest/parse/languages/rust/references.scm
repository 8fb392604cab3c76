(call_expression function: (identifier) @callee arguments: (arguments) @arguments) @call
(call_expression function: (scoped_identifier path: (_)? @receiver name: (identifier) @callee) arguments: (arguments) @arguments) @call
(call_expression function: (field_expression value: (_) @receiver field: (field_identifier) @callee) arguments: (arguments) @arguments) @call
(call_expression function: (generic_function function: (identifier) @callee) arguments: (arguments) @arguments) @call
(call_expression function: (generic_function function: (scoped_identifier path: (_)? @receiver name: (identifier) @callee)) arguments: (arguments) @arguments) @call
(call_expression function: (generic_function function: (field_expression value: (_) @receiver field: (field_identifier) @callee)) arguments: (arguments) @arguments) @call
(macro_invocation macro: (identifier) @callee) @call
(macro_invocation macro: (scoped_identifier path: (_)? @receiver name: (identifier) @callee)) @call
; tri!(self.next()): the arguments of a macro are tokens
(token_tree (identifier) @call.tokens . (token_tree))
(struct_expression name: (type_identifier) @callee) @call
(struct_expression name: (scoped_type_identifier path: (_)? @receiver name: (type_identifier) @callee)) @call

(parameter pattern: (identifier) @var type: (_) @var.type)
(parameter pattern: (mut_pattern (identifier) @var) type: (_) @var.type)
(let_declaration pattern: (identifier) @var type: (_) @var.type)
(let_declaration pattern: (identifier) @var !type value: (struct_expression name: (_) @var.type))
((let_declaration pattern: (identifier) @var !type value: (call_expression function: (scoped_identifier path: (_) @var.type name: (identifier) @_new))) (#match? @_new "^(new|default|from|with_.*|open|create)$"))
(field_declaration name: (_) @field type: (_) @field.type)
