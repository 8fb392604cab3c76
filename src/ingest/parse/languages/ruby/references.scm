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

; A bare word is a call, unless it is a local variable there or stands where a name is given.
((identifier) @bare
  (#not-any-of? @bare "private" "public" "protected" "module_function" "it" "_1" "_2"))
(method name: (identifier) @bare.not)
(singleton_method name: (identifier) @bare.not)
(singleton_method object: (identifier) @bare.not)
(call method: (identifier) @bare.not)
(setter name: (identifier) @bare.not)
(alias name: (identifier) @bare.not)
(alias alias: (identifier) @bare.not)
(undef (identifier) @bare.not)

(assignment left: (identifier) @local)
(operator_assignment left: (identifier) @local)
(left_assignment_list (identifier) @local)
(destructured_left_assignment (identifier) @local)
(rest_assignment (identifier) @local)
(for pattern: (identifier) @local)
(exception_variable (identifier) @local)
(in_clause pattern: (identifier) @local)
(array_pattern (identifier) @local)
(find_pattern (identifier) @local)
(as_pattern name: (identifier) @local)
(keyword_pattern value: (identifier) @local)
(method_parameters (identifier) @local)
(block_parameters (identifier) @local)
(lambda_parameters (identifier) @local)
(destructured_parameter (identifier) @local)
(optional_parameter name: (identifier) @local)
(keyword_parameter name: (identifier) @local)
(splat_parameter name: (identifier) @local)
(hash_splat_parameter name: (identifier) @local)
(block_parameter name: (identifier) @local)
; Parameters of a block are unknown behind it.
[(block) (do_block) (lambda)] @local.scope

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
