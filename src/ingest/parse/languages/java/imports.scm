; `import a.b.C` and `import static a.b.C.m`: the last segment is the name, what stands before it the source.
(import_declaration
  (scoped_identifier scope: (_) @import.source name: (identifier) @import.name) .) @import

; `import a.b.*`
(import_declaration [(scoped_identifier) (identifier)] @import.source . (asterisk)) @import
