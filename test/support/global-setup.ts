import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { startBridge } from '../../src/local/bridge.ts';
import { type DirectoryName, startDirectories } from './directory-server.ts';
import { startGitServer } from './git-server.ts';
import { startIdentityProviders } from './identity-providers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** `packages` is where the lockfile's packages are installed. */
    gitServer: { url: string; adminUrl: string; root: string; packages: string };
    bridge: { url: string; secret: string };
    /** Of the property tests: the same in every run unless the environment says otherwise. */
    properties: { seed: number; runs: number };
    /** Ports on the loopback. */
    directories: Record<DirectoryName, number>;
    identityProviders: { url: string };
  }
}

const BRIDGE_SECRET = 'a-secret-of-the-test-suite';

/**
 * One real git server for the whole run, where tests make repositories of their own names; a bridge with a thread that
 * parses; identity providers; and directories.
 */
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
  const providers = await startIdentityProviders();
  project.provide('identityProviders', { url: providers.url });
  const directories = await startDirectories();
  project.provide('directories', directories.ports);
  return async () => {
    await directories.close();
    await providers.close();
    bridge.close();
    await server.close();
  };
}
