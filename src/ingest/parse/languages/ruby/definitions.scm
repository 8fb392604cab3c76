(comment) @comment

(module name: [(constant) (scope_resolution)] @name) @definition.namespace
(class
  name: [(constant) (scope_resolution)] @name
  superclass: (superclass (_) @bases)?) @definition.class

; `include M` in a class or module makes M one of its bases; `extend` and `prepend` alike.
(class
  name: [(constant) (scope_resolution)] @name
  body: (body_statement (call
    !receiver
    method: (identifier) @_include
    arguments: (argument_list [(constant) (scope_resolution)] @bases)))
  (#any-of? @_include "include" "extend" "prepend")) @definition.class
(module
  name: [(constant) (scope_resolution)] @name
  body: (body_statement (call
    !receiver
    method: (identifier) @_include
    arguments: (argument_list [(constant) (scope_resolution)] @bases)))
  (#any-of? @_include "include" "extend" "prepend")) @definition.namespace

; `Name = Struct.new(:field) do … end`, `Name = Class.new(Base) do … end`
((assignment
  left: (constant) @name
  right: (call
    receiver: (constant) @_maker
    method: (identifier) @_new
    arguments: (argument_list . [(constant) (scope_resolution)] @bases)?
    block: (_)? @body)) @definition.class
  (#any-of? @_maker "Struct" "Class" "Data")
  (#any-of? @_new "new" "define"))
((assignment
  right: (call
    receiver: (constant) @_maker
    method: (identifier) @_new
    arguments: (argument_list (simple_symbol) @definition.field @name)))
  (#any-of? @_maker "Struct" "Data")
  (#any-of? @_new "new" "define"))
((assignment
  left: (constant) @name
  right: (call
    receiver: (constant) @_maker
    method: (identifier) @_new
    block: (_)? @body)) @definition.namespace
  (#eq? @_maker "Module")
  (#eq? @_new "new"))

(method name: [(identifier) (constant) (operator) (setter)] @name) @definition.function
(singleton_method
  object: (self)
  name: [(identifier) (constant) (operator) (setter)] @name) @definition.method
(singleton_method
  object: [(constant) (identifier)] @owner
  name: [(identifier) (constant) (operator) (setter)] @name) @definition.method

; Methods made by name.
(call
  !receiver
  method: (identifier) @_define
  arguments: (argument_list . [(simple_symbol) (string)] @name)
  (#any-of? @_define "define_method" "define_singleton_method" "alias_method")) @definition.method
(alias name: [(identifier) (operator) (setter)] @name) @definition.method
(call
  !receiver
  method: (identifier) @_attr
  arguments: (argument_list (simple_symbol) @name)
  (#any-of? @_attr "attr_accessor" "attr_reader" "attr_writer" "attr" "cattr_accessor" "mattr_accessor"
    "class_attribute")) @definition.field

; Below a bare `private` or `protected`, and after one on the same line, nothing is exported.
(body_statement
  (identifier) @_private
  (method name: [(identifier) (constant) (operator) (setter)] @name) @definition.function @hidden
  (#any-of? @_private "private" "protected"))
(call
  method: (identifier) @_private
  arguments: (argument_list
    (method name: [(identifier) (constant) (operator) (setter)] @name) @definition.function @hidden)
  (#any-of? @_private "private" "protected"))

(assignment left: (constant) @name) @definition.constant
(assignment left: (scope_resolution scope: (_) @owner name: (constant) @name)) @definition.constant
(assignment left: (left_assignment_list (constant) @name)) @definition.constant
(operator_assignment left: (constant) @name) @definition.constant
