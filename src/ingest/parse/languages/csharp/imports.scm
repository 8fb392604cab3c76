; `using A.B;` and `using static A.B;` open a namespace or a type; `global` opens it for the whole project.
(using_directive !name [(identifier) (qualified_name) (alias_qualified_name)] @import.source) @import
(using_directive "global" @import.reexport !name [(identifier) (qualified_name)] @import.source) @import

; `using X = A.B;`
(using_directive
  name: (identifier) @import.alias
  (qualified_name qualifier: (_) @import.source name: [
    (identifier) @import.name
    (generic_name . (identifier) @import.name)
  ])) @import
