/** `/openapi.json`, `/docs` (Swagger UI), `/redoc` and the Postman collection, all served from this deployment. */
import { type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Env } from '../env.ts';
import { Problem } from '../errors.ts';
import { type AppEnv, feature, json, route } from './feature.ts';
import { openApiDocument } from './openapi.ts';
import { postmanCollection } from './postman.ts';

/** Assets of the documentation pages and their types; `src/local/assets.ts` puts them into `dist/assets`. */
export const DOC_ASSETS = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'redoc.standalone.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
  'favicon-16x16.png': 'image/png',
} as const;

/** Both viewers set styles from script and draw icons from data URIs; ReDoc searches in a blob worker. */
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const SWAGGER_START = `window.addEventListener('load', () => {
  window.ui = SwaggerUIBundle({
    url: '/openapi.json', dom_id: '#viewer', deepLinking: true, persistAuthorization: false, validatorUrl: null,
    docExpansion: 'none', presets: [SwaggerUIBundle.presets.apis],
  });
});
`;
const REDOC_START = `window.addEventListener('load', () => {
  Redoc.init('/openapi.json', { disableSearch: false, hideDownloadButton: false, nativeScrollbars: true }, document.getElementById('viewer'));
});
`;

function page(title: string, head: string, scripts: string[]): string {
  const tags = scripts.map((script) => `<script src="/docs/assets/${script}" defer></script>`).join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" type="image/png" href="/docs/assets/favicon-32x32.png">
${head}
</head>
<body>
<div id="viewer"></div>
${tags}
</body>
</html>
`;
}

const SWAGGER = page('Sightline API', '<link rel="stylesheet" href="/docs/assets/swagger-ui.css">', [
  'swagger-ui-bundle.js',
  'swagger-start.js',
]);
const REDOC = page('Sightline API', '', ['redoc.standalone.js', 'redoc-start.js']);
const SCRIPTS: Record<string, string> = { 'swagger-start.js': SWAGGER_START, 'redoc-start.js': REDOC_START };

const shared = { method: 'get' as const, scope: 'public' as const, limits: [], tags: ['Documentation'] };
const html = { 200: { description: 'The page', content: { 'text/html': { schema: z.string() } } } };

const openapi = route({
  ...shared,
  path: '/openapi.json',
  operationId: 'getOpenApi',
  summary: 'This API as OpenAPI 3.1',
  etag: true,
  responses: {
    200: { description: 'The document', content: json(z.looseObject({})) },
  },
});
const postman = route({
  ...shared,
  path: '/postman-collection.json',
  operationId: 'getPostmanCollection',
  summary: 'This API as a Postman Collection v2.1',
  description: 'Its variable `base_url` is this deployment; put your key into `api_key`.',
  etag: true,
  responses: { 200: { description: 'The collection', content: json(z.looseObject({})) } },
});
const swagger = route({
  ...shared,
  path: '/docs',
  operationId: 'showSwaggerUi',
  summary: 'Swagger UI',
  responses: html,
});
const redoc = route({
  ...shared,
  path: '/redoc',
  operationId: 'showReDoc',
  summary: 'ReDoc',
  responses: html,
});
const asset = route({
  ...shared,
  path: '/docs/assets/{file}',
  operationId: 'getDocsAsset',
  summary: 'A script, style or image of the documentation pages',
  request: {
    params: z.object({
      file: z.string().max(100).openapi({ description: 'Its name.', example: 'swagger-ui.css' }),
    }),
  },
  responses: { 200: { description: 'The file', content: { '*/*': { schema: z.string() } } } },
});

/** The documentation routes of `app` at the root, and those below `/api`. The document is made once an isolate, when asked for. */
export function docs(app: OpenAPIHono<AppEnv>, version: string) {
  let made: { document: ReturnType<typeof openApiDocument>; text: string } | undefined;
  const description = () => {
    if (made) return made;
    const document = openApiDocument(app, version);
    made = { document, text: JSON.stringify(document) };
    return made;
  };
  // One deployment has one address, or few: the latest is kept.
  let collection: { baseUrl: string; text: string } | undefined;
  const below = feature();
  below.openapi(postman, (c) => {
    const baseUrl = c.var.services.config.backendUrl ?? new URL(c.req.url).origin;
    if (collection?.baseUrl !== baseUrl) {
      collection = { baseUrl, text: JSON.stringify(postmanCollection(description().document, baseUrl)) };
    }
    return jsonText(collection.text) as never;
  });
  const routes = feature();
  routes.openapi(openapi, () => jsonText(description().text) as never);
  routes.openapi(swagger, (c) => c.html(SWAGGER, 200, { 'content-security-policy': CSP }) as never);
  routes.openapi(redoc, (c) => c.html(REDOC, 200, { 'content-security-policy': CSP }) as never);
  routes.openapi(asset, async (c) => (await assetOf(c.req.valid('param').file, c.env.INDEXER)) as never);
  return { atRoot: routes, below };
}

function jsonText(text: string): Response {
  return new Response(text, {
    headers: { 'content-type': 'application/json', 'cache-control': 'public, max-age=300' },
  });
}

async function assetOf(file: string, indexer: Pick<Env['INDEXER'], 'documentationFile'>): Promise<Response> {
  const headers = { 'cache-control': 'public, max-age=86400' };
  const script = SCRIPTS[file];
  if (script !== undefined) {
    return new Response(script, {
      headers: { ...headers, 'content-type': 'text/javascript; charset=utf-8' },
    });
  }
  const type = Object.entries(DOC_ASSETS).find(([name]) => name === file)?.[1];
  if (type === undefined) throw new Problem('not_found', 'No such file of the documentation.');
  const found = await indexer.documentationFile(file);
  if (!found.ok) {
    await found.body?.cancel();
    throw new Problem(
      'unavailable',
      'The documentation files are not part of this build; run npm run assets.',
    );
  }
  return new Response(found.body, { headers: { ...headers, 'content-type': type } });
}
