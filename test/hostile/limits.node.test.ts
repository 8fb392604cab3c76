import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { DEFAULT_BODY_LIMIT } from '../../src/http/guard.ts';
import { WALK_LIMITS } from '../../src/ingest/indexing/walk.ts';
import { MAX_REFS } from '../../src/ingest/mirror/discovery.ts';
import { INTAKE_LIMITS } from '../../src/ingest/mirror/limits.ts';
import { MAX_TALK_BYTES } from '../../src/ingest/mirror/pkt-line.ts';
import { MAX_TREE_ENTRIES } from '../../src/ingest/mirror/trees.ts';
import { MAX_PARSED_BYTES } from '../../src/ingest/parse/facts.ts';

const readme = readFileSync(path.resolve(import.meta.dirname, '../../README.md'), 'utf8');

/** As the README writes bytes. */
function size(bytes: number): string {
  const units = ['KB', 'MB', 'GB'];
  let rest = bytes / 1024;
  while (rest >= 1024 && units.length > 1) {
    rest /= 1024;
    units.shift();
  }
  return `${Math.round(rest)} ${units[0]}`;
}

const count = (n: number) => n.toLocaleString('en');

test.each([
  ['objects of a pack', count(INTAKE_LIMITS.maxObjects)],
  [
    'bytes of a pack, inflated bytes of its objects',
    `${size(INTAKE_LIMITS.maxPackBytes + 1)}, ${size(INTAKE_LIMITS.maxTotalBytes)}`,
  ],
  ['delta chain', count(INTAKE_LIMITS.maxDeltaDepth)],
  ['delta base or result', size(INTAKE_LIMITS.maxDeltaBytes)],
  ['files and directories of a commit, depth', `${count(WALK_LIMITS.entries)}, ${WALK_LIMITS.depth}`],
  ['entries of a directory', count(MAX_TREE_ENTRIES)],
  ['branches and tags', count(MAX_REFS)],
  ['what a remote says beside the pack', size(MAX_TALK_BYTES)],
  ['a parsed file', size(MAX_PARSED_BYTES)],
  ['a body', size(DEFAULT_BODY_LIMIT)],
])('the README tells the limit of %s as it is: %s', (of, atMost) => {
  expect(readme).toContain(`| ${of} | ${atMost} |`);
});
