(import_spec !name path: (_) @import.source @import.name) @import
(import_spec name: (package_identifier) @import.alias path: (_) @import.source) @import
(import_spec name: (dot) path: (_) @import.source) @import
(import_spec name: (blank_identifier) path: (_) @import.source @import.effect) @import
