-- An index shard: rebuildable. Everything is keyed by the repo's integer (`repos.key`); nothing is shared between repos.
-- Full text lives in tables of its own per repo, made and dropped with it (src/store/full-text.ts), so that term
-- statistics never leak between tenants and a deletion is a DROP.

-- The fence. A write of facts happens only while its repo's row stands; deletion removes this row first.
CREATE TABLE live_repos (
  repo INTEGER PRIMARY KEY
);

-- Runs that rely on what the shard holds now (one row a sync job): a sweep takes nothing while one stands.
CREATE TABLE index_runs (
  repo INTEGER NOT NULL,
  run TEXT NOT NULL,                   -- job id
  until INTEGER NOT NULL,              -- epoch ms; a run that died is ignored after it
  PRIMARY KEY (repo, run)
) WITHOUT ROWID;

-- Ids are taken in ranges before a write, so that children can name their parent in the same transaction.
CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  next INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counters (name, next) VALUES ('blobs', 1), ('dirs', 1), ('entries', 1);

-- A parsed blob. Key: (repo, oid, lang, version). Present = complete: a blob and all its facts are one transaction.
CREATE TABLE blobs (
  id INTEGER PRIMARY KEY,              -- from `counters`, never reused: children are inserted only where this id won
  repo INTEGER NOT NULL,
  oid TEXT NOT NULL,
  lang TEXT NOT NULL,
  version INTEGER NOT NULL,
  skipped TEXT,                        -- reason, when the bytes themselves rule it out
  size INTEGER NOT NULL,               -- bytes in git
  text BLOB,                           -- UTF-8 text, raw deflate; NULL when skipped
  lines INTEGER NOT NULL DEFAULT 0,
  complexity INTEGER NOT NULL DEFAULT 0,
  max_nesting INTEGER NOT NULL DEFAULT 0,
  functions INTEGER NOT NULL DEFAULT 0,
  has_errors INTEGER NOT NULL DEFAULT 0,
  UNIQUE (repo, oid, lang, version)
);

-- A directory of a snapshot, content-addressed: (path, tree, config). A second ref costs the directories that differ.
-- Present = its whole subtree is present: children are written before their parent and removed after it.
CREATE TABLE dirs (
  id INTEGER PRIMARY KEY,              -- from `counters`
  repo INTEGER NOT NULL,
  path TEXT NOT NULL,                  -- '' or 'src/http/': always with the final slash
  tree_oid TEXT NOT NULL,
  config TEXT NOT NULL,
  stats TEXT NOT NULL,                 -- JSON totals of the subtree: what coverage and language shares are read from
  UNIQUE (repo, path, tree_oid, config)
);

-- Direct children of a directory; subdirectories too (mode 040000), so that an unchanged subtree is found by recursion.
CREATE TABLE entries (
  id INTEGER PRIMARY KEY,              -- from `counters`; the rowid of the repo's path table
  dir INTEGER NOT NULL,
  name TEXT NOT NULL,
  mode INTEGER NOT NULL,               -- as git: 33188, 33261, 40960 (symlink), 57344 (submodule), 16384 (tree)
  oid TEXT NOT NULL,
  size INTEGER,                        -- NULL for trees and submodules
  lang TEXT,
  skipped TEXT,                        -- reason known without the bytes
  blob INTEGER,                        -- blobs.id when parsed (blobs.skipped may still say why it has no chunks)
  UNIQUE (dir, name)
);
CREATE INDEX entries_blob ON entries (blob) WHERE blob IS NOT NULL;
CREATE INDEX entries_trees ON entries (dir) WHERE mode = 16384;

CREATE TABLE snapshot_dirs (
  snapshot INTEGER NOT NULL,           -- control snapshots.id
  dir INTEGER NOT NULL,
  PRIMARY KEY (snapshot, dir)
) WITHOUT ROWID;
CREATE INDEX snapshot_dirs_dir ON snapshot_dirs (dir);

-- id = blob * 4096 + ordinal; the rowid of the repo's full-text table.
CREATE TABLE chunks (
  id INTEGER PRIMARY KEY,
  blob INTEGER NOT NULL,
  start_line INTEGER NOT NULL,
  end_line INTEGER NOT NULL,
  symbol INTEGER                       -- symbols.ord within the blob
);
CREATE INDEX chunks_blob ON chunks (blob);

CREATE TABLE symbols (
  id INTEGER PRIMARY KEY,              -- blob * 65536 + ord
  repo INTEGER NOT NULL,
  blob INTEGER NOT NULL,
  ord INTEGER NOT NULL,
  name TEXT NOT NULL,
  qualified_name TEXT NOT NULL,
  kind TEXT NOT NULL,
  signature TEXT NOT NULL,
  documentation TEXT,
  start_line INTEGER NOT NULL,
  end_line INTEGER NOT NULL,
  parent INTEGER,                      -- ord of the enclosing symbol
  exported INTEGER NOT NULL,
  bases TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX symbols_name ON symbols (repo, name COLLATE NOCASE);

CREATE TABLE imports (
  blob INTEGER NOT NULL,
  ord INTEGER NOT NULL,
  repo INTEGER NOT NULL,
  source TEXT NOT NULL,
  name TEXT NOT NULL,
  alias TEXT NOT NULL,
  is_default INTEGER NOT NULL,
  is_reexport INTEGER NOT NULL,
  line INTEGER NOT NULL,
  PRIMARY KEY (blob, ord)
) WITHOUT ROWID;
CREATE INDEX imports_name ON imports (repo, name);

-- Calls, a row a blob and callee: code repeats its callees, and rows are what writing costs.
CREATE TABLE call_sites (
  blob INTEGER NOT NULL,
  callee TEXT NOT NULL,
  repo INTEGER NOT NULL,
  sites TEXT NOT NULL,                 -- JSON [[ord, caller, receiver, receiver_type, line, arity], …]
  PRIMARY KEY (blob, callee)
) WITHOUT ROWID;
CREATE INDEX call_sites_callee ON call_sites (repo, callee);

-- A row a call, for reading; `caller` is symbols.ord.
CREATE VIEW calls AS
  SELECT g.blob, s.value->>0 AS ord, g.repo, s.value->>1 AS caller, g.callee, s.value->>2 AS receiver,
    s.value->>3 AS receiver_type, s.value->>4 AS line, s.value->>5 AS arity
  FROM call_sites g CROSS JOIN json_each(g.sites) s;
