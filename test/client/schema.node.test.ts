import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { clientDocument, fingerprint } from '../../src/client/generate.ts';

test('the types of the client are those of the API as it is now, and as they were made', () => {
  const file = path.resolve(import.meta.dirname, '../../src/client/schema.d.ts');
  const [first, ...types] = readFileSync(file, 'utf8').split('\n');
  expect(first, 'run npm run client').toBe(fingerprint(clientDocument(), types.join('\n')));
});
