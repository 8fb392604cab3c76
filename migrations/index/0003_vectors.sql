-- Which vectors are stored: a row a blob and model, its chunks' vectors in their order. The vectors themselves lie in
-- R2 (embedded store) or in Vectorize (src/models/vector-store.ts).
CREATE TABLE vector_sets (
  blob INTEGER NOT NULL,
  model TEXT NOT NULL,                 -- Embedder.id
  repo INTEGER NOT NULL,
  segment TEXT NOT NULL,               -- of the embedded store, the R2 object; '' in Vectorize
  at INTEGER NOT NULL,                 -- of the segment, the first vector
  count INTEGER NOT NULL,
  PRIMARY KEY (blob, model)
) WITHOUT ROWID;
CREATE INDEX vector_sets_segment ON vector_sets (repo, segment);

-- The model of which every parsed blob of the repo has vectors; NULL while some may lack them.
ALTER TABLE live_repos ADD COLUMN model TEXT;
