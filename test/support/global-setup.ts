import type { TestProject } from 'vitest/node';
import { startGitServer } from './git-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    gitServer: { url: string; adminUrl: string; root: string };
  }
}

/** One real git server for the whole run; tests make repositories of their own names in it. */
export default async function setup(project: TestProject) {
  const server = await startGitServer();
  project.provide('gitServer', { url: server.url, adminUrl: server.adminUrl, root: server.root });
  return () => server.close();
}
