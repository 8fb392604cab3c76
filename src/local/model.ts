import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { readModel } from '../models/embedded/model-file.ts';
import { MODEL } from '../models/embedded/model-id.ts';

/**
 * Makes sure that the model which the Workers bundle is the one that vectors are stored under, before anything starts or is
 * deployed: an isolate reads it only when the first text comes.
 * @throws Error with a sentence for the operator
 */
export async function checkModel(checkout: string): Promise<void> {
  const file = path.join(checkout, 'src/models/embedded/model.bin');
  try {
    readModel(await readFile(file), MODEL.hash);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${file}: ${why}; check it out again`);
  }
}
