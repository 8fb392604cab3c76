/** A thread that extracts from one repository after another. */
import { parentPort } from 'node:worker_threads';
import { commitExamples } from './commits.ts';
import { functionExamples } from './extract.ts';
import type { ExtractTask } from './extract-all.ts';

parentPort!.on('message', async (task: ExtractTask) => {
  parentPort!.postMessage(await (task.what === 'functions' ? functionExamples(task) : commitExamples(task)));
});
