(use_declaration) @import @import.tree
(extern_crate_declaration !alias name: (identifier) @import.source @import.name) @import
(extern_crate_declaration name: (identifier) @import.source @import.name alias: (identifier) @import.alias) @import
(mod_item name: (identifier) @import.source !body) @import
