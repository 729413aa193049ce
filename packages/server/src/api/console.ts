/** The console: static files of our own origin under a strict policy, its page for every path of its own. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fastifyStatic } from '@fastify/static';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Api } from './context.ts';

const FOLDER = fileURLToPath(new URL('../../../console/dist/', import.meta.url));
const PAGE = 'index.html';

// Nothing inline, and nothing from elsewhere: the console's tests walk every room under this.
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** First parts of paths that are never the console's: a wrong one is an error, not a page. */
const NOT_PAGES: ReadonlySet<string> = new Set(['v1', 'mcp', 'access', '.well-known', 'assets', 'oauth']);

/** The built files carry their content's hash in their name; the page names them and must be asked for each time. */
function cachingOf(path: string): string {
  return path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
}

/** Answers with the console's page where a person's browser asks for one; false when the request is not such. */
export type ServePage = (request: FastifyRequest, reply: FastifyReply) => boolean;

/** Without a built console there is nothing to serve, and the API works all the same. */
export async function installConsole(api: Api, folder = FOLDER): Promise<ServePage> {
  if (!existsSync(`${folder}/${PAGE}`)) return () => false;
  await api.register(fastifyStatic, {
    root: folder,
    dotfiles: 'ignore',
    cacheControl: false,
    // The build puts Brotli and gzip forms beside the assets.
    preCompressed: true,
    setHeaders: (reply, path) => {
      reply.header('cache-control', cachingOf(path));
      if (basename(path) === PAGE) reply.header('content-security-policy', POLICY);
    },
  });
  return (request, reply) => {
    const [, first = ''] = request.url.split(/[/?]/);
    const wantsPage = request.method === 'GET' && request.headers.accept?.includes('text/html') === true;
    if (!wantsPage || NOT_PAGES.has(first)) return false;
    reply.sendFile(PAGE);
    return true;
  };
}
