-- Texts in blocks of whole lines, each deflated by itself (src/store/text-blocks.ts): a hit is shown, and a literal
-- looked for, without reading the file. id = blob * 4096 + ordinal; the rowid of the repo's table of trigrams.
CREATE TABLE text_blocks (
  id INTEGER PRIMARY KEY,
  start_line INTEGER NOT NULL,
  end_line INTEGER NOT NULL,
  data BLOB NOT NULL                   -- UTF-8, raw deflate
);

-- What was indexed before keeps its text, in one block; literals are found in it again after its next sync.
INSERT INTO text_blocks (id, start_line, end_line, data)
  SELECT id * 4096, 1, lines + 1, text FROM blobs WHERE text IS NOT NULL;
ALTER TABLE blobs DROP COLUMN text;
