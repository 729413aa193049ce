/** Bodies: strict JSON whatever content type is declared, and YAML as text where a route takes it. */
import { isUtf8 } from 'node:buffer';
import type { JsonValue } from '@hivekey/policy';
import type { FastifyRequest } from 'fastify';
import { Failure } from '../errors.ts';
import { DEFAULT_JSON_LIMITS, parseStrictJson } from '../gateway/strict-json.ts';
import type { Api } from './context.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route also takes `application/yaml`; its handler then gets the text of the body, a string. */
    readonly yaml?: true;
    /** The body is a signed token: its handler gets the text. */
    readonly token?: true;
  }
}

const YAML = /^(application|text)\/(x-)?yaml\s*(;|$)/i;

function readYaml(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw new Failure(400, 'yaml_invalid_utf8', 'The YAML document is not valid UTF-8.', 'Encode it as UTF-8.');
}

/** Schemas leave such a member out without a word, so that something else would be decided than was sent. */
function hasPrototypeKey(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasPrototypeKey);
}

/** The value of a body; undefined for none. Throws the parser's refusal, or 415 for YAML that is not wanted. */
function readBody(request: FastifyRequest, bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  if (request.routeOptions.config.token === true) return bytes.toString('latin1');
  if (YAML.test(request.headers['content-type'] ?? '')) {
    if (request.routeOptions.config.yaml === true) return readYaml(bytes);
    throw new Failure(415, 'yaml_not_accepted', 'This route does not take YAML.', 'Send JSON.');
  }
  const parsed = parseStrictJson(bytes, { ...DEFAULT_JSON_LIMITS, maxBytes: Number.MAX_SAFE_INTEGER });
  if (parsed.ok) {
    if (hasPrototypeKey(parsed.value))
      throw new Failure(400, 'json_prototype_key', 'A member of the JSON document is named __proto__.', 'Rename it.');
    return parsed.value;
  }
  const place = parsed.offset === undefined ? '' : ` (byte ${parsed.offset})`;
  throw new Failure(400, parsed.code, `${parsed.cause.replace(/\.$/, '')}${place}.`, parsed.remedy);
}

/** The size has been limited by then: Fastify answers 413 while it reads. */
export function installBodyParser(api: Api): void {
  api.removeAllContentTypeParsers();
  // Published examples declare no type, or a form's; what is declared must not change how a body is read.
  api.addHook('onRequest', async ({ raw }) => {
    if (!YAML.test(raw.headers['content-type'] ?? '')) delete raw.headers['content-type'];
  });
  api.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: Buffer) =>
    readBody(request, bytes),
  );
}
