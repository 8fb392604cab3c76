/**
 * Who may do what, as data. RULES say what an answer is for each kind of caller; ROWS put every operation of the API
 * under one rule, with a request that succeeds when the rule lets it. The test beside this file makes all requests from
 * it; an operation without a row, or a row without an operation, fails it.
 *
 * The things asked for (a repo, its job, a group, a project …) belong to one group. `viewer`, `analyst` and `reviewer` hold
 * that global role and are in no group; the three of the group are analysts with that role in it; `otherGroup` is a
 * reviewer and the admin of another group; `key` is of a global admin and carries every scope but the one that is needed.
 */
export const CALLERS = [
  'anonymous',
  'viewer',
  'analyst',
  'reviewer',
  'admin',
  'groupViewer',
  'groupEditor',
  'groupAdmin',
  'otherGroup',
  'key',
] as const;
export type CallerKind = (typeof CALLERS)[number];

/** One line a rule, one status a caller; `ok` is the operation's own success. */
export const RULES = `
                              anonymous viewer analyst reviewer admin groupViewer groupEditor groupAdmin otherGroup key
is open to all                ok        ok     ok      ok       ok    ok          ok          ok         ok         ok
needs a caller                401       ok     ok      ok       ok    ok          ok          ok         ok         ok
needs a login                 401       ok     ok      ok       ok    ok          ok          ok         ok         403
answers what is theirs        401       ok     ok      ok       ok    ok          ok          ok         ok         403
answers from repos they read  401       ok     ok      ok       ok    ok          ok          ok         ok         403
searches by POST              401       ok     ok      ok       ok    ok          ok          ok         ok         403
reads a repo                  401       404    404     404      ok    ok          ok          ok         404        403
changes a repo                401       404    404     404      ok    403         ok          ok         404        403
rules a repo                  401       404    404     404      ok    403         403         ok         404        403
registers a repo              401       403    404     404      ok    403         ok          ok         404        403
reads a group                 401       404    404     404      ok    ok          ok          ok         404        403
changes a group               401       404    404     404      ok    403         ok          ok         404        403
rules a group                 401       404    404     404      ok    403         403         ok         404        403
ends a group                  401       404    404     404      ok    403         403         403        404        403
rules the deployment          401       403    403     403      ok    403         403         403        403        403
`;

/** What is different for a repo that is public. */
export const PUBLIC_REPO = `
                              anonymous viewer analyst reviewer admin groupViewer groupEditor groupAdmin otherGroup key
reads a repo                  401       ok     ok      ok       ok    ok          ok          ok         ok         403
changes a repo                401       403    403     403      ok    403         ok          ok         403        403
rules a repo                  401       403    403     403      ok    403         403         ok         403        403
`;

/** What is different for a repo that a project shows to the other group. */
export const SHOWN_REPO = `
                              anonymous viewer analyst reviewer admin groupViewer groupEditor groupAdmin otherGroup key
reads a repo                  401       404    404     404      ok    ok          ok          ok         ok         403
changes a repo                401       404    404     404      ok    403         ok          ok         403        403
rules a repo                  401       404    404     404      ok    403         403         ok         403        403
`;

/** What callers without identity may do with a public repo where `ANONYMOUS_ROLE` is `viewer`; all else is 401. */
export const OPEN_DEPLOYMENT: readonly Rule[] = [
  'is open to all',
  'answers from repos they read',
  'reads a repo',
];

/** What a request may name: each is a path parameter. */
export interface Names {
  /** Of the repo: its id or its name. */
  name: string;
  ref: string;
  symbolName: string;
  job_id: string;
  group_id: string;
  project_id: string;
  /** A member of the group. */
  user_id: string;
  /** A user of no group. */
  stranger: string;
  /** Of the caller's own. */
  session_id: string;
  key_id: string;
  file: string;
  provider: string;
}

export interface Row {
  query?: Record<string, string>;
  body?: object | ((names: Names) => object);
  headers?: Record<string, string>;
  /** Which of the names a parameter of another name takes. */
  as?: Record<string, keyof Names>;
  /** What the request uses up, made anew for each. */
  fresh?: Fresh;
  /** The status of a request that the rule lets pass; any documented success unless said. */
  ok?: number;
}
export type Fresh = 'repo' | 'job' | 'group' | 'member' | 'project' | 'stranger' | OfTheCaller;
type OfTheCaller = 'login' | 'account' | 'key';

/** Operation, without its mount → how it is asked. A path stands for all its mounts: `/api/v1`, `/api` and the root. */
export type Rows = Record<string, Row>;

const empty: Row = { body: {}, ok: 400 };

export const ROWS = {
  'is open to all': {
    'GET /health': {},
    'GET /health/live': {},
    'GET /health/ready': {},
    'GET /health/version': {},
    'GET /status': {},
    'GET /openapi.json': {},
    'GET /postman-collection.json': {},
    'GET /docs': {},
    'GET /redoc': {},
    'GET /docs/assets/{file}': {},
    'POST /auth/token': empty,
    'POST /auth/login': empty,
    'POST /auth/ldap': empty,
    'POST /auth/refresh': empty,
    'GET /auth/reset-password': {},
    'POST /auth/reset-password': empty,
    'GET /auth/oauth/{provider}/authorize': {},
    'GET /auth/oauth/{provider}/callback': { ok: 400 },
    'POST /auth/exchange': empty,
  },
  'needs a caller': {
    'POST /auth/ws-ticket': {},
    'GET /git-credentials/hosts': {},
    'GET /stats': {},
  },
  'needs a login': {
    'POST /auth/logout': { fresh: 'login' },
  },
  'answers what is theirs': {
    'GET /users/me': {},
    'PUT /users/me': { body: { email: null } },
    'GET /auth/sessions': {},
    'DELETE /auth/sessions': { fresh: 'account' },
    'DELETE /auth/sessions/{id}': { as: { id: 'session_id' }, fresh: 'login' },
    'GET /auth/api-keys': {},
    'POST /auth/api-keys': { body: { name: 'of the matrix' } },
    'DELETE /auth/api-keys/{id}': { as: { id: 'key_id' }, fresh: 'key' },
    'GET /groups': {},
    'GET /projects': {},
    'POST /metrics/increment': { body: { name: 'of.the.matrix' } },
  },
  'answers from repos they read': {
    'GET /repos': {},
    'GET /search': { query: { query: 'alpha' } },
    'GET /code/embeddings/status': {},
    'GET /jobs': {},
    'GET /indexing-status': {},
  },
  'searches by POST': {
    'POST /code/search': { body: { query: 'alpha' } },
  },
  'reads a repo': {
    'GET /repos/{name}': {},
    'GET /repos/{name}/git-refs': {},
    'GET /repos/{name}/preview': { query: { ref: 'main' } },
    'GET /repos/{name}/refs/{ref}/tree': {},
    'GET /repos/{name}/refs/{ref}/file': { query: { path: 'src/a.ts' } },
    'GET /repos/{name}/refs/{ref}/raw': { query: { path: 'src/a.ts' } },
    'GET /repos/{name}/refs/{ref}/find': { query: { pattern: 'a.ts', kind: 'file' } },
    'GET /repos/{name}/refs/{ref}/symbols/{symbolName}': {},
    'GET /repos/{name}/refs/{ref}/references/{symbolName}': {},
    'GET /repos/{name}/refs/{ref}/callers/{symbolName}': {},
    'GET /repos/{name}/refs/{ref}/callees/{symbolName}': {},
    'GET /repos/{name}/refs/{ref}/impact/{symbolName}': {},
    'POST /repos/{name}/context': { body: { strategy: 'explain', query: 'alpha', maxTokens: 200 } },
    'GET /indexing-status/{name}/{ref}': {},
    'GET /jobs/{id}': { as: { id: 'job_id' } },
    'GET /ws/jobs/{job_id}': { headers: { upgrade: 'websocket' }, ok: 101 },
  },
  'changes a repo': {
    'PATCH /repos/{name}': { body: { depth: 1 } },
    'POST /repos/{name}/refresh-refs': {},
    // The remote is asked, and has none of that name.
    'POST /repos/{name}/sync': { body: { ref: 'no-such-branch' }, ok: 422 },
    'DELETE /repos/{name}/versions/{ref}': { fresh: 'repo' },
    'DELETE /jobs/{id}': { as: { id: 'job_id' }, fresh: 'job' },
  },
  'rules a repo': {
    'DELETE /repos/{name}': { fresh: 'repo' },
  },
  'registers a repo': {
    // The address is judged last, and refused.
    'POST /repos': {
      body: ({ group_id }) => ({ name: 'new', remoteUrl: 'https://10.0.0.1/new.git', group_id }),
      ok: 422,
    },
  },
  'reads a group': {
    'GET /groups/{group_id}': {},
    'GET /groups/{group_id}/users': {},
    'GET /projects/{project_id}': {},
    'POST /projects/{project_id}/activate': {},
  },
  'changes a group': {
    'POST /projects': {
      body: ({ group_id, name }) => ({ group_id, name: `view ${crypto.randomUUID()}`, repo: name }),
    },
    'PUT /groups/{group_id}': { body: { description: 'changed' } },
    'PUT /projects/{project_id}': { body: { description: 'changed' } },
  },
  'rules a group': {
    'POST /groups/{group_id}/users': {
      body: ({ stranger }) => ({ user_id: stranger, role: 'viewer' }),
      fresh: 'member',
    },
    'DELETE /groups/{group_id}/users/{user_id}': { fresh: 'member' },
    'DELETE /projects/{project_id}': { fresh: 'project' },
  },
  'ends a group': {
    'DELETE /groups/{group_id}': { fresh: 'group' },
  },
  'rules the deployment': {
    'POST /groups': { body: { name: 'another' } },
    'GET /users': {},
    'POST /users': empty,
    'GET /users/{id}': { as: { id: 'stranger' } },
    'PUT /users/{id}': { as: { id: 'stranger' }, body: { email: null } },
    'DELETE /users/{id}': { as: { id: 'stranger' }, fresh: 'stranger' },
    'POST /users/{id}/reset-password': { as: { id: 'stranger' } },
    'GET /admin/audit': {},
    'GET /admin/metrics': {},
    'GET /metrics': {},
  },
} satisfies Record<string, Rows>;
export type Rule = keyof typeof ROWS;
