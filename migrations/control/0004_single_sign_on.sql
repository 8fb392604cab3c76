-- Single sign-on: who is known elsewhere as whom, and the sign-ons that are under way.

-- Who stands for the address: an admin who wrote it, a provider that checked it, or nobody but the user. An address of the
-- last kind says nothing about whose account it is.
ALTER TABLE users ADD COLUMN email_by TEXT NOT NULL DEFAULT 'user' CHECK (email_by IN ('user', 'admin', 'provider'));
UPDATE users SET email_by = 'admin' WHERE email IS NOT NULL AND NOT EXISTS
  (SELECT 1 FROM audit_log a WHERE a.action = 'user.updated' AND a.actor_id = users.id AND a.target_id = users.id);
CREATE INDEX users_email ON users (email COLLATE NOCASE) WHERE email IS NOT NULL;

-- An account of a provider or directory, and whose account it is here.
CREATE TABLE identities (
  issuer TEXT NOT NULL,              -- URL of the provider; of a directory, its base
  subject TEXT NOT NULL,             -- never reused by the issuer
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  provider TEXT NOT NULL,            -- github, google, gitlab, keycloak, ldap
  made_user INTEGER NOT NULL,        -- 1: the account was made by this identity's first sign-on; 0: an admin had made it
  created_at TEXT NOT NULL,
  PRIMARY KEY (issuer, subject)
) WITHOUT ROWID;
CREATE INDEX identities_user ON identities (user_id);

-- A browser that was sent to a provider and is not back yet. Used up by the callback, or worthless after ten minutes.
CREATE TABLE sign_ons (
  state_hash TEXT PRIMARY KEY,       -- SHA-256, hex
  browser_hash TEXT NOT NULL,        -- of the cookie that the browser was given
  provider TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  verifier TEXT NOT NULL,            -- PKCE
  nonce TEXT NOT NULL,
  return_to TEXT,
  expires_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sign_ons_expiry ON sign_ons (expires_at);

-- What the page at `return_to` exchanges for tokens, once, within a minute.
CREATE TABLE sign_on_codes (
  code_hash TEXT PRIMARY KEY,        -- SHA-256, hex
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  method TEXT NOT NULL,
  expires_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sign_on_codes_expiry ON sign_on_codes (expires_at);
