/**
 * `npm run cli -- <command>`: CodeGraph's command line.
 *
 *   run [--host HOST] [--port PORT]                        the server, as `npm start`
 *   init-db, migrate                                       the databases of this machine
 *   create-admin --username --password [--email] [--remote]
 */
import { parseArgs } from 'node:util';
import { createLocalAdmin, createRemoteAdmin } from './admin.ts';
import { serve } from './serve.ts';
import { migrateLocal, StartError } from './server.ts';

const USAGE = `Usage: npm run cli -- <command>

  run [--host HOST] [--port PORT]   start the server (default 127.0.0.1:8787)
  init-db                           create the databases of this machine
  migrate                           apply the migrations that they lack
  create-admin --username USER --password PASS [--email EMAIL] [--remote]
                                    create an admin, here or (--remote) in the deployment of your Cloudflare account`;

/** Options of CodeGraph's commands that the platform replaces. */
const REPLACED = {
  workers: 'the runtime runs as many as it needs',
  reload: 'the local runtime always reloads',
  revision: 'all migrations that are missing are applied',
};

const { values, positionals } = parse(process.argv.slice(2));
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
try {
  await run(positionals);
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  console.error(error.message);
  process.exit(1);
}

async function run([command, ...rest]: string[]): Promise<void> {
  if (rest.length > 0) usage(`unexpected: ${rest.join(' ')}`);
  for (const [name, why] of Object.entries(REPLACED)) {
    if (values[name as keyof typeof REPLACED] !== undefined) console.warn(`--${name} is ignored: ${why}.`);
  }
  switch (command) {
    case 'run':
      return serve({
        ...process.env,
        ...(values.host === undefined ? {} : { API_HOST: values.host }),
        ...(values.port === undefined ? {} : { PORT: values.port }),
      });
    case 'init-db':
    case 'migrate':
      await migrateLocal(process.env);
      console.log('The databases are up to date.');
      return;
    case 'create-admin':
      return createAdmin();
    default:
      usage(command === undefined ? undefined : `unknown command: ${command}`);
  }
}

async function createAdmin(): Promise<void> {
  const { username, password, email = null, remote = false } = values;
  if (!username || !password) usage('create-admin needs --username and --password');
  const admin = { username: username.normalize('NFC'), password, email };
  await (remote ? createRemoteAdmin(admin) : createLocalAdmin(process.env, admin));
  console.log(`Created the admin ${admin.username}.`);
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        host: { type: 'string' },
        port: { type: 'string' },
        workers: { type: 'string' },
        reload: { type: 'boolean' },
        revision: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        username: { type: 'string' },
        password: { type: 'string' },
        email: { type: 'string' },
        remote: { type: 'boolean' },
      },
    });
  } catch (error) {
    usage(error instanceof Error ? error.message : String(error));
  }
}

function usage(problem?: string): never {
  if (problem !== undefined) console.error(problem);
  console.error(USAGE);
  process.exit(problem === undefined ? 0 : 2);
}
