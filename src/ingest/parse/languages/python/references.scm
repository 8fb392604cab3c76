(call function: (identifier) @callee arguments: (argument_list) @arguments) @call
(call function: (attribute object: (_) @receiver attribute: (identifier) @callee) arguments: (argument_list) @arguments) @call
(call function: (identifier) @callee arguments: (generator_expression)) @call
(call function: (attribute object: (_) @receiver attribute: (identifier) @callee) arguments: (generator_expression)) @call
(decorator (identifier) @callee) @call
(decorator (attribute object: (_) @receiver attribute: (identifier) @callee)) @call

(typed_parameter . (identifier) @var type: (type) @var.type)
(typed_default_parameter name: (identifier) @var type: (type) @var.type)
(assignment left: (identifier) @var type: (type) @var.type)
((assignment left: (identifier) @var right: (call function: [(identifier) (attribute)] @var.type)) (#match? @var.type "^([a-z_0-9]+\\.)*_*[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*$"))
((as_pattern (call function: [(identifier) (attribute)] @var.type) alias: (as_pattern_target (identifier) @var)) (#match? @var.type "^([a-z_0-9]+\\.)*_*[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*$"))

(class_definition body: (block (expression_statement (assignment left: (identifier) @field type: (type) @field.type))))
((assignment left: (attribute object: (identifier) @_self attribute: (identifier) @field) type: (type) @field.type) (#eq? @_self "self"))
((assignment left: (attribute object: (identifier) @_self attribute: (identifier) @field) right: (call function: [(identifier) (attribute)] @field.type)) (#eq? @_self "self") (#match? @field.type "^([a-z_0-9]+\\.)*_*[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*$"))
((assignment left: (attribute object: (identifier) @_self attribute: (identifier) @field) !type right: (identifier) @field.value) (#eq? @_self "self"))
