/** A thread that extracts one repository after another. */
import { parentPort } from 'node:worker_threads';
import { type Extraction, extract } from './extract.ts';

parentPort!.on('message', async (task: Extraction) => {
  parentPort!.postMessage(await extract(task));
});
