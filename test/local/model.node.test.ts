import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../../src/local/model.ts';
import { CHECKOUT, freePort } from '../../src/local/server.ts';

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

  it('stops a start before anything else, without a stack', async () => {
    const checkout = mkdtempSync(path.join(tmpdir(), 'sightline-start-'));
    for (const entry of ['src', 'workers', 'package.json', 'wrangler.toml'])
      cpSync(path.join(CHECKOUT, entry), path.join(checkout, entry), { recursive: true });
    symlinkSync(path.join(CHECKOUT, 'node_modules'), path.join(checkout, 'node_modules'));
    writeFileSync(path.join(checkout, MODEL_FILE), 'no model');
    const env = { ...process.env, PORT: String(await freePort()), STATE_DIR: path.join(checkout, 'state') };
    for (const program of ['start', 'check']) {
      const { status, stderr } = spawnSync(process.execPath, [`src/local/${program}.ts`], {
        cwd: checkout,
        env,
        encoding: 'utf8',
      });
      expect(stderr).toMatch(
        /model\.bin: the embedding model cannot be used: it is no model file; check it out again\n$/,
      );
      expect(stderr).not.toContain('    at ');
      expect(status).toBe(1);
    }
  });
});
