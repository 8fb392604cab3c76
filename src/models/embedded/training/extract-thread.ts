/** A thread that extracts from one repository after another. */
import { parentPort } from 'node:worker_threads';
import { commitExamples } from './commits.ts';
import type { Example } from './examples.ts';
import { functionExamples } from './extract.ts';
import type { ExtractTask } from './extract-all.ts';
import { testExamples } from './tests.ts';

function examplesOf(task: ExtractTask): Promise<Example[]> {
  if (task.what === 'functions') return functionExamples(task);
  return task.what === 'tests' ? testExamples(task) : commitExamples(task);
}

parentPort!.on('message', async (task: ExtractTask) => {
  parentPort!.postMessage(await examplesOf(task));
});
