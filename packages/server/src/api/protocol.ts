/** What holds for every answer: version, request id, hosts served, security headers. */

import { Failure } from '../errors.ts';
import type { HostGuard } from '../gateway/host-guard.ts';
import { newId } from '../ids.ts';
import type { Api } from './context.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Served under any Host: probes and scrapers come by address, and the answer tells nothing about the workspace. */
    readonly anyHost?: true;
    /** A page of another origin has the browser post here, and what it posts is proof enough by itself. */
    readonly anyOrigin?: true;
  }
}

const API_VERSION = '2026-04-01';
const VERSIONS: ReadonlySet<string> = new Set([API_VERSION]);

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** The caller's request id where it is usable, else ours. */
export function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : newId('req');
}

/** Of answers that are no page. Pages bring their own policy. */
const API_POLICY = "default-src 'none'; frame-ancestors 'none'";

export interface ProtocolOptions {
  readonly guard: HostGuard;
  /** Origins are compared with the Host of the request and with these authorities. */
  readonly allowedOrigins: ReadonlySet<string>;
  readonly isHttps: boolean;
}

export function installProtocol(api: Api, { guard, allowedOrigins, isHttps }: ProtocolOptions): void {
  api.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'x-request-id': request.id,
      'hivekey-version': API_VERSION,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'content-security-policy': API_POLICY,
      'cache-control': 'no-store',
      ...(isHttps ? { 'strict-transport-security': 'max-age=31536000' } : {}),
    });

    // DNS rebinding: a page of another site must reach neither the API nor the console through its visitor's browser.
    const { host, origin } = request.headers;
    const isServed = request.routeOptions.config.anyHost === true || (host !== undefined && guard.allowsHost(host));
    if (!isServed)
      throw new Failure(
        403,
        'host_not_served',
        'The Host header names no host that is served here.',
        'Use the configured address, or add the name to HIVEKEY_ALLOWED_HOSTS.',
      );
    const mayCome = request.routeOptions.config.anyOrigin === true || isOwnOrigin(origin, host ?? '', allowedOrigins);
    if (!mayCome)
      throw new Failure(
        403,
        'origin_not_allowed',
        'The request comes from a page of another origin.',
        'Call the API from a server, or add the origin to HIVEKEY_ALLOWED_HOSTS.',
      );

    const version = request.headers['hivekey-version'];
    if (version !== undefined && (typeof version !== 'string' || !VERSIONS.has(version)))
      throw new Failure(
        400,
        'version_unknown',
        'HiveKey-Version names no version of this API.',
        `Send ${API_VERSION}, or leave the header out.`,
      );
  });
}

/** Also for a request that names no origin. */
function isOwnOrigin(origin: string | undefined, host: string, allowed: ReadonlySet<string>): boolean {
  if (origin === undefined) return true;
  const authority = /^https?:\/\/([^/?#@\\]+)$/i.exec(origin)?.[1]?.toLowerCase();
  return authority !== undefined && (authority === host.toLowerCase() || allowed.has(authority));
}
