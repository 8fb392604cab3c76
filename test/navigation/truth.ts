/**
 * Hand-checked call sites of real packages, and how answers about them are judged. Sites were drawn by a seeded random
 * sample of `name(` in the packages' code, with more of the hard kinds added until each was there, and then read: the
 * call, the types around it and the definition. A truth file is a table with tabs between its columns:
 * `package version path line`; `call`, the name as written; `caller`, the qualified name of the function around it (`-` at
 * the top of a file, empty where it has no name of its own); `callee`, `path#qualified.name` of what is called, `or`
 * between the places where one definition may be told to stand (a prototype and its body, a class and its constructor), or
 * `external` for what the package does not define; `may`, what else a call decided at run time may reach, `;` between,
 * `*.f` for any `f`; `kind`, what makes the site worth asking.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

export const LANGUAGES = ['python', 'go', 'java', 'cpp', 'rust'] as const;
export type Language = (typeof LANGUAGES)[number];

export interface Site {
  package: string;
  version: string;
  path: string;
  line: number;
  call: string;
  /** Null where the function around the call has no name to ask for. */
  caller: string | null;
  /** Places of the one definition that is meant; empty for what the package does not define. */
  callee: string[];
  may: string[];
  kind: string;
}

/** An answered edge: `path#qualified.name` and how sure it is said to be. */
export interface AnsweredEdge {
  target: string;
  confidence: number;
}

export function sitesOf(language: Language): Site[] {
  const file = path.join(import.meta.dirname, 'truth', `${language}.tsv`);
  const [, ...rows] = readFileSync(file, 'utf8').trimEnd().split('\n');
  return rows.map((row) => {
    const [packageName, version, file, line, call, caller, callee, may, kind] = row.split('\t');
    return {
      package: packageName!,
      version: version!,
      path: file!,
      line: Number(line),
      call: call!,
      caller: caller === '' || caller === '-' ? null : caller!,
      callee: callee === 'external' ? [] : callee!.split(' or '),
      may: may === '' ? [] : may!.split(';'),
      kind: kind!,
    };
  });
}

export function isRight(site: Site, target: string): boolean {
  return (
    site.callee.includes(target) ||
    site.may.some((one) => (one.startsWith('*') ? target.endsWith(one.slice(1)) : one === target))
  );
}

/** Edges from here on count as calls. */
export const COUNTED = 0.5;
const BUCKETS = [0.9, 0.7, COUNTED, 0];

export interface Judged {
  site: Site;
  edges: AnsweredEdge[];
}

export interface Measures {
  sites: number;
  precision: number;
  recall: number;
  f1: number;
  /** Of the edges marked as sure as this and less than the bucket before: how many, and the share that is right. */
  buckets: { from: number; edges: number; right: number }[];
}

/**
 * Precision and recall of the counted edges, and calibration of all. A site whose callee is among them is one hit; edges
 * that a call may reach at run time are neither hits nor mistakes.
 */
export function measure(judged: readonly Judged[]): Measures {
  let hits = 0;
  let mistakes = 0;
  let missed = 0;
  for (const { site, edges } of judged) {
    const counted = edges.filter((edge) => edge.confidence >= COUNTED);
    mistakes += counted.filter((edge) => !isRight(site, edge.target)).length;
    if (site.callee.length === 0) continue;
    if (counted.some((edge) => site.callee.includes(edge.target))) hits++;
    else missed++;
  }
  const all = judged.flatMap(({ site, edges }) =>
    edges.map((edge) => ({ ...edge, right: isRight(site, edge.target) })),
  );
  return {
    sites: judged.length,
    precision: ratio(hits, hits + mistakes),
    recall: ratio(hits, hits + missed),
    f1: ratio(2 * hits, 2 * hits + mistakes + missed),
    buckets: BUCKETS.map((from, index) => {
      const inside = all.filter(
        ({ confidence }) =>
          confidence >= from && confidence < (BUCKETS[index - 1] ?? Number.POSITIVE_INFINITY),
      );
      return {
        from,
        edges: inside.length,
        right: ratio(inside.filter(({ right }) => right).length, inside.length),
      };
    }),
  };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 1 : Math.round((part / whole) * 1000) / 1000;
}
