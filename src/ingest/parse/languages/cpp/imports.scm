; What C++ adds to #include: `using` brings names in, `import` a module.

(using_declaration "namespace" [(identifier) (qualified_identifier)] @import.source) @import
(using_declaration . "using" . (qualified_identifier scope: (_) @import.source name: [
  (identifier) @import.name
  (qualified_identifier name: (identifier) @import.name)
])) @import
(import_declaration name: (module_name) @import.source) @import
