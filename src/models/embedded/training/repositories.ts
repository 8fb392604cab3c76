/** The repositories of the model and their split: `repositories.tsv`, which decides, and where they lie here. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const SPLITS = ['train', 'dev', 'held-out', 'apart'] as const;
/**
 * `train` is learnt from. `dev` decides choices. `held-out` is only measured. `apart` is left to other measurements of
 * this project, and never read here.
 */
export type Split = (typeof SPLITS)[number];

export interface Repository {
  name: string;
  split: Split;
  commit: string;
  /** Joined by `OR`; '' before they were looked for. */
  licence: string;
}

const TABLE = path.join(import.meta.dirname, 'repositories.tsv');

export function readRepositories(file: string = TABLE): Repository[] {
  const rows = readFileSync(file, 'utf8').trim().split('\n').slice(1);
  return rows.map((row) => {
    const [name = '', split = '', commit = '', licence = ''] = row.split('\t');
    if (!SPLITS.includes(split as Split)) throw new Error(`${name}: no split is called ${split}`);
    return { name, split: split as Split, commit, licence };
  });
}

export function writeRepositories(repositories: Repository[], file: string = TABLE): void {
  const rows = repositories.map(({ name, split, commit, licence }) =>
    [name, split, commit, licence].join('\t'),
  );
  writeFileSync(file, `${['repository\tsplit\tcommit\tlicence', ...rows].join('\n')}\n`);
}

/** Directories by name, from a list file with one `<name> <path>` a line. */
export function readPlaces(file: string): Map<string, string> {
  const lines = readFileSync(file, 'utf8').split('\n');
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const found = /^(\S+)\s+(\S.*)$/.exec(line.trim());
      return found ? [[found[1]!, found[2]!]] : [];
    }),
  );
}
