/** Which protocol era a server speaks, from how it answered `server/discover` of revision 2026-07-28. */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import type { UpstreamAnswer } from '../types.ts';
import { MODERN_VERSION } from './connection.ts';
import { isObject } from './json-rpc.ts';

const UNSUPPORTED_VERSION = -32022;

export type EraVerdict =
  | { readonly kind: 'modern'; readonly discovered: JsonObject }
  | { readonly kind: 'legacy' }
  /** Nothing was learnt; in words. */
  | { readonly kind: 'unknown'; readonly problem: string };

const LEGACY: EraVerdict = { kind: 'legacy' };

function isTextList(value: JsonValue | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/**
 * Only positive evidence makes a server modern, and only an answer makes it legacy: an outage, a refused
 * credential and a server error say nothing about the era. Of a stdio server, silence and an early end
 * are the answers of a legacy one (2026-07-28, basic/transports/stdio).
 */
export function eraVerdict(answer: UpstreamAnswer, transport: 'http' | 'stdio'): EraVerdict {
  switch (answer.kind) {
    case 'result': {
      const { supportedVersions } = answer.result;
      const modern = isTextList(supportedVersions) && supportedVersions.includes(MODERN_VERSION);
      return modern && isObject(answer.result.capabilities) ? { kind: 'modern', discovered: answer.result } : LEGACY;
    }
    case 'error': {
      const { httpStatus, error } = answer;
      if (httpStatus === 401 || httpStatus === 403)
        return { kind: 'unknown', problem: `it refused the credential (HTTP ${httpStatus})` };
      if (httpStatus !== undefined && httpStatus >= 500)
        return { kind: 'unknown', problem: `it answered with HTTP ${httpStatus}` };
      const versions = error.code === UNSUPPORTED_VERSION ? versionsIn(error.data) : [];
      // Revisions are dates. A server that has only later ones than ours must not be taken for an old one.
      return versions.length > 0 && versions.every((version) => version > MODERN_VERSION)
        ? { kind: 'unknown', problem: `it speaks only ${versions.slice(0, 5).join(', ')}` }
        : LEGACY;
    }
    case 'failed': {
      const silent = answer.code === 'upstream_timeout' || answer.code === 'upstream_unreachable';
      return transport === 'stdio' && silent && answer.began
        ? LEGACY
        : { kind: 'unknown', problem: FAILURES[answer.code] };
    }
  }
}

function versionsIn(data: unknown): readonly string[] {
  if (typeof data !== 'object' || data === null || !('supported' in data)) return [];
  const { supported } = data;
  return Array.isArray(supported) ? supported.filter((each) => typeof each === 'string') : [];
}

/** Failures in words, for operators. */
export const FAILURES: Readonly<Record<Extract<UpstreamAnswer, { kind: 'failed' }>['code'], string>> = {
  upstream_unreachable: 'it cannot be reached',
  upstream_timeout: 'it did not answer in time',
  upstream_protocol_error: 'its answer is not valid MCP',
  upstream_too_large: 'its answer is too large',
  aborted: 'asking it was stopped',
  credential_unavailable: 'its credential cannot be resolved',
  address_refused: 'its address is not allowed',
};
