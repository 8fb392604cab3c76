import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../../src/local/model.ts';
import { CHECKOUT } from '../../src/local/server.ts';

const MODEL_FILE = 'src/models/embedded/model.bin';

describe('the model, before anything starts', () => {
  it('is taken when it is the one that vectors are stored under', async () => {
    await expect(checkModel(CHECKOUT)).resolves.toBeUndefined();
  });

  it('is refused when it is damaged or missing, with the file and what to do', async () => {
    const checkout = mkdtempSync(path.join(tmpdir(), 'sightline-model-'));
    await expect(checkModel(checkout)).rejects.toThrow(`${MODEL_FILE}: `);
    cpSync(path.join(CHECKOUT, MODEL_FILE), path.join(checkout, MODEL_FILE));
    await expect(checkModel(checkout)).resolves.toBeUndefined();
    const bytes = readFileSync(path.join(checkout, MODEL_FILE));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path.join(checkout, MODEL_FILE), bytes);
    await expect(checkModel(checkout)).rejects.toThrow(/model\.bin: .* damaged; check it out again/);
  });
});
