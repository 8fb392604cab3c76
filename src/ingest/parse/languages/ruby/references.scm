; `T.new(…)` calls the class.
((call
  receiver: [
    (constant) @callee
    (scope_resolution scope: (_)? @receiver name: (constant) @callee)
  ]
  method: (identifier) @_new
  arguments: (argument_list)? @arguments) @call
  (#eq? @_new "new"))

((call
  receiver: (_)? @receiver
  method: [(identifier) (constant) (super)] @callee
  arguments: (argument_list)? @arguments) @call
  (#not-any-of? @callee "new" "require" "require_relative" "load" "autoload" "private" "public" "protected"
    "module_function" "private_class_method" "private_constant" "attr_accessor" "attr_reader" "attr_writer" "include"
    "extend" "prepend" "alias_method"))
((call
  receiver: (_) @receiver
  method: (identifier) @callee
  arguments: (argument_list)? @arguments) @call
  (#eq? @callee "new")
  (#not-match? @receiver "^[A-Z:][A-Za-z0-9_:]*$"))

(super) @call @callee

; A bare word reads like a local variable. One that is followed by another statement, or is all of a method, is a call.
((body_statement (identifier) @call @callee . (_))
  (#not-any-of? @callee "private" "public" "protected" "module_function"))
(then (identifier) @call @callee . (_))
(block_body (identifier) @call @callee . (_))
(method body: (body_statement . (identifier) @call @callee .))

((assignment
  left: (identifier) @var
  right: (call receiver: [(constant) (scope_resolution)] @var.type method: (identifier) @_new))
  (#eq? @_new "new"))
((assignment
  left: [(instance_variable) (class_variable)] @field
  right: (call receiver: [(constant) (scope_resolution)] @field.type method: (identifier) @_new))
  (#eq? @_new "new"))
((operator_assignment
  left: [(instance_variable) (class_variable)] @field
  right: (call receiver: [(constant) (scope_resolution)] @field.type method: (identifier) @_new))
  (#eq? @_new "new"))
(rescue exceptions: (exceptions . (_) @var.type) variable: (exception_variable (identifier) @var))
