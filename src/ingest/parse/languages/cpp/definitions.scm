; What C++ adds to the definitions of C (languages/c/definitions.scm, which stands before this).

; `template <…>` stands around what it introduces: it counts as an attribute of it.
(template_declaration "template" @attribute parameters: (template_parameter_list) @attribute (requires_clause)? @attribute)

; Functions: members, operators, destructors, references, and `T::f` outside its class.

(function_definition
  declarator: [
    (function_declarator declarator: [(field_identifier) (operator_name) (destructor_name)] @name)
    (pointer_declarator declarator: (function_declarator declarator: [(field_identifier) (operator_name)] @name))
    (pointer_declarator declarator: (pointer_declarator
      declarator: (function_declarator declarator: (field_identifier) @name)))
    (reference_declarator (function_declarator declarator: [(identifier) (field_identifier) (operator_name)] @name))
    (function_declarator declarator: (template_function name: (identifier) @name))
    (function_declarator declarator: (template_method name: (field_identifier) @name))
  ]) @definition.function

(function_definition
  declarator: (function_declarator declarator: [
      (qualified_identifier scope: (_) @owner name: [(identifier) (operator_name) (destructor_name)] @name)
      (qualified_identifier name: (qualified_identifier scope: (_) @owner name: [(identifier) (operator_name) (destructor_name)] @name))
      (qualified_identifier name: (qualified_identifier name: (qualified_identifier
        scope: (_) @owner name: [(identifier) (operator_name) (destructor_name)] @name)))
    ])) @definition.method

(function_definition
  declarator: (pointer_declarator declarator: (function_declarator declarator: [
      (qualified_identifier scope: (_) @owner name: [(identifier) (operator_name) (destructor_name)] @name)
      (qualified_identifier name: (qualified_identifier scope: (_) @owner name: [(identifier) (operator_name) (destructor_name)] @name))
      (qualified_identifier name: (qualified_identifier name: (qualified_identifier
        scope: (_) @owner name: [(identifier) (operator_name) (destructor_name)] @name)))
    ]))) @definition.method

(function_definition
  declarator: (reference_declarator (function_declarator declarator: [
      (qualified_identifier scope: (_) @owner name: [(identifier) (operator_name) (destructor_name)] @name)
      (qualified_identifier name: (qualified_identifier scope: (_) @owner name: [(identifier) (operator_name) (destructor_name)] @name))
      (qualified_identifier name: (qualified_identifier name: (qualified_identifier
        scope: (_) @owner name: [(identifier) (operator_name) (destructor_name)] @name)))
    ]))) @definition.method

(field_declaration
  declarator: [
    (function_declarator declarator: [(field_identifier) (operator_name)] @name)
    (pointer_declarator declarator: (function_declarator declarator: [(field_identifier) (operator_name)] @name))
    (pointer_declarator declarator: (pointer_declarator
      declarator: (function_declarator declarator: (field_identifier) @name)))
    (reference_declarator (function_declarator declarator: [(field_identifier) (operator_name)] @name))
  ]) @definition.method

(declaration
  declarator: [
    (function_declarator declarator: [(field_identifier) (operator_name) (destructor_name)] @name)
    (pointer_declarator declarator: (function_declarator declarator: (operator_name) @name))
    (reference_declarator (function_declarator declarator: [(identifier) (operator_name)] @name))
  ]) @definition.function

; Conversion operators have no identifier: `operator bool` is their name.

(function_definition declarator: (operator_cast "operator" @name type: (_) @name)) @definition.function
(declaration declarator: (operator_cast "operator" @name type: (_) @name)) @definition.function
(function_definition
  declarator: (qualified_identifier
    scope: (_) @owner
    name: (operator_cast "operator" @name type: (_) @name))) @definition.method

; Variables of a reference type, and static members defined outside their class.

(declaration
  declarator: [
    (reference_declarator (identifier) @name)
    (init_declarator declarator: (reference_declarator (identifier) @name))
  ]) @definition.variable
(declaration
  declarator: (init_declarator declarator: (qualified_identifier scope: (_) @owner name: (identifier) @name))) @definition.field

(field_declaration
  declarator: [
    (reference_declarator (field_identifier) @name)
    (array_declarator declarator: (field_identifier) @name)
  ]) @definition.field

; Types. A specialization (`hash<Foo>`) goes by the name of its template, `struct A::B` belongs to A.

(class_specifier name: (type_identifier) @name (base_class_clause)? @bases body: (field_declaration_list) @body) @definition.class
(class_specifier
  name: (template_type name: (type_identifier) @name)
  (base_class_clause)? @bases
  body: (field_declaration_list) @body) @definition.class
(class_specifier
  name: (qualified_identifier scope: (_) @owner name: (type_identifier) @name)
  (base_class_clause)? @bases
  body: (field_declaration_list) @body) @definition.class
(struct_specifier name: (type_identifier) @name (base_class_clause) @bases body: (field_declaration_list) @body) @definition.struct
(struct_specifier
  name: (template_type name: (type_identifier) @name)
  (base_class_clause)? @bases
  body: (field_declaration_list) @body) @definition.struct
(struct_specifier
  name: (qualified_identifier scope: (_) @owner name: (type_identifier) @name)
  (base_class_clause)? @bases
  body: (field_declaration_list) @body) @definition.struct
(enum_specifier
  name: (qualified_identifier scope: (_) @owner name: (type_identifier) @name)
  body: (enumerator_list) @body) @definition.enum

(alias_declaration name: (type_identifier) @name) @definition.type
(concept_definition name: (identifier) @name) @definition.type

(namespace_definition name: (namespace_identifier) @name body: (declaration_list) @body) @definition.namespace
(namespace_definition name: (nested_namespace_specifier) @name body: (declaration_list) @body) @definition.namespace
(namespace_alias_definition name: (namespace_identifier) @name) @definition.namespace
