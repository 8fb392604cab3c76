(line_comment) @comment
(block_comment) @comment

; The package owns what follows it, to the end of the file.
(package_declaration [(scoped_identifier) (identifier)] @name) @definition.namespace @rest

(class_declaration
  name: (identifier) @name
  superclass: (superclass (_) @bases)?
  interfaces: (super_interfaces (type_list) @bases)?) @definition.class
(record_declaration
  name: (identifier) @name
  interfaces: (super_interfaces (type_list) @bases)?) @definition.class
(interface_declaration
  name: (identifier) @name
  (extends_interfaces (type_list) @bases)?) @definition.interface
(annotation_type_declaration name: (identifier) @name) @definition.interface
(enum_declaration
  name: (identifier) @name
  interfaces: (super_interfaces (type_list) @bases)?) @definition.enum

(method_declaration name: (identifier) @name) @definition.method
(constructor_declaration name: (identifier) @name) @definition.method
(compact_constructor_declaration name: (identifier) @name) @definition.method
(annotation_type_element_declaration name: (identifier) @name) @definition.method

(enum_constant name: (identifier) @name) @definition.constant
(constant_declaration declarator: (variable_declarator name: (identifier) @name)) @definition.constant
(field_declaration declarator: (variable_declarator name: (identifier) @name)) @definition.field

; The components of a record are its fields.
(record_declaration parameters: (formal_parameters (formal_parameter name: (identifier) @name) @definition.field))
