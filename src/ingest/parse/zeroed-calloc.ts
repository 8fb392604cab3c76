/**
 * A repair of the memory that grammars ask for. The scanner of Swift allocates its state with `calloc(0, size)`: no
 * bytes, so it starts with whatever lay there before, and what a file parses to depends on the files before it. The
 * shim asks for one element where none is asked for. It is WebAssembly because Workers cannot make a function for a
 * grammar to call from JavaScript; `zeroed-calloc.wasm` is, in text:
 *
 *     (module
 *       (import "env" "calloc" (func $calloc (param i32 i32) (result i32)))
 *       (func (export "calloc") (param i32 i32) (result i32)
 *         local.get 0  i32.eqz  local.get 0  i32.add  local.get 1  call $calloc))
 */
import shim from './zeroed-calloc.wasm';

/** The runtime's exports with a `calloc` that never hands out uninitialised state. */
export function withZeroedCalloc(exports: WebAssembly.Exports): WebAssembly.Exports {
  const { calloc } = exports;
  if (typeof calloc !== 'function') return exports;
  const instance = new WebAssembly.Instance(shim, { env: { calloc } });
  return { ...exports, ...instance.exports };
}
