import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

export interface Credentials {
  base_url: string;
  username: string;
  password: string;
  api_key: string;
}

/** The secrets that `npm start` makes once per state directory, as variables of the Workers. */
const GENERATED: Record<string, () => string> = {
  API_JWT_SECRET: () => randomBytes(48).toString('base64url'),
  API_ADMIN_USERNAME: () => 'admin',
  API_ADMIN_PASSWORD: () => randomBytes(18).toString('base64url'),
  API_ADMIN_API_KEY: () => `rak_${randomBytes(32).toString('base64url')}`,
};

/**
 * Reads `secrets.env` of the state directory, adding what is missing. The environment wins at the first boot; the
 * admin made then stays, whatever later starts say, so that `credentials.json` never lies about it.
 * @returns the variables to hand to the Workers.
 */
export async function loadSecrets(
  stateDir: string,
  environment: NodeJS.ProcessEnv,
): Promise<Record<string, string>> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const file = path.join(stateDir, 'secrets.env');
  const stored = parseEnvFile(await readFile(file, 'utf8').catch(missingIsEmpty));
  const secrets: Record<string, string> = {};
  for (const [name, generate] of Object.entries(GENERATED)) {
    secrets[name] = name.startsWith('API_ADMIN_')
      ? (stored[name] ?? environment[name] ?? generate())
      : (environment[name] ?? stored[name] ?? generate());
  }
  // A secret that comes from the environment is the operator's to keep: only ours, and the admin's, are written down.
  const kept = Object.entries(secrets).filter(
    ([name]) => name.startsWith('API_ADMIN_') || !environment[name],
  );
  if (stored.API_JWT_SECRET && environment.API_JWT_SECRET)
    kept.push(['API_JWT_SECRET', stored.API_JWT_SECRET]);
  await writePrivate(file, `${kept.map(([name, value]) => `${name}=${value}`).join('\n')}\n`);
  return secrets;
}

/** Writes `credentials.json`, readable by its owner only. @returns its path. */
export async function saveCredentials(stateDir: string, baseUrl: string, secrets: Record<string, string>) {
  const file = path.join(stateDir, 'credentials.json');
  const credentials: Credentials = {
    base_url: baseUrl,
    username: secrets.API_ADMIN_USERNAME!,
    password: secrets.API_ADMIN_PASSWORD!,
    api_key: secrets.API_ADMIN_API_KEY!,
  };
  await writePrivate(file, `${JSON.stringify(credentials, null, 2)}\n`);
  return { file, credentials };
}

async function writePrivate(file: string, content: string): Promise<void> {
  await writeFile(file, content, { mode: 0o600 });
  await chmod(file, 0o600); // `mode` has no say over a file that exists
}

function parseEnvFile(content: string): Record<string, string> {
  const lines = content.split('\n').filter((line) => line.includes('='));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

function missingIsEmpty(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}
