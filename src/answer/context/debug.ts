import { Problem } from '../../errors.ts';
import { lineCount } from '../lines.ts';
import { calleesOf } from '../navigate/callees.ts';
import { callersOf } from '../navigate/callers.ts';
import type { SearchHit } from '../search/hit.ts';
import { framesOf, literalsOf } from './error-text.ts';
import type { Section } from './pack.ts';
import { focusSections } from './paths.ts';
import { filesContaining, find, hitSections, nameOf, plainWords, readTexts, type Source } from './source.ts';
import type { ContextRequest } from './strategy.ts';

const AROUND = 15;
const MAX_FRAMES = 8;
const PAGE = { limit: 8, offset: 0, minConfidence: 0.5 };
const MAX_NEIGHBOUR_LINES = 80;

/** Debug: the lines of a stack trace, the code that says the error's words, and who calls it and what it calls. */
export async function debug(source: Source, request: ContextRequest): Promise<Section[]> {
  const query = request.query ?? '';
  const [focus, frames, said] = await Promise.all([
    focusSections(source, request.paths),
    frameSections(source, query),
    sayers(source, query),
  ]);
  const near = await find(source, plainWords(query), { limit: 12 });
  const suspects = [...said, ...near.filter((hit) => hit.lang !== 'markdown')];
  const [said_, near_, neighbours] = await Promise.all([
    hitSections(source, said, (hit) => `Says the error's words: ${nameOf(hit)}`),
    hitSections(source, near, (hit) => `Matches the question: ${nameOf(hit)}`),
    callNeighbours(source, suspects.slice(0, 2)),
  ]);
  return [...frames, ...said_, ...focus, ...near_.slice(0, 2), ...neighbours, ...near_.slice(2)];
}

/** Code that holds a longer literal piece of the error, as it stands. */
async function sayers(source: Source, query: string): Promise<SearchHit[]> {
  for (const literal of literalsOf(query)) {
    const hits = await find(source, `content:${JSON.stringify(literal)}`, { limit: 4 });
    if (hits.length > 0) return hits;
  }
  return [];
}

async function frameSections(source: Source, query: string): Promise<Section[]> {
  const sections: Section[] = [];
  for (const frame of framesOf(query).slice(0, MAX_FRAMES)) {
    const [file] = (await filesContaining(source, frame.path)).filter(
      ({ path }) => frame.path.endsWith(path) || path.endsWith(frame.path),
    );
    if (!file) continue;
    const text = (await readTexts(source, [file.blobId])).get(file.blobId);
    if (text === undefined || frame.line > lineCount(text)) continue;
    const startLine = Math.max(1, frame.line - AROUND);
    const endLine = Math.min(lineCount(text), frame.line + AROUND);
    sections.push({
      path: file.path,
      startLine,
      endLine,
      text,
      annotation: `Stack trace, line ${frame.line}`,
    });
  }
  return sections;
}

/** Callers and callees of the likeliest suspects. */
async function callNeighbours(source: Source, suspects: SearchHit[]): Promise<Section[]> {
  const lists = await Promise.all(suspects.map((hit) => neighboursOf(source, hit)));
  return lists.flat();
}

async function neighboursOf(source: Source, hit: SearchHit): Promise<Section[]> {
  if (hit.symbol === null) return [];
  const query = { name: hit.symbol.qualifiedName, path: hit.filePath };
  try {
    const [up, down] = await Promise.all([
      callersOf(source.snapshot, query, PAGE),
      calleesOf(source.snapshot, query, PAGE),
    ]);
    const callers = up.callers.map((each) => ({
      path: each.filePath,
      startLine: each.kind === 'file' ? each.line : each.callerStartLine,
      endLine: each.kind === 'file' ? each.line : each.callerEndLine,
      annotation: `Calls ${query.name}: ${each.qualifiedName}`,
    }));
    const callees = down.callees.map((each) => ({
      path: each.filePath,
      startLine: each.calleeStartLine,
      endLine: each.calleeEndLine,
      annotation: `Called by ${query.name}: ${each.qualifiedName}`,
    }));
    return withTexts(source, [...callers, ...callees]);
  } catch (error) {
    // Headings and names that navigation does not know have no callers.
    if (error instanceof Problem && error.slug === 'not_found') return [];
    throw error;
  }
}

async function withTexts(source: Source, parts: Omit<Section, 'text'>[]): Promise<Section[]> {
  const files = new Map<string, number>();
  await Promise.all(
    [...new Set(parts.map((part) => part.path))].map(async (path) => {
      const found = (await filesContaining(source, path)).find((file) => file.path === path);
      if (found) files.set(path, found.blobId);
    }),
  );
  const texts = await readTexts(source, [...files.values()]);
  return parts.flatMap((part) => {
    const text = texts.get(files.get(part.path) ?? -1);
    const endLine = Math.min(part.endLine, part.startLine + MAX_NEIGHBOUR_LINES - 1);
    return text === undefined ? [] : [{ ...part, endLine, text }];
  });
}
