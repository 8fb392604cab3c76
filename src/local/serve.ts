import { stopWithParent } from './lifetime.ts';
import { startServer } from './server.ts';

/**
 * Runs the server until it ends or is told to: prints its warnings, where its credentials are, and one `Ready` line.
 * @throws StartError with a sentence for the operator
 */
export async function serve(environment: NodeJS.ProcessEnv): Promise<void> {
  const starting = startServer(environment);
  stopWithParent(async () => (await starting.catch(() => null))?.stop());
  const server = await starting;
  for (const warning of server.warnings) console.error(`Warning: ${warning}`);
  console.log(`Credentials: ${server.credentialsFile}`);
  console.log(`Ready on ${server.url}`);
  const code = await server.exited;
  console.error(`The runtime ended (${code}); its log is ${server.logFile}`);
  process.exit(1);
}
