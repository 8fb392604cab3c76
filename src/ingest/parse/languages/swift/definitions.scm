(comment) @comment
(multiline_comment) @comment

(class_declaration
  declaration_kind: ["class" "actor"]
  name: (type_identifier) @name
  (inheritance_specifier)? @bases) @definition.class
(class_declaration
  declaration_kind: "struct"
  name: (type_identifier) @name
  (inheritance_specifier)? @bases) @definition.struct
(class_declaration
  declaration_kind: "enum"
  name: (type_identifier) @name
  (inheritance_specifier)? @bases) @definition.enum
(protocol_declaration
  name: (type_identifier) @name
  (inheritance_specifier)? @bases) @definition.interface

; The members of an extension are the type's.
(class_declaration
  declaration_kind: "extension"
  name: (user_type) @name
  (inheritance_specifier)? @bases) @scope

(function_declaration name: _ @name . ["(" (type_parameters)]) @definition.function
(protocol_function_declaration name: _ @name . ["(" (type_parameters)]) @definition.function
(init_declaration name: "init" @name) @definition.method
(deinit_declaration "deinit" @name) @definition.method
(subscript_declaration "subscript" @name) @definition.method
(macro_declaration (simple_identifier) @name) @definition.macro
(operator_declaration (custom_operator) @name) @definition.function

(typealias_declaration name: (type_identifier) @name) @definition.type
(associatedtype_declaration name: (type_identifier) @name) @definition.type

(enum_entry name: (simple_identifier) @name) @definition.constant
(protocol_property_declaration name: (pattern bound_identifier: (simple_identifier) @name)) @definition.field
(property_declaration
  name: (pattern bound_identifier: (simple_identifier) @name)
  computed_value: (_)? @body) @definition.variable
