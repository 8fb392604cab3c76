/** `npm start`: both Workers on this machine. Reads the environment (README, Configuration), prints one `Ready` line. */
import { stopWithParent } from './lifetime.ts';
import { StartError, startServer } from './server.ts';

try {
  const starting = startServer(process.env);
  stopWithParent(async () => (await starting.catch(() => null))?.stop());
  const server = await starting;
  console.log(`Credentials: ${server.credentialsFile}`);
  console.log(`Ready on ${server.url}`);
  const code = await server.exited;
  console.error(`The runtime ended (${code}); its log is ${server.logFile}`);
  process.exit(1);
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  console.error(error.message);
  process.exit(1);
}
