/** Assembles the API: the manners, then every feature at its mounts. */
import { OpenAPIHono } from '@hono/zod-openapi';
import { contextRoutes } from '../../src/answer/context/routes.ts';
import { navigateRoutes } from '../../src/answer/navigate/routes.ts';
import { codeRoutes, searchRoutes } from '../../src/answer/search/routes.ts';
import type { Env } from '../../src/env.ts';
import { docs } from '../../src/http/docs.ts';
import { fallback } from '../../src/http/fallback.ts';
import type { AppEnv } from '../../src/http/feature.ts';
import { finish, onError, provide } from '../../src/http/manners.ts';
import { registerComponents } from '../../src/http/openapi.ts';
import { auditRoutes } from '../../src/platform/accounts/audit-routes.ts';
import { keyRoutes } from '../../src/platform/accounts/key-routes.ts';
import { authRoutes } from '../../src/platform/accounts/routes.ts';
import { userRoutes } from '../../src/platform/accounts/user-routes.ts';
import { groupRoutes } from '../../src/platform/groups/routes.ts';
import { indexingStatusRoutes, jobRoutes, jobStreams } from '../../src/platform/jobs/routes.ts';
import { projectRoutes } from '../../src/platform/projects/routes.ts';
import { repoRoutes } from '../../src/platform/repos/routes.ts';
import { signOnRoutes } from '../../src/platform/sign-on/routes.ts';
import { metricsRoutes, prometheus } from '../../src/platform/telemetry/metrics-routes.ts';
import { probeRoutes, rootHealth, statusRoutes } from '../../src/platform/telemetry/routes.ts';
import { type Services, services } from '../../src/services.ts';
import { VERSION } from '../../src/version.ts';

/** Served below /api/v1 only. */
const VERSIONED = [
  authRoutes,
  signOnRoutes,
  keyRoutes,
  userRoutes,
  auditRoutes,
  groupRoutes,
  projectRoutes,
  probeRoutes,
  statusRoutes,
  metricsRoutes,
  jobRoutes,
  jobStreams,
  codeRoutes,
];
/** RepoRelay's paths: the same routes below /api/v1 and below /api. */
const REPORELAY: OpenAPIHono<AppEnv>[] = [
  repoRoutes,
  indexingStatusRoutes,
  navigateRoutes,
  searchRoutes,
  contextRoutes,
];
/** Also at the root: Nectr's `/auth/*` and `/health/*`, Prometheus, and the WebSockets. */
const AT_ROOT = [rootHealth, prometheus, probeRoutes, authRoutes, signOnRoutes, keyRoutes, jobStreams];

/** The app; `build` makes the services of a request, and tests may give their own. */
export function createApp(build: (env: Env, requestId: string) => Services = services): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>({ strict: false });
  registerComponents(app);
  app.use(finish());
  app.use(provide(build));
  for (const routes of [...VERSIONED, ...REPORELAY]) app.route('/api/v1', routes);
  for (const routes of REPORELAY) app.route('/api', routes);
  for (const routes of AT_ROOT) app.route('/', routes);
  const { atRoot, below } = docs(app, VERSION);
  for (const mount of ['/api/v1', '/api']) app.route(mount, below);
  app.route('/', atRoot);
  app.notFound(fallback(app));
  app.onError(onError);
  return app;
}
