(call_expression
  function: (identifier) @callee
  arguments: (argument_list) @arguments) @call

(call_expression
  function: (field_expression argument: (_) @receiver field: (field_identifier) @callee)
  arguments: (argument_list) @arguments) @call

; Through a function pointer: `(*hook)(1)`.
(call_expression
  function: (parenthesized_expression (pointer_expression argument: (identifier) @callee))
  arguments: (argument_list) @arguments) @call

; `struct list *head`, `list_t head`: the types of parameters, locals and fields.

(parameter_declaration
  type: [
    (type_identifier) @var.type
    (struct_specifier name: (type_identifier) @var.type)
    (union_specifier name: (type_identifier) @var.type)
  ]
  declarator: [
    (identifier) @var
    (pointer_declarator declarator: (identifier) @var)
    (pointer_declarator declarator: (pointer_declarator declarator: (identifier) @var))
    (array_declarator declarator: (identifier) @var)
  ])

(declaration
  type: [
    (type_identifier) @var.type
    (struct_specifier name: (type_identifier) @var.type)
    (union_specifier name: (type_identifier) @var.type)
  ]
  declarator: [
    (identifier) @var
    (pointer_declarator declarator: (identifier) @var)
    (array_declarator declarator: (identifier) @var)
    (init_declarator declarator: (identifier) @var)
    (init_declarator declarator: (pointer_declarator declarator: (identifier) @var))
    (init_declarator declarator: (array_declarator declarator: (identifier) @var))
  ])

(field_declaration
  type: [
    (type_identifier) @field.type
    (struct_specifier name: (type_identifier) @field.type)
    (union_specifier name: (type_identifier) @field.type)
  ]
  declarator: [
    (field_identifier) @field
    (pointer_declarator declarator: (field_identifier) @field)
    (array_declarator declarator: (field_identifier) @field)
  ])
