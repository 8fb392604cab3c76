; What C++ adds to the references of C.

((call_expression
  function: (template_function name: (identifier) @callee)
  arguments: (argument_list) @arguments) @call
  (#not-any-of? @callee "static_cast" "dynamic_cast" "const_cast" "reinterpret_cast"))

(call_expression
  function: [
    (qualified_identifier !scope name: (identifier) @callee)
    (qualified_identifier scope: (_) @receiver name: [
      (identifier) @callee
      (template_function name: (identifier) @callee)
    ])
    (qualified_identifier scope: (_) name: (qualified_identifier scope: (_) @receiver name: [
      (identifier) @callee
      (template_function name: (identifier) @callee)
    ]))
    (qualified_identifier scope: (_) name: (qualified_identifier scope: (_) name: (qualified_identifier scope: (_) @receiver name: [
      (identifier) @callee
      (template_function name: (identifier) @callee)
    ])))
    (field_expression argument: (_) @receiver field: [
      (template_method name: (field_identifier) @callee)
      (dependent_name (template_method name: (field_identifier) @callee))
      (qualified_identifier name: (identifier) @callee)
      (destructor_name) @callee
    ])
  ]
  arguments: (argument_list) @arguments) @call

; Construction: `new T(…)`, `T{…}`, `T x(…)`.

(new_expression
  type: [
    (type_identifier) @callee
    (template_type name: (type_identifier) @callee)
    (qualified_identifier scope: (_) @receiver name: (type_identifier) @callee)
    (qualified_identifier scope: (_) @receiver name: (template_type name: (type_identifier) @callee))
  ]
  arguments: (argument_list)? @arguments) @call
(compound_literal_expression
  type: [
    (type_identifier) @callee
    (template_type name: (type_identifier) @callee)
    (qualified_identifier scope: (_) @receiver name: (type_identifier) @callee)
  ]
  value: (initializer_list) @arguments) @call
(declaration
  type: [(type_identifier) @callee (qualified_identifier scope: (_) @receiver name: (type_identifier) @callee)]
  declarator: (init_declarator value: (argument_list) @arguments)) @call

; Types of parameters, locals and fields.

(parameter_declaration
  type: [(template_type) (qualified_identifier)] @var.type
  declarator: [
    (identifier) @var
    (pointer_declarator declarator: (identifier) @var)
    (reference_declarator (identifier) @var)
  ])
(parameter_declaration type: (type_identifier) @var.type declarator: (reference_declarator (identifier) @var))
(optional_parameter_declaration
  type: [(type_identifier) (template_type) (qualified_identifier)] @var.type
  declarator: [
    (identifier) @var
    (pointer_declarator declarator: (identifier) @var)
    (reference_declarator (identifier) @var)
  ])
(declaration
  type: [(template_type) (qualified_identifier)] @var.type
  declarator: [
    (identifier) @var
    (pointer_declarator declarator: (identifier) @var)
    (reference_declarator (identifier) @var)
    (init_declarator declarator: (identifier) @var)
    (init_declarator declarator: (pointer_declarator declarator: (identifier) @var))
    (init_declarator declarator: (reference_declarator (identifier) @var))
  ])
(declaration
  type: (type_identifier) @var.type
  declarator: [
    (reference_declarator (identifier) @var)
    (init_declarator declarator: (reference_declarator (identifier) @var))
  ])
(for_range_loop
  type: [(type_identifier) (template_type) (qualified_identifier)] @var.type
  declarator: [
    (identifier) @var
    (pointer_declarator declarator: (identifier) @var)
    (reference_declarator (identifier) @var)
  ])

; `auto x = T(…)`, `auto x = new T`, `auto x = T{}`, `auto x = std::make_unique<T>(…)`.
(declaration
  type: (placeholder_type_specifier)
  declarator: (init_declarator
    declarator: [
      (identifier) @var
      (pointer_declarator declarator: (identifier) @var)
    ]
    value: [
      (call_expression function: (identifier) @var.type)
      (new_expression type: (_) @var.type)
      (compound_literal_expression type: (_) @var.type)
      (call_expression function: (qualified_identifier
        name: (template_function arguments: (template_argument_list . (type_descriptor type: (_) @var.type)))))
      (call_expression function: (template_function
        arguments: (template_argument_list . (type_descriptor type: (_) @var.type))))
    ]))

(field_declaration
  type: [(template_type) (qualified_identifier)] @field.type
  declarator: [
    (field_identifier) @field
    (pointer_declarator declarator: (field_identifier) @field)
    (reference_declarator (field_identifier) @field)
  ])
(field_declaration type: (type_identifier) @field.type declarator: (reference_declarator (field_identifier) @field))
