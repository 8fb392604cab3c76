/** Modules that wrangler's rules give a type: grammars are compiled WebAssembly, queries are text, a model is bytes. */
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
declare module '*.scm' {
  const text: string;
  export default text;
}
declare module '*.bin' {
  const bytes: ArrayBuffer;
  export default bytes;
}
