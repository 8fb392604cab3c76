; `use A\B`, `use A\B as C`, `use function A\f`
(namespace_use_declaration
  (namespace_use_clause
    (qualified_name prefix: (namespace_name) @import.source (name) @import.name)
    alias: (name)? @import.alias)) @import
(namespace_use_declaration
  (namespace_use_clause . (name) @import.source @import.name alias: (name)? @import.alias) !body) @import

; `use A\{B, C\D as E}` is read from its text.
(namespace_use_declaration body: (namespace_use_group)) @import @import.tree

; Files, all of whose names come in. What is put together at run time (`__DIR__ . '/x.php'`) is known by its literal part.
([
  (include_expression (string (string_content) @import.source))
  (include_once_expression (string (string_content) @import.source))
  (require_expression (string (string_content) @import.source))
  (require_once_expression (string (string_content) @import.source))
  (include_expression (binary_expression right: (string (string_content) @import.source)))
  (include_once_expression (binary_expression right: (string (string_content) @import.source)))
  (require_expression (binary_expression right: (string (string_content) @import.source)))
  (require_once_expression (binary_expression right: (string (string_content) @import.source)))
] @import)
