/** The reference page at `/docs`, made by Scalar from `/openapi.json`. Everything it loads is served here; nothing is inline. */
import { fastify } from 'fastify';
import { Failure } from '../errors.ts';
import type { Api } from './context.ts';

const SCRIPT = '/docs/scalar.js';

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** No fonts, telemetry, proxies or helpers from elsewhere. */
const CONFIGURATION = {
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
  documentDownloadType: 'json',
};

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>HiveKey API</title>
</head>
<body>
<div id="api-reference" data-url="/openapi.json" data-configuration="${JSON.stringify(CONFIGURATION).replaceAll('"', '&quot;')}"></div>
<script src="${SCRIPT}"></script>
</body>
</html>
`;

/** Scalar's script is to be had only through its plugin, and is 4 MB: it is read when somebody first asks for it. */
async function readScript(): Promise<string> {
  const { default: scalar } = await import('@scalar/fastify-api-reference');
  const host = fastify();
  await host.register(scalar, { routePrefix: '/docs', configuration: { url: '/openapi.json' } });
  const { statusCode, body } = await host.inject('/docs/js/scalar.js');
  await host.close();
  if (statusCode === 200) return body;
  throw new Failure(500, 'docs_unavailable', 'The reference page cannot be made.', 'Read /openapi.json instead.');
}

export function docsRoutes(api: Api): void {
  let script: Promise<string> | undefined;

  api.get('/docs', { schema: { hide: true } }, async (_request, reply) =>
    reply
      .headers({ 'content-security-policy': POLICY, 'content-type': 'text/html; charset=utf-8' })
      .serializer(String)
      .send(PAGE),
  );

  api.get(SCRIPT, { schema: { hide: true } }, async (_request, reply) => {
    script ??= readScript();
    return reply
      .headers({ 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'private, max-age=3600' })
      .serializer(String)
      .send(await script);
  });
}
