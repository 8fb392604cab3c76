/** `npm start`: both Workers on this machine. Reads the environment (README, Configuration), prints one `Ready` line. */
import { serve } from './serve.ts';
import { StartError } from './server.ts';

try {
  await serve(process.env);
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  console.error(error.message);
  process.exit(1);
}
