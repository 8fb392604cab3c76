/**
 * The control database as drizzle sees it: equal, column for column, to `migrations/control/`. A test compares the
 * two, so a migration without its twin here fails.
 */
import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import type { IndexingStage, JobKind, JobStatus } from '../pipeline.ts';
import type { AuditVia } from './audit.ts';
import type { GroupRole, Role } from './scope.ts';

const flag = (name: string) => integer(name, { mode: 'boolean' });
const json = (name: string) => text(name, { mode: 'json' });

export const users = sqliteTable('users', {
  id: text('id').primaryKey(),
  username: text('username').notNull(),
  email: text('email'),
  passwordHash: text('password_hash'),
  role: text('role').$type<Role>().notNull(),
  disabled: flag('disabled').notNull().default(false),
  createdAt: text('created_at').notNull(),
  updatedAt: text('updated_at').notNull(),
  /** Who stands for the address: a user's own word says nothing about whose account it is. */
  emailBy: text('email_by').$type<EmailBy>().notNull().default('user'),
});

export type EmailBy = 'user' | 'admin' | 'provider';

export const identities = sqliteTable(
  'identities',
  {
    issuer: text('issuer').notNull(),
    subject: text('subject').notNull(),
    userId: text('user_id').notNull(),
    provider: text('provider').notNull(),
    /** Whether the account was made by this identity's first sign-on; else an admin had made it. */
    madeUser: flag('made_user').notNull(),
    createdAt: text('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.issuer, table.subject] })],
);

export const signOns = sqliteTable('sign_ons', {
  stateHash: text('state_hash').primaryKey(),
  browserHash: text('browser_hash').notNull(),
  provider: text('provider').notNull(),
  redirectUri: text('redirect_uri').notNull(),
  verifier: text('verifier').notNull(),
  nonce: text('nonce').notNull(),
  returnTo: text('return_to'),
  expiresAt: text('expires_at').notNull(),
});

export const signOnCodes = sqliteTable('sign_on_codes', {
  codeHash: text('code_hash').primaryKey(),
  userId: text('user_id').notNull(),
  method: text('method').notNull(),
  expiresAt: text('expires_at').notNull(),
});

export const apiKeys = sqliteTable('api_keys', {
  id: text('id').primaryKey(),
  userId: text('user_id').notNull(),
  name: text('name').notNull(),
  hash: text('hash').notNull(),
  prefix: text('prefix').notNull(),
  /** null = all its owner's rights. */
  scopes: json('scopes').$type<string[]>(),
  expiresAt: text('expires_at'),
  lastUsedAt: text('last_used_at'),
  revokedAt: text('revoked_at'),
  createdAt: text('created_at').notNull(),
});

export const sessions = sqliteTable('sessions', {
  id: text('id').primaryKey(),
  userId: text('user_id').notNull(),
  refreshHash: text('refresh_hash').notNull(),
  scopes: json('scopes').$type<string[]>(),
  createdAt: text('created_at').notNull(),
  refreshedAt: text('refreshed_at').notNull(),
  expiresAt: text('expires_at').notNull(),
  revokedAt: text('revoked_at'),
  /** `password`, `ldap`, or the provider of a single sign-on. */
  method: text('method').notNull().default('password'),
});

export const passwordResets = sqliteTable('password_resets', {
  userId: text('user_id').primaryKey(),
  tokenHash: text('token_hash').notNull(),
  createdBy: text('created_by'),
  createdAt: text('created_at').notNull(),
  expiresAt: text('expires_at').notNull(),
});

export const auditLog = sqliteTable('audit_log', {
  id: text('id').primaryKey(),
  at: text('at').notNull(),
  actorId: text('actor_id'),
  actorName: text('actor_name'),
  via: text('via').$type<AuditVia>().notNull(),
  action: text('action').notNull(),
  targetKind: text('target_kind'),
  targetId: text('target_id'),
  targetName: text('target_name'),
  detail: json('detail').$type<Record<string, unknown>>().notNull().default({}),
  ip: text('ip'),
  requestId: text('request_id'),
});

export const groups = sqliteTable('groups', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  description: text('description'),
  personalUserId: text('personal_user_id'),
  createdAt: text('created_at').notNull(),
  updatedAt: text('updated_at').notNull(),
  deletedAt: text('deleted_at'),
});

export const groupMembers = sqliteTable(
  'group_members',
  {
    groupId: text('group_id').notNull(),
    userId: text('user_id').notNull(),
    role: text('role').$type<GroupRole>().notNull(),
    id: text('id').notNull(),
    createdAt: text('created_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.groupId, t.userId] })],
);

export const projects = sqliteTable('projects', {
  id: text('id').primaryKey(),
  groupId: text('group_id').notNull(),
  /** null: shows no repo yet, or one that was deleted. */
  repoKey: integer('repo_key'),
  name: text('name').notNull(),
  language: text('language'),
  description: text('description'),
  metadata: json('metadata').$type<Record<string, unknown>>().notNull().default({}),
  createdAt: text('created_at').notNull(),
  updatedAt: text('updated_at').notNull(),
});

export const activeProjects = sqliteTable('active_projects', {
  userId: text('user_id').primaryKey(),
  projectId: text('project_id').notNull(),
});

export type Visibility = 'private' | 'public';
export type MirrorStatus = 'pending' | 'cloning' | 'ready' | 'error';

export const repos = sqliteTable('repos', {
  key: integer('key').primaryKey({ autoIncrement: true }),
  id: text('id').notNull(),
  shard: integer('shard').notNull(),
  groupId: text('group_id').notNull(),
  createdBy: text('created_by').notNull(),
  name: text('name').notNull(),
  remoteUrl: text('remote_url'),
  localPath: text('local_path'),
  globPatterns: json('glob_patterns').$type<string[]>(),
  /** Commits of history to fetch; 0 = all. */
  depth: integer('depth').notNull().default(1),
  refreshMinutes: integer('refresh_minutes'),
  visibility: text('visibility').$type<Visibility>().notNull().default('private'),
  useDeploymentToken: flag('use_deployment_token').notNull().default(false),
  mirrorStatus: text('mirror_status').$type<MirrorStatus>().notNull().default('pending'),
  mirrorError: text('mirror_error'),
  /** Short name; null while unknown, unborn or empty. */
  defaultBranch: text('default_branch'),
  refsListedAt: text('refs_listed_at'),
  createdAt: text('created_at').notNull(),
  updatedAt: text('updated_at').notNull(),
  deletedAt: text('deleted_at'),
});

export const gitRefs = sqliteTable(
  'git_refs',
  {
    repoKey: integer('repo_key').notNull(),
    name: text('name').notNull(),
    oid: text('oid').notNull(),
    peeled: text('peeled'),
  },
  (t) => [primaryKey({ columns: [t.repoKey, t.name] })],
);

export const snapshots = sqliteTable('snapshots', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  repoKey: integer('repo_key').notNull(),
  commitOid: text('commit_oid').notNull(),
  treeOid: text('tree_oid').notNull(),
  config: text('config').notNull(),
  complete: flag('complete').notNull().default(false),
  filesIndexed: integer('files_indexed').notNull().default(0),
  filesSkipped: integer('files_skipped').notNull().default(0),
  skipped: json('skipped').$type<Record<string, number>>().notNull().default({}),
  /** Language → per cent of indexed bytes. */
  languageStats: json('language_stats').$type<Record<string, number>>().notNull().default({}),
  bytesIndexed: integer('bytes_indexed').notNull().default(0),
  createdAt: text('created_at').notNull(),
});

export const indexedRefs = sqliteTable(
  'indexed_refs',
  {
    repoKey: integer('repo_key').notNull(),
    ref: text('ref').notNull(),
    fullName: text('full_name'),
    stage: text('stage').$type<IndexingStage>().notNull(),
    indexingError: text('indexing_error'),
    jobId: text('job_id'),
    snapshotId: integer('snapshot_id'),
    indexedAt: text('indexed_at'),
    deletedAtRemote: text('deleted_at_remote'),
  },
  (t) => [primaryKey({ columns: [t.repoKey, t.ref] })],
);

export const refSnapshots = sqliteTable(
  'ref_snapshots',
  {
    repoKey: integer('repo_key').notNull(),
    ref: text('ref').notNull(),
    snapshotId: integer('snapshot_id').notNull(),
    at: text('at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.repoKey, t.ref, t.snapshotId] })],
);

export const packs = sqliteTable('packs', {
  id: text('id').primaryKey(),
  repoKey: integer('repo_key').notNull(),
  bytes: integer('bytes').notNull(),
  objects: integer('objects').notNull(),
  shallow: json('shallow').$type<string[]>().notNull().default([]),
  tips: json('tips').$type<string[]>().notNull().default([]),
  createdAt: text('created_at').notNull(),
});

/** What a job was asked to do, beyond its repo and ref. */
export interface JobParams {
  /** The request that asked for it, for the log. */
  requestId?: string;
  /** Refs to index once the mirror stands (kind `mirror`). */
  sync?: string[];
  /** History depth for this run, when the request named one. */
  depth?: number;
  /** What the plan step decided, so that a PATCH in the middle changes nothing of this run. */
  planned?: { commit: string; globs: string[] | null };
}

export interface JobResult {
  repo: string;
  ref: string | null;
  commitSha: string | null;
  filesIndexed: number;
  filesSkipped: number;
}

export const jobs = sqliteTable('jobs', {
  id: text('id').primaryKey(),
  kind: text('kind').$type<JobKind>().notNull(),
  repoKey: integer('repo_key').notNull(),
  repoId: text('repo_id').notNull(),
  repoName: text('repo_name').notNull(),
  groupId: text('group_id').notNull(),
  ref: text('ref'),
  target: text('target'),
  params: json('params').$type<JobParams>().notNull().default({}),
  requestedBy: text('requested_by'),
  status: text('status').$type<JobStatus>().notNull().default('queued'),
  stage: text('stage').$type<IndexingStage>().notNull().default('queued'),
  message: text('message').notNull().default(''),
  filesTotal: integer('files_total').notNull().default(0),
  filesProcessed: integer('files_processed').notNull().default(0),
  chunksTotal: integer('chunks_total').notNull().default(0),
  chunksEmbedded: integer('chunks_embedded').notNull().default(0),
  errorCode: text('error_code'),
  errorMessage: text('error_message'),
  result: json('result').$type<JobResult>(),
  createdAt: text('created_at').notNull(),
  startedAt: text('started_at'),
  updatedAt: text('updated_at').notNull(),
  finishedAt: text('finished_at'),
});

export type GroupRow = typeof groups.$inferSelect;
export type ProjectRow = typeof projects.$inferSelect;
export type RepoRow = typeof repos.$inferSelect;
export type GitRefRow = typeof gitRefs.$inferSelect;
export type SnapshotRow = typeof snapshots.$inferSelect;
export type IndexedRefRow = typeof indexedRefs.$inferSelect;
export type PackRow = typeof packs.$inferSelect;
export type JobRow = typeof jobs.$inferSelect;
