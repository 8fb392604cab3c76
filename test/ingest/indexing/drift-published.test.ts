import { it } from 'vitest';
import { follow } from './follow.ts';
import { createHistory, entry } from './history.ts';
import { expectInReadme } from './in-readme.ts';

/** Far above what it takes: a busy machine is no drift. */
const TIMEOUT = 300_000;

/** Consecutive versions as they were published; the lockfile pins them. */
const PUBLISHED = {
  nanostores:
    '0.9.0 0.9.1 0.9.2 0.9.3 0.9.4 0.9.5 0.10.0 0.10.1 0.10.2 0.10.3 0.11.0 0.11.2 0.11.3 0.11.4 1.0.0 1.0.1',
  ws: '8.5.0 8.6.0 8.7.0 8.8.0 8.8.1 8.9.0 8.10.0 8.11.0 8.12.0 8.12.1 8.13.0 8.14.0 8.14.1 8.14.2 8.15.0 8.15.1',
};

it(
  'nothing drifts over 32 published versions of two packages, a commit each',
  async () => {
    const history = await createHistory('drift-published');
    const index = await follow(history, 'published');
    const versions = Object.entries(PUBLISHED).flatMap(([name, list]) =>
      list.split(' ').map((version, at) => ({ name, version, at })),
    );
    for (const { name, version } of versions.sort((a, b) => a.at - b.at)) {
      const tree = await history.packageTree(`history-${name}-${version}`);
      await history.commit([entry(`packages/${name}`, '040000', tree)]);
      await index.sync('main');
    }
    expectInReadme('versions of `nanostores` and `ws` as published, a commit each', index.coverage);
  },
  TIMEOUT,
);
