/** How a credential reaches its upstream: as an HTTP header, or as a variable of a stdio server's environment. */
import type { JsonObject } from '@hivekey/policy';
import type { Secret } from '../secret.ts';
import { Scrubber } from './scrub.ts';

export interface HeaderInjection {
  readonly header: string;
  /** Holds `{secret}` once. */
  readonly format: string;
}

export type Injection = HeaderInjection | { readonly env: string };

export const DEFAULT_HEADER_INJECTION: HeaderInjection = { header: 'Authorization', format: 'Bearer {secret}' };

const PLACE = '{secret}';
/** RFC 9110 token. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** Headers that carry the message itself; a credential in them would change what is sent. */
const RESERVED =
  /^(host|connection|content-.*|transfer-encoding|te|trailer|upgrade|expect|keep-alive|accept.*|mcp-.*|traceparent|tracestate|last-event-id|user-agent)$/i;

/** Why this injection cannot be used, in words; undefined when it can. */
export function injectionProblem(injection: Injection, transport: 'http' | 'stdio'): string | undefined {
  if ('env' in injection) {
    if (transport !== 'stdio') return 'env is for stdio servers; an HTTP server takes a header';
    return VARIABLE.test(injection.env) ? undefined : 'env is not the name of a variable';
  }
  const { header, format } = injection;
  if (transport !== 'http') return 'header is for HTTP servers; a stdio server takes env';
  if (!HEADER_NAME.test(header)) return 'header is not the name of a header';
  if (RESERVED.test(header)) return `the header ${header} is not free to use`;
  if (format.split(PLACE).length !== 2) return `format must contain ${PLACE} once`;
  return isHeaderValue(format) ? undefined : 'format has characters that no header value may have';
}

function isHeaderValue(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

/** The header's value, or undefined when the credential has characters that would break out of a header. */
export function headerValue(format: string, secret: Secret): string | undefined {
  const value = format.replace(PLACE, () => secret.reveal());
  return isHeaderValue(value) ? value : undefined;
}

const scrubbers = new WeakMap<Secret, Scrubber>();

/** Made once for each resolved credential. */
export function scrubberFor(secret: Secret): Scrubber {
  const known = scrubbers.get(secret);
  if (known !== undefined) return known;
  const scrubber = new Scrubber(secret.reveal());
  scrubbers.set(secret, scrubber);
  return scrubber;
}

export function injectionJson(injection: Injection): JsonObject {
  return 'env' in injection ? { env: injection.env } : { header: injection.header, format: injection.format };
}
