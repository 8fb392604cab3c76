; What a file defines is visible to all that require it.
((call
  !receiver
  method: (identifier) @_require
  arguments: (argument_list . (string (string_content) @import.source))) @import
  (#any-of? @_require "require" "load"))

; `require_relative 'x'` starts at the file: `./` says so.
((call
  !receiver
  method: (identifier) @_require
  arguments: (argument_list . (string) @import.tree)) @import
  (#eq? @_require "require_relative"))

((call
  !receiver
  method: (identifier) @_autoload
  arguments: (argument_list . (simple_symbol) @import.name . (string (string_content) @import.source))) @import
  (#eq? @_autoload "autoload"))
