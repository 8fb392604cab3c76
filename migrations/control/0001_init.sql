-- The control database: who, what, and which job. No virtual table in it, so that it can be exported.
-- Ids are UUIDv7 text. Times are ISO 8601 UTC text with milliseconds. Booleans are 0/1. Lists and records are JSON text.

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  username TEXT NOT NULL UNIQUE COLLATE NOCASE,
  email TEXT,
  password_hash TEXT,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'analyst', 'reviewer', 'admin')),
  disabled INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,          -- SHA-256 of the key, hex: the key has 256 bits of entropy, a slow hash adds nothing
  prefix TEXT NOT NULL,
  scopes TEXT,                        -- JSON array, NULL = all its owner's rights
  expires_at TEXT,
  last_used_at TEXT,
  revoked_at TEXT,
  created_at TEXT NOT NULL
);
CREATE INDEX api_keys_user ON api_keys (user_id);

-- One row a login; refresh tokens rotate within the family, a replayed one revokes it.
CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  refresh_hash TEXT NOT NULL,
  scopes TEXT,
  created_at TEXT NOT NULL,
  refreshed_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  revoked_at TEXT
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE groups (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  description TEXT,
  personal_user_id TEXT UNIQUE REFERENCES users (id) ON DELETE CASCADE,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);

CREATE TABLE group_members (
  group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
  PRIMARY KEY (group_id, user_id)
) WITHOUT ROWID;
CREATE INDEX group_members_user ON group_members (user_id);

CREATE TABLE repos (
  key INTEGER PRIMARY KEY AUTOINCREMENT, -- the repo's integer in its index shard; never reused
  id TEXT NOT NULL UNIQUE,
  shard INTEGER NOT NULL,                -- INDEX_<shard>
  group_id TEXT NOT NULL REFERENCES groups (id),
  created_by TEXT NOT NULL,
  name TEXT NOT NULL,                    -- NFC
  remote_url TEXT,
  local_path TEXT,
  glob_patterns TEXT,                    -- JSON array or NULL
  depth INTEGER NOT NULL DEFAULT 1,      -- 0 = full history
  refresh_minutes INTEGER,
  visibility TEXT NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'public')),
  use_deployment_token INTEGER NOT NULL DEFAULT 0,
  mirror_status TEXT NOT NULL DEFAULT 'pending' CHECK (mirror_status IN ('pending', 'cloning', 'ready', 'error')),
  mirror_error TEXT,
  default_branch TEXT,                   -- short name; NULL while unknown, unborn or empty
  refs_listed_at TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  deleted_at TEXT
);
CREATE UNIQUE INDEX repos_name ON repos (group_id, name) WHERE deleted_at IS NULL;

-- The remote's refs as last listed.
CREATE TABLE git_refs (
  repo_key INTEGER NOT NULL REFERENCES repos (key) ON DELETE CASCADE,
  name TEXT NOT NULL,                    -- full name: refs/heads/main
  oid TEXT NOT NULL,
  peeled TEXT,                           -- what an annotated tag points at
  PRIMARY KEY (repo_key, name)
) WITHOUT ROWID;

-- Immutable once its row says `complete`; readers reach it only through `indexed_refs.snapshot_id`.
CREATE TABLE snapshots (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repo_key INTEGER NOT NULL REFERENCES repos (key) ON DELETE CASCADE,
  commit_oid TEXT NOT NULL,
  tree_oid TEXT NOT NULL,
  config TEXT NOT NULL,                  -- hash of globs and INDEX_VERSION: with the commit, the snapshot's identity
  complete INTEGER NOT NULL DEFAULT 0,
  files_indexed INTEGER NOT NULL DEFAULT 0,
  files_skipped INTEGER NOT NULL DEFAULT 0,
  skipped TEXT NOT NULL DEFAULT '{}',    -- JSON reason → count
  language_stats TEXT NOT NULL DEFAULT '{}', -- JSON language → per cent of indexed bytes
  bytes_indexed INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  UNIQUE (repo_key, commit_oid, config)
);

-- One row an indexed (or being indexed) ref. `stage`, `indexing_error` tell of the latest run; `snapshot_id` is what is served.
CREATE TABLE indexed_refs (
  repo_key INTEGER NOT NULL REFERENCES repos (key) ON DELETE CASCADE,
  ref TEXT NOT NULL,                     -- stored name: main, v1.0.0, or a full oid
  full_name TEXT,                        -- refs/heads/main; NULL for a commit
  stage TEXT NOT NULL,
  indexing_error TEXT,
  job_id TEXT,
  snapshot_id INTEGER REFERENCES snapshots (id),
  indexed_at TEXT,
  deleted_at_remote TEXT,
  PRIMARY KEY (repo_key, ref)
) WITHOUT ROWID;

-- Which snapshots a ref has served, newest first by `at`: the last five stay.
CREATE TABLE ref_snapshots (
  repo_key INTEGER NOT NULL,
  ref TEXT NOT NULL,
  snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
  at TEXT NOT NULL,
  PRIMARY KEY (repo_key, ref, snapshot_id)
) WITHOUT ROWID;

CREATE TABLE packs (
  id TEXT PRIMARY KEY,
  repo_key INTEGER NOT NULL REFERENCES repos (key) ON DELETE CASCADE,
  bytes INTEGER NOT NULL,
  objects INTEGER NOT NULL,
  -- JSON array of commit oids whose parents the remote withheld (shallow boundary) as of this pack.
  shallow TEXT NOT NULL DEFAULT '[]',
  -- JSON array of ref tips this pack was fetched for: offered as `have` at the next fetch.
  tips TEXT NOT NULL DEFAULT '[]',
  created_at TEXT NOT NULL
);
CREATE INDEX packs_repo ON packs (repo_key);

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('mirror', 'sync', 'delete-repo', 'delete-version')),
  repo_key INTEGER NOT NULL,             -- no foreign key: the job of a deleted repo stays readable to who ran it
  repo_id TEXT NOT NULL,
  repo_name TEXT NOT NULL,
  group_id TEXT NOT NULL,
  ref TEXT,
  target TEXT,                           -- what a second request would have to equal to join: commit:config
  params TEXT NOT NULL DEFAULT '{}',     -- JSON
  requested_by TEXT,
  status TEXT NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
  stage TEXT NOT NULL DEFAULT 'queued',
  message TEXT NOT NULL DEFAULT '',
  files_total INTEGER NOT NULL DEFAULT 0,
  files_processed INTEGER NOT NULL DEFAULT 0,
  chunks_total INTEGER NOT NULL DEFAULT 0,
  chunks_embedded INTEGER NOT NULL DEFAULT 0,
  error_code TEXT,
  error_message TEXT,
  result TEXT,                           -- JSON
  created_at TEXT NOT NULL,
  started_at TEXT,
  updated_at TEXT NOT NULL,
  finished_at TEXT
);
CREATE INDEX jobs_repo ON jobs (repo_key, created_at);
CREATE INDEX jobs_open ON jobs (repo_key) WHERE status IN ('queued', 'running');
CREATE INDEX jobs_group ON jobs (group_id, created_at);
