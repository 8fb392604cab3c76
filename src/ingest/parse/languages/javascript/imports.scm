(import_statement (import_clause (identifier) @import.default) source: (string) @import.source) @import
(import_statement (import_clause (namespace_import (identifier) @import.namespace)) source: (string) @import.source) @import
(import_statement (import_clause (named_imports) @import.names) source: (string) @import.source) @import
(import_statement . source: (string) @import.source @import.effect) @import
(export_statement (export_clause) @import.names source: (string) @import.source @import.reexport) @import
(export_statement (namespace_export (_) @import.namespace) source: (string) @import.source @import.reexport) @import
(export_statement "*" source: (string) @import.source @import.reexport) @import

((variable_declarator name: (identifier) @import.namespace value: (call_expression function: (identifier) @_require arguments: (arguments . (string) @import.source .))) @import (#eq? @_require "require"))
((variable_declarator name: (object_pattern) @import.names value: (call_expression function: (identifier) @_require arguments: (arguments . (string) @import.source .))) @import (#eq? @_require "require"))
((variable_declarator name: (identifier) @import.alias value: (member_expression object: (call_expression function: (identifier) @_require arguments: (arguments . (string) @import.source .)) property: (property_identifier) @import.name)) @import (#eq? @_require "require"))
((expression_statement (call_expression function: (identifier) @_require arguments: (arguments . (string) @import.source @import.effect .))) @import (#eq? @_require "require"))
(variable_declarator name: (identifier) @import.namespace value: (await_expression (call_expression function: (import) arguments: (arguments . (string) @import.source)))) @import
(variable_declarator name: (object_pattern) @import.names value: (await_expression (call_expression function: (import) arguments: (arguments . (string) @import.source)))) @import
(call_expression function: (import) arguments: (arguments . (string) @import.source)) @import
; module.exports = require('m'): the module passes on all of m
((assignment_expression left: (member_expression object: (identifier) @_module property: (property_identifier) @_exports) right: (call_expression function: (identifier) @_require arguments: (arguments . (string) @import.source @import.reexport .))) @import (#eq? @_module "module") (#eq? @_exports "exports") (#eq? @_require "require"))
