(line_comment) @comment
(block_comment) @comment
(attribute_item) @attribute

(struct_item (visibility_modifier)? @exported name: (_) @name) @definition.struct
(union_item (visibility_modifier)? @exported name: (_) @name) @definition.struct
(enum_item (visibility_modifier)? @exported name: (_) @name) @definition.enum
(enum_variant name: (_) @name) @definition.constant
(trait_item (visibility_modifier)? @exported name: (_) @name bounds: (_)? @bases) @definition.trait
(type_item (visibility_modifier)? @exported name: (_) @name) @definition.type
(associated_type name: (_) @name) @definition.type
(mod_item (visibility_modifier)? @exported name: (_) @name) @definition.namespace
(function_item (visibility_modifier)? @exported name: (_) @name) @definition.function
(function_signature_item (visibility_modifier)? @exported name: (_) @name) @definition.function
(const_item (visibility_modifier)? @exported name: (_) @name) @definition.constant
(static_item (visibility_modifier)? @exported name: (_) @name) @definition.variable
(macro_definition name: (_) @name) @definition.macro
(field_declaration (visibility_modifier)? @exported name: (_) @name) @definition.field

(impl_item !trait type: (_) @name) @scope
(impl_item trait: (_) @bases type: (_) @name) @scope
