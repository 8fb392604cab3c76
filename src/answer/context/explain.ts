import { lineCount } from '../lines.ts';
import type { Section } from './pack.ts';
import { focusSections } from './paths.ts';
import { filesContaining, find, hitSections, nameOf, plainWords, readTexts, type Source } from './source.ts';
import type { ContextRequest } from './strategy.ts';

const HITS = 25;
const DOCS = 3;
/** Of a document or entry file taken whole. */
const MAX_OPENING = 120;

/** Explain: what was asked about, its documentation, then where the program begins. */
export async function explain(source: Source, request: ContextRequest): Promise<Section[]> {
  const focus = await focusSections(source, request.paths);
  const words = plainWords(request.query ?? '');
  const [hits, docs] = await Promise.all([
    find(source, words, { limit: HITS }),
    find(source, words, { limit: DOCS, lang: 'markdown' }),
  ]);
  const code = hits.filter((hit) => hit.lang !== 'markdown');
  const [code_, docs_] = await Promise.all([
    hitSections(source, code.length > 0 ? code : hits, (hit) => `Matches the question: ${nameOf(hit)}`),
    hitSections(source, docs, (hit) => `Documentation: ${hit.symbolName ?? hit.filePath}`),
  ]);
  const about = [...focus, ...interleave(code_, docs_)];
  return about.length > 0 && words !== '' ? about : [...about, ...(await openings(source))];
}

/** The best of the code, then the best document, then the rest of each. */
function interleave(code: Section[], docs: Section[]): Section[] {
  return [...code.slice(0, 2), ...docs.slice(0, 1), ...code.slice(2), ...docs.slice(1)];
}

const README = /(^|\/)readme(\.\w+)?$/i;
const MANIFEST =
  /(^|\/)(package\.json|pyproject\.toml|setup\.py|cargo\.toml|go\.mod|pom\.xml|build\.gradle(\.kts)?|composer\.json|gemfile|package\.swift|[^/]+\.csproj)$/i;
const ENTRY =
  /(^|\/)(main|index|app|server|cli|lib|mod|__main__|__init__|program|application)\.(?!d\.)[a-z]+$/i;
const ASIDE = /(^|\/)(test|tests|__tests__|examples?|fixtures|vendor|dist|build|docs?)\//i;

/** Where a reader starts without a question: the README, the manifest, the entry points nearest to the root. */
async function openings(source: Source): Promise<Section[]> {
  const files = await filesContaining(source, '');
  const near = files
    .filter((file) => !ASIDE.test(file.path))
    .sort((a, b) => depth(a.path) - depth(b.path) || a.path.length - b.path.length);
  const chosen = [
    ...near.filter((file) => README.test(file.path)).slice(0, 1),
    ...near.filter((file) => MANIFEST.test(file.path)).slice(0, 1),
    ...near.filter((file) => ENTRY.test(file.path)).slice(0, 8),
  ];
  const picked = chosen.length > 0 ? chosen : near.slice(0, 5);
  const texts = await readTexts(
    source,
    picked.map((file) => file.blobId),
  );
  return picked.flatMap(({ path, blobId }) => {
    const text = texts.get(blobId);
    if (text === undefined) return [];
    const endLine = Math.min(MAX_OPENING, lineCount(text));
    return [{ path, startLine: 1, endLine, text, annotation: openingOf(path) }];
  });
}

function openingOf(path: string): string {
  if (README.test(path)) return 'What the project says of itself';
  return MANIFEST.test(path) ? 'What it is made of' : 'Entry point';
}

function depth(path: string): number {
  return path.split('/').length;
}
