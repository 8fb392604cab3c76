import { structuredPatch } from 'diff';
import { Problem } from '../../errors.ts';
import { previousSnapshot } from '../../store/ref-history.ts';
import { resolveIndexedRef } from '../../store/refs.ts';
import { listTree, type TreeFile } from '../../store/tree.ts';
import { lineCount } from '../lines.ts';
import { pathPattern } from '../search/path-pattern.ts';
import { termsOf } from '../search/terms.ts';
import type { Section } from './pack.ts';
import { readTexts, type Source } from './source.ts';
import type { ContextRequest } from './strategy.ts';

export type ChangeStatus = 'added' | 'modified' | 'deleted' | 'renamed';

export interface ChangedFile {
  path: string;
  status: ChangeStatus;
  /** Of a renamed file. */
  previousPath?: string;
}

interface Change extends ChangedFile {
  before: TreeFile | null;
  after: TreeFile | null;
}

export interface RecentChanges {
  sections: Section[];
  changedFiles: ChangedFile[];
  /** What was compared with: a ref or a commit; null when nothing earlier is kept. */
  from: string | null;
}

/** Files whose texts are compared, and files that are listed. */
const MAX_COMPARED = 60;
const MAX_LISTED = 500;
const CONTEXT_LINES = 3;
/** A diff that needs more edits is a rewrite: the whole file is the change. */
const MAX_EDITS = 2_000;

/**
 * What changed between `fromRef` (default: what the ref served before) and the ref: the changed regions of the files,
 * those the query speaks of first. Without anything earlier every file counts as new, and a warning says so.
 * @throws Problem `not_found` with `reason: "not_indexed"` for a `fromRef` that is not indexed
 */
export async function recentChanges(source: Source, request: ContextRequest): Promise<RecentChanges> {
  const { snapshot } = source;
  const base = await baseline(source, request.fromRef);
  const [after, before] = await Promise.all([
    listTree(snapshot.shard, snapshot.scope, snapshot.snapshotId),
    base ? listTree(snapshot.shard, snapshot.scope, base.snapshotId) : [],
  ]);
  const changes = compareTrees(before, after).filter(askedFor(request.paths ?? []));
  if (changes.length === 0) source.warnings.push(`nothing changed since ${base?.name ?? 'the beginning'}`);
  const ordered = byInterest(changes, request.query ?? '');
  return {
    sections: await changedSections(source, ordered.slice(0, MAX_COMPARED)),
    changedFiles: ordered
      .slice(0, MAX_LISTED)
      .map(({ path, status, previousPath }) => ({ path, status, ...(previousPath && { previousPath }) })),
    from: base?.name ?? null,
  };
}

async function baseline(
  { services, snapshot, warnings }: Source,
  fromRef: string | undefined,
): Promise<{ snapshotId: number; name: string } | null> {
  const { scope, served } = snapshot;
  if (fromRef !== undefined) {
    const from = await resolveIndexedRef(services.db, scope, fromRef);
    if (from) return { snapshotId: from.snapshotId, name: from.ref };
    throw new Problem(
      'not_found',
      `fromRef "${fromRef}" of "${scope.repo.name}" is not indexed; sync it first.`,
      {
        members: { reason: 'not_indexed' },
        errors: [{ pointer: '/fromRef', detail: 'is not indexed' }],
      },
    );
  }
  const previous = await previousSnapshot(services.db, scope, served);
  if (previous) return { snapshotId: previous.snapshotId, name: previous.commitSha };
  warnings.push(
    `no earlier snapshot of ${served.ref} is kept, so every file counts as new; name a fromRef to compare with`,
  );
  return null;
}

/** Files by what became of them. A path gone and another come with the same content is a rename. Pure. */
export function compareTrees(before: TreeFile[], after: TreeFile[]): Change[] {
  const old = new Map(before.map((file) => [file.path, file]));
  const now = new Set(after.map((file) => file.path));
  const gone = Map.groupBy(
    before.filter((file) => !now.has(file.path)),
    (file) => file.oid,
  );
  const changes: Change[] = [];
  for (const file of after) {
    const was = old.get(file.path);
    if (was?.oid === file.oid) continue;
    if (was) changes.push({ path: file.path, status: 'modified', before: was, after: file });
    else {
      const from = gone.get(file.oid)?.shift();
      changes.push(
        from
          ? { path: file.path, status: 'renamed', previousPath: from.path, before: from, after: file }
          : { path: file.path, status: 'added', before: null, after: file },
      );
    }
  }
  const deleted = [...gone.values()].flat();
  return [
    ...changes,
    ...deleted.map((file): Change => ({ path: file.path, status: 'deleted', before: file, after: null })),
  ];
}

function askedFor(paths: string[]): (change: Change) => boolean {
  const patterns = paths.map((path) => pathPattern(path, 'path'));
  return ({ path }) => patterns.length === 0 || patterns.some((pattern) => pattern.test(path));
}

const NOISE =
  /(^|\/)(package-lock\.json|yarn\.lock|pnpm-lock\.yaml|[^/]+\.lock|[^/]+\.snap|[^/]+\.map)$|(^|\/)(dist|build|vendor|__snapshots__)\//i;
const TEST = /(^|\/)(tests?|__tests__|spec)\/|[._-](test|spec)\./i;

/** What the query names first, then code before tests before generated files, modified before added before the rest. */
function byInterest(changes: Change[], query: string): Change[] {
  const words = termsOf(query).flatMap((term) => term.parts);
  const order: ChangeStatus[] = ['modified', 'added', 'renamed', 'deleted'];
  const named = (change: Change) => words.filter((word) => change.path.toLowerCase().includes(word)).length;
  const noise = ({ path, after }: Change) =>
    NOISE.test(path) || after?.skipped ? 2 : TEST.test(path) ? 1 : 0;
  return [...changes].sort(
    (a, b) =>
      named(b) - named(a) ||
      noise(a) - noise(b) ||
      order.indexOf(a.status) - order.indexOf(b.status) ||
      (a.path < b.path ? -1 : 1),
  );
}

async function changedSections(source: Source, changes: Change[]): Promise<Section[]> {
  const blobs = changes.flatMap(({ status, before, after }) =>
    status === 'modified' ? [before?.blob, after?.blob] : status === 'added' ? [after?.blob] : [],
  );
  const texts = await readTexts(
    source,
    blobs.filter((blob) => typeof blob === 'number'),
  );
  return changes.flatMap((change) => {
    const text = texts.get(change.after?.blob ?? -1);
    if (text === undefined) return [];
    const was = texts.get(change.before?.blob ?? -1);
    return was === undefined ? [wholeFile(change.path, text)] : regions(change.path, was, text);
  });
}

function wholeFile(path: string, text: string): Section {
  return { path, startLine: 1, endLine: lineCount(text), text, annotation: 'Added' };
}

/** The hunks of a change, as the lines of the new file with what was removed counted. */
function regions(path: string, before: string, text: string): Section[] {
  const patch = structuredPatch(path, path, before, text, undefined, undefined, {
    context: CONTEXT_LINES,
    maxEditLength: MAX_EDITS,
  });
  if (!patch) return [{ ...wholeFile(path, text), annotation: 'Rewritten' }];
  const last = lineCount(text);
  return patch.hunks.map((hunk) => {
    const added = hunk.lines.filter((line) => line.startsWith('+')).length;
    const removed = hunk.lines.filter((line) => line.startsWith('-')).length;
    const startLine = Math.min(Math.max(1, hunk.newStart), Math.max(1, last));
    const endLine = Math.min(Math.max(startLine, hunk.newStart + hunk.newLines - 1), Math.max(1, last));
    return {
      path,
      startLine,
      endLine,
      text,
      annotation: `Changed: +${added} -${removed} lines`,
    };
  });
}
