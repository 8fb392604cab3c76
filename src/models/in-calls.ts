/** What a call of a hosted model takes: texts, and characters of each. A chunk is far below. */
const TEXTS_A_CALL = 100;
const MAX_CHARACTERS = 8_000;

/**
 * Embeds texts by a model that takes some at a time, one call after another, and checks what it answers.
 * @throws Error when it answers with another number of vectors, or with vectors of another length or without direction
 */
export async function inCalls(
  texts: readonly string[],
  dimensions: number,
  call: (texts: string[]) => Promise<readonly (readonly number[])[]>,
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (let at = 0; at < texts.length; at += TEXTS_A_CALL) {
    // A model refuses an empty text; one space means as little.
    const some = texts.slice(at, at + TEXTS_A_CALL).map((text) => text.slice(0, MAX_CHARACTERS) || ' ');
    const answer = await call(some);
    if (answer.length !== some.length)
      throw new Error(`the model answered ${answer.length} vectors for ${some.length} texts`);
    for (const values of answer) vectors.push(unit(values, dimensions));
  }
  return vectors;
}

function unit(values: readonly number[], dimensions: number): Float32Array {
  if (values.length !== dimensions)
    throw new Error(
      `the model answered ${values.length} values a vector; EMBEDDING_DIMENSIONS is ${dimensions}`,
    );
  const length = Math.hypot(...values);
  if (!Number.isFinite(length)) throw new Error('the model answered a vector that is none');
  return Float32Array.from(values, (value) => (length === 0 ? 0 : value / length));
}
