import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { startBridge } from '../../src/local/bridge.ts';
import { startGitServer } from './git-server.ts';
import { startModelServer } from './model-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** `packages` is where the lockfile's packages are installed. */
    gitServer: { url: string; adminUrl: string; root: string; packages: string };
    bridge: { url: string; secret: string };
    /** Workers AI, Vectorize and an OpenAI-compatible server, by their wire formats. */
    modelServer: { url: string; apiKey: string };
  }
}

const BRIDGE_SECRET = 'a-secret-of-the-test-suite';

/** One real git server for the whole run, where tests make repositories of their own names; and a bridge with a thread that parses. */
export default async function setup(project: TestProject) {
  const server = await startGitServer();
  project.provide('gitServer', {
    url: server.url,
    adminUrl: server.adminUrl,
    root: server.root,
    packages: path.resolve('node_modules'),
  });
  const bridge = await startBridge(BRIDGE_SECRET, [], 1);
  project.provide('bridge', { url: bridge.url, secret: BRIDGE_SECRET });
  const models = await startModelServer();
  project.provide('modelServer', { url: models.url, apiKey: models.apiKey });
  return async () => {
    bridge.close();
    await models.close();
    await server.close();
  };
}
