/** What the model that is committed was made with; each was chosen on the `dev` repositories (MODEL.md has the table). */
export const SETTINGS = {
  extraction: { maxBytes: 3_000_000, testBytes: 1_000_000, maxCommits: 800, poolBytes: 1_200_000 },
  training: {
    dimensions: 256,
    words: 24_000,
    pairs: 0,
    buckets: 4_096,
    epochs: 4,
    batch: 1_024,
    neighbours: 512,
    fromPieces: 3,
    rate: 0.007,
    scale: 15,
    drop: 0.1,
    dropShared: 0.3,
    rephrased: 0.25,
    seed: 1,
  },
};
