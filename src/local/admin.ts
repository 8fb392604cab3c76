/** `create-admin`: by the API of the server of this machine, or by SQL in the control database of a deployment. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ApiError, answer, createClient } from '../client/client.ts';
import { newId } from '../ids.ts';
import { hashPassword } from '../platform/accounts/passwords.ts';
import { adminScript } from '../store/admin-script.ts';
import { CHECKOUT, freePort, runningServer, StartError, startServer, stateDirectory } from './server.ts';

const MIN_PASSWORD = 8;

export interface NewAdmin {
  username: string;
  password: string;
  email: string | null;
}

/**
 * Creates an admin in the state directory of this machine: by the server that runs from it, else by one started for
 * the moment. On a fresh directory the admin becomes the first one, so that `credentials.json` names who exists.
 * @throws StartError when the name is taken, or the password too short
 */
export async function createLocalAdmin(environment: NodeJS.ProcessEnv, admin: NewAdmin): Promise<void> {
  requireLength(admin.password);
  const running = await runningServer(environment);
  if (running) return register(running.url, running.credentials.api_key, admin);
  const isFirst = !existsSync(path.join(stateDirectory(environment), 'secrets.env'));
  const server = await startServer({
    ...environment,
    PORT: String(await freePort()),
    API_HOST: '127.0.0.1',
    API_ADMIN_USERNAME: admin.username,
    API_ADMIN_PASSWORD: admin.password,
  });
  try {
    if (!isFirst) await register(server.url, server.credentials.api_key, admin);
    else if (admin.email !== null) {
      const api = createClient({ baseUrl: server.url, apiKey: server.credentials.api_key });
      const { id } = await answer(api.GET('/api/v1/users/me'));
      // By the operator, who stands for the address, and not as what users say about themselves.
      await answer(api.PUT('/api/v1/users/{id}', { params: { path: { id } }, body: { email: admin.email } }));
    }
  } finally {
    await server.stop();
  }
}

async function register(baseUrl: string, apiKey: string, admin: NewAdmin): Promise<void> {
  try {
    const api = createClient({ baseUrl, apiKey });
    await answer(api.POST('/api/v1/users', { body: { ...admin, role: 'admin' } }));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new StartError(error.message);
  }
}

/** The API's own rule, for the ways past it. */
function requireLength(password: string): void {
  if (password.length < MIN_PASSWORD)
    throw new StartError(`--password must be at least ${MIN_PASSWORD} characters`);
}

/**
 * Creates an admin in the deployment, with wrangler's rights in the account. Works on an empty database too, so that
 * no deployment needs the password in a variable.
 * @throws StartError when the name is taken, or wrangler fails
 */
export async function createRemoteAdmin({ username, password, email }: NewAdmin): Promise<void> {
  requireLength(password);
  const script = adminScript({
    id: newId(),
    groupId: newId(),
    username,
    email,
    auditId: newId(),
    passwordHash: await hashPassword(password),
    now: new Date().toISOString(),
  });
  const scratch = mkdtempSync(path.join(tmpdir(), 'sightline-admin-'));
  const file = path.join(scratch, 'admin.sql');
  try {
    // A file of our own, because arguments of a process can be read by others.
    writeFileSync(file, script, { mode: 0o600 });
    wrangler(['d1', 'execute', 'sightline-control', '--remote', '--yes', '--file', file], scratch);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Runs beside no configuration of ours: its database ids are placeholders, and without one the name is looked up. */
function wrangler(args: string[], cwd: string): void {
  const command = process.env.WRANGLER ?? path.join(CHECKOUT, 'node_modules/wrangler/bin/wrangler.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, CI: 'true' },
  });
  if (status === 0) return;
  const output = stdout + stderr;
  throw new StartError(
    /UNIQUE constraint failed: users\.username/.test(output)
      ? 'A user of this name exists.'
      : `wrangler failed:\n${output}`,
  );
}
