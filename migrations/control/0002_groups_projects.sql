-- A deleted group is nobody's at once; its row goes with the last of its repositories' data.
ALTER TABLE groups ADD COLUMN deleted_at TEXT;

-- Memberships get an id and a time. Both have defaults, so that whoever makes a personal group need not name them.
CREATE TABLE memberships (
  group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
  -- UUIDv7 (RFC 9562): 48 bits of milliseconds, then random ones.
  id TEXT NOT NULL DEFAULT (lower(
    printf('%08x-%04x', CAST(unixepoch('subsec') * 1000 AS INTEGER) >> 16, CAST(unixepoch('subsec') * 1000 AS INTEGER) & 65535)
    || '-7' || substr(hex(randomblob(2)), 2) || '-' || substr('89ab', (abs(random()) % 4) + 1, 1) || substr(hex(randomblob(2)), 2)
    || '-' || hex(randomblob(6)))),
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  PRIMARY KEY (group_id, user_id)
) WITHOUT ROWID;
INSERT INTO memberships (group_id, user_id, role, created_at)
  SELECT m.group_id, m.user_id, m.role, g.created_at FROM group_members m JOIN groups g ON g.id = m.group_id;
DROP TABLE group_members;
ALTER TABLE memberships RENAME TO group_members;
CREATE INDEX group_members_user ON group_members (user_id);

-- A view: it shows its repo to the members of its group, and grants nothing else.
CREATE TABLE projects (
  id TEXT PRIMARY KEY,
  group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
  repo_key INTEGER REFERENCES repos (key) ON DELETE SET NULL,
  name TEXT NOT NULL,
  language TEXT,
  description TEXT,
  metadata TEXT NOT NULL DEFAULT '{}',   -- JSON object of the client's
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (group_id, name)
);
CREATE INDEX projects_repo ON projects (repo_key);

-- The one project that a user asks by default.
CREATE TABLE active_projects (
  user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX active_projects_project ON active_projects (project_id);
