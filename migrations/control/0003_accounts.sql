-- Accounts: how a session began, one-time password links, and the audit log.

ALTER TABLE sessions ADD COLUMN method TEXT NOT NULL DEFAULT 'password'; -- password, ldap, or the provider of a single sign-on

-- A link that an admin made for a user; the newest one counts, once.
CREATE TABLE password_resets (
  user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  token_hash TEXT NOT NULL UNIQUE,   -- SHA-256, hex
  created_by TEXT,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL
) WITHOUT ROWID;

-- Who did what to whom: logins, keys, users, grants. No foreign keys: it outlives what it tells about.
CREATE TABLE audit_log (
  id TEXT PRIMARY KEY,               -- UUIDv7, so that the key is also the order
  at TEXT NOT NULL,
  actor_id TEXT,                     -- NULL: nobody who proved to be someone
  actor_name TEXT,
  via TEXT NOT NULL,                 -- token, key, anonymous, operator
  action TEXT NOT NULL,
  target_kind TEXT,                  -- user, key, session, group
  target_id TEXT,
  target_name TEXT,
  detail TEXT NOT NULL DEFAULT '{}', -- JSON; never a secret
  ip TEXT,
  request_id TEXT
) WITHOUT ROWID;
CREATE INDEX audit_log_actor ON audit_log (actor_id, id);
CREATE INDEX audit_log_target ON audit_log (target_id, id);
CREATE INDEX audit_log_action ON audit_log (action, id);
