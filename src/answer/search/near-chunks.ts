/** The semantic signal: chunks whose vectors are near the question's. */
import { ByteLru } from '../../lru.ts';
import { type NearChunk, VectorsMoved } from '../../models/vector-store.ts';
import type { Services } from '../../services.ts';
import type { RepoScope } from '../../store/scope.ts';
import { type HeldSet, MAX_SETS, type SetPlace, setsOf } from '../../store/vector-sets.ts';
import type { Lookup } from './lookup.ts';

/** What the semantic signal found. */
export interface Near {
  lists: Map<Lookup, NearChunk[]>;
  /** Why it is missing, in part or as a whole. */
  notes: string[];
}

/** Of each repo: enough that a chunk found by its words has its nearness, too, if it has any to speak of. */
const LEAST_NEAR = 200;
/** Vectors that one question is compared with: some 50 ms. Repos beyond are answered by the other signals. */
const MAX_SCANNED = 400_000;

type Meaning = Pick<Services, 'embedder' | 'vectors' | 'log'>;

/** Finds the nearest chunks of each lookup. It never fails a search: what is missing is said in the notes. */
export async function nearChunks(s: Meaning, lookups: Lookup[], question: string): Promise<Near> {
  const near: Near = { lists: new Map(), notes: [] };
  if (lookups.length === 0 || question === '') return near;
  if (!s.embedder || !s.vectors)
    return { ...near, notes: ['no embedder is configured; ranked without semantic similarity'] };
  try {
    const [wanted] = await s.embedder.embed([question], 'query');
    let left = MAX_SCANNED;
    for (const lookup of lookups) {
      const found = await nearOf(s as Ready, lookup, wanted!, left);
      if ('note' in found) near.notes.push(found.note);
      else {
        near.lists.set(lookup, found.list);
        left -= found.scanned;
      }
    }
  } catch (error) {
    s.log.warn('semantic search failed', { error });
    near.notes.push('the embedder did not answer; ranked without semantic similarity');
  }
  return { ...near, notes: [...new Set(near.notes)] };
}

type Ready = { [Key in keyof Meaning]: NonNullable<Meaning[Key]> };

async function nearOf(
  s: Ready,
  lookup: Lookup,
  wanted: Float32Array,
  left: number,
): Promise<{ list: NearChunk[]; scanned: number } | { note: string }> {
  const { scope } = lookup.target;
  for (let again = 0; ; again++) {
    const { sets: held, places } = narrowed(lookup, await heldSets(s, lookup));
    if (places.length < held.length) return { note: lacking(scope, held, places) };
    const scanned = places.reduce((sum, place) => sum + place.count, 0);
    if (scanned > left || held.length === MAX_SETS)
      return {
        note: `too much code to compare with the question; ${scope.repo.name} is ranked without semantic similarity`,
      };
    try {
      const list = await s.vectors.nearest(scope, places, wanted, Math.max(LEAST_NEAR, lookup.pool));
      return { list: list.filter(({ cosine }) => cosine > s.embedder.unrelated), scanned };
    } catch (error) {
      if (!(error instanceof VectorsMoved) || again > 0) throw error;
      known.delete(keyOf(s, lookup));
    }
  }
}

function lacking({ repo }: RepoScope, held: HeldSet[], places: SetPlace[]): string {
  return `${held.length - places.length} of ${held.length} files of ${repo.name} have no vectors of the model yet; ranked without semantic similarity`;
}

/** Sets and where they lie. Of a snapshot the same list each time: the store works out once how it is read. */
interface Held {
  sets: HeldSet[];
  places: SetPlace[];
}

function withPlaces(sets: HeldSet[]): Held {
  return { sets, places: sets.flatMap((set) => set.place ?? []) };
}

function narrowed({ langs, blobIds }: Lookup, held: Held): Held {
  if (!langs && !blobIds) return held;
  const allowed = blobIds && new Set(blobIds);
  return withPlaces(
    held.sets.filter(
      ({ blobId, lang }) => (!langs || langs.includes(lang)) && (!allowed || allowed.has(blobId)),
    ),
  );
}

/** Where the vectors of snapshots lie: a snapshot never changes, and what is merged is noticed (`VectorsMoved`). */
const known = new ByteLru<string, Held>(8 * 1024 * 1024);
const SET_BYTES = 150;

async function heldSets(s: Ready, lookup: Lookup): Promise<Held> {
  const key = keyOf(s, lookup);
  const cached = known.get(key);
  if (cached) return cached;
  const held = withPlaces(
    await setsOf(lookup.shard, lookup.target.scope, snapshotsOf(lookup), s.embedder.id),
  );
  const { sets, places } = held;
  if (places.length === sets.length) known.set(key, held, sets.length * SET_BYTES);
  return held;
}

function keyOf(s: Ready, lookup: Lookup): string {
  return `${lookup.target.scope.repo.key}:${snapshotsOf(lookup)}:${s.embedder.id}`;
}

function snapshotsOf({ target }: Lookup): number[] {
  return target.refs.map((ref) => ref.snapshotId);
}
