(comment) @comment

(namespace_declaration name: (_) @name) @definition.namespace
(file_scoped_namespace_declaration name: (_) @name) @definition.namespace @rest

(class_declaration name: (identifier) @name (base_list)? @bases) @definition.class
(record_declaration name: (identifier) @name (base_list)? @bases) @definition.class
(struct_declaration name: (identifier) @name (base_list)? @bases) @definition.struct
(interface_declaration name: (identifier) @name (base_list)? @bases) @definition.interface
(enum_declaration name: (identifier) @name) @definition.enum
(delegate_declaration name: (identifier) @name) @definition.type

(method_declaration name: (identifier) @name) @definition.method
(constructor_declaration name: (identifier) @name) @definition.method
(destructor_declaration "~" @name name: (identifier) @name) @definition.method
(local_function_statement name: (identifier) @name) @definition.function

; Members without an identifier go by their keyword and sign: `operator ==`, `operator int`, `this`.
(operator_declaration "operator" @name operator: _ @name) @definition.method
(conversion_operator_declaration "operator" @name type: (_) @name) @definition.method
(indexer_declaration "this" @name accessors: (accessor_list)? @body) @definition.field

(property_declaration name: (identifier) @name accessors: (accessor_list)? @body) @definition.field
(event_declaration name: (identifier) @name) @definition.field
(event_field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @definition.field
(field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @definition.field
(enum_member_declaration name: (identifier) @name) @definition.constant

; The parameters of a record are its properties.
(record_declaration (parameter_list (parameter name: (identifier) @name) @definition.field @exported))
