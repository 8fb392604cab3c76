import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { startBridge } from '../../src/local/bridge.ts';
import { startGitServer } from './git-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** `packages` is where the lockfile's packages are installed. */
    gitServer: { url: string; adminUrl: string; root: string; packages: string };
    bridge: { url: string; secret: string };
    /** Of the property tests: the same in every run unless the environment says otherwise. */
    properties: { seed: number; runs: number };
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
  const { PROPERTY_SEED = '20261127', PROPERTY_RUNS = '15' } = process.env;
  project.provide('properties', { seed: Number(PROPERTY_SEED), runs: Number(PROPERTY_RUNS) });
  return async () => {
    bridge.close();
    await server.close();
  };
}
