/**
 * For plain Node, with `--import`: what the bundler does for the Workers. A `.scm` file is its text, a `.wasm` file a
 * compiled module, a `.bin` file its bytes.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

registerHooks({
  load(url, context, nextLoad) {
    if (url.endsWith('.scm')) {
      const text = readFileSync(fileURLToPath(url), 'utf8');
      return { format: 'module', shortCircuit: true, source: `export default ${JSON.stringify(text)};` };
    }
    if (url.endsWith('.wasm')) {
      const source = [
        `import { readFileSync } from 'node:fs';`,
        `export default new WebAssembly.Module(readFileSync(new URL(${JSON.stringify(url)})));`,
      ].join('\n');
      return { format: 'module', shortCircuit: true, source };
    }
    if (url.endsWith('.bin')) {
      const source = [
        `import { readFileSync } from 'node:fs';`,
        `export default new Uint8Array(readFileSync(new URL(${JSON.stringify(url)}))).buffer;`,
      ].join('\n');
      return { format: 'module', shortCircuit: true, source };
    }
    return nextLoad(url, context);
  },
});
