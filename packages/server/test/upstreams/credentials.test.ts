import { createSecretKey, randomBytes } from 'node:crypto';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/secret.ts';
import { readMessage } from '../../src/upstreams/connections/json-rpc.ts';
import { checkSecretName, parseCredentialRef } from '../../src/upstreams/credential-ref.ts';
import { EnvelopeBroken, openEnvelope, sealEnvelope } from '../../src/upstreams/envelope.ts';
import { headerValue, injectionProblem } from '../../src/upstreams/injection.ts';
import { Scrubber } from '../../src/upstreams/scrub.ts';

describe('credential references', () => {
  it.each([
    ['vault://acme-crm-key', { scheme: 'vault', name: 'acme-crm-key' }],
    ['env://CRM_TOKEN', { scheme: 'env', variable: 'CRM_TOKEN' }],
    ['file://crm/token', { scheme: 'file', path: 'crm/token' }],
    ['file:///run/secrets/crm', { scheme: 'file', path: '/run/secrets/crm' }],
  ])('%s', (text, ref) => expect(parseCredentialRef(text)).toEqual(ref));

  it.each([
    '',
    'acme-crm-key',
    'vault://',
    'vault://A',
    'vault://a/b',
    'env://1A',
    'env://A-B',
    'file://a\0b',
    'http://x',
    'VAULT://a',
    'vault://-a',
  ])('not %j', (text) =>
    expect(() => parseCredentialRef(text)).toThrow(expect.objectContaining({ code: 'credential_ref_invalid' })),
  );

  it('names of secrets are plain', () => {
    expect(checkSecretName('acme.crm_key-1')).toBe('acme.crm_key-1');
    for (const name of ['', 'A', 'a b', '.a', 'a-', 'x'.repeat(64)])
      expect(() => checkSecretName(name)).toThrow(expect.objectContaining({ code: 'secret_name_invalid' }));
  });
});

describe('envelope', () => {
  const key = createSecretKey(randomBytes(32));
  const context = { workspaceId: 'wsp_a', name: 'crm', version: 3 };

  it('opens what it sealed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        expect(openEnvelope(key, context, sealEnvelope(key, context, value))).toBe(value);
      }),
    );
  });

  it('does not open elsewhere, as another version, or with another key', () => {
    const sealed = sealEnvelope(key, context, 'value');
    for (const other of [
      { ...context, workspaceId: 'wsp_b' },
      { ...context, name: 'erp' },
      { ...context, version: 2 },
    ])
      expect(() => openEnvelope(key, other, sealed)).toThrow(EnvelopeBroken);
    expect(() => openEnvelope(createSecretKey(randomBytes(32)), context, sealed)).toThrow(EnvelopeBroken);
  });

  it('no byte of it can be changed, and none cut off', () => {
    const sealed = sealEnvelope(key, context, 'a value of some length');
    const flip = (buffer: Buffer, at: number): Buffer => {
      const copy = Buffer.from(buffer);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    };
    for (const part of ['wrappedKey', 'ciphertext'] as const) {
      for (let at = 0; at < sealed[part].length; at += 1)
        expect(() => openEnvelope(key, context, { ...sealed, [part]: flip(sealed[part], at) })).toThrow(EnvelopeBroken);
      for (const length of [0, 1, 12, 28, sealed[part].length - 1])
        expect(() => openEnvelope(key, context, { ...sealed, [part]: sealed[part].subarray(0, length) })).toThrow(
          EnvelopeBroken,
        );
    }
  });

  it('two envelopes of one value have nothing in common', () => {
    const [one, other] = [sealEnvelope(key, context, 'value'), sealEnvelope(key, context, 'value')];
    expect(one.ciphertext.equals(other.ciphertext)).toBe(false);
    expect(one.wrappedKey.equals(other.wrappedKey)).toBe(false);
  });
});

describe('injection', () => {
  it.each([
    [{ header: 'Authorization', format: 'Bearer {secret}' }, 'http'],
    [{ header: 'X-Api-Key', format: '{secret}' }, 'http'],
    [{ env: 'CRM_TOKEN' }, 'stdio'],
  ] as const)('%j for %s', (injection, transport) => expect(injectionProblem(injection, transport)).toBeUndefined());

  it.each([
    [{ header: 'Authorization', format: 'Bearer' }, 'http'],
    [{ header: 'Authorization', format: '{secret}{secret}' }, 'http'],
    [{ header: 'X\r\nY', format: '{secret}' }, 'http'],
    [{ header: 'X', format: '{secret}\r\nY: 1' }, 'http'],
    [{ header: 'Host', format: '{secret}' }, 'http'],
    [{ header: 'Content-Length', format: '{secret}' }, 'http'],
    [{ header: 'Mcp-Session-Id', format: '{secret}' }, 'http'],
    [{ header: 'X', format: '{secret}' }, 'stdio'],
    [{ env: 'CRM_TOKEN' }, 'http'],
    [{ env: 'A=B' }, 'stdio'],
  ] as const)('not %j for %s', (injection, transport) =>
    expect(injectionProblem(injection, transport)).toBeTypeOf('string'),
  );

  it('a credential that would break out of its header is not sent', () => {
    expect(headerValue('Bearer {secret}', new Secret('token $& $1'))).toBe('Bearer token $& $1');
    expect(headerValue('Bearer {secret}', new Secret('a\r\nX: 1'))).toBeUndefined();
    expect(headerValue('Bearer {secret}', new Secret('tökén'))).toBeUndefined();
  });
});

describe('scrubbing', () => {
  /** Forms in which upstreams are known to repeat what they were sent. */
  const encodings: readonly ((text: string) => string)[] = [
    (text) => text,
    (text) => encodeURIComponent(text),
    (text) => encodeURIComponent(text).replaceAll('%20', '+'),
    (text) => encodeURIComponent(text).toLowerCase(),
    (text) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
    (text) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
    (text) => Buffer.from(text).toString('hex'),
    (text) => Buffer.from(text).toString('hex').toUpperCase(),
    (text) => Buffer.from(text).toString('base64'),
    (text) => Buffer.from(text).toString('base64url'),
    (text) => Buffer.from(`Bearer ${text}`).toString('base64'),
    (text) => Buffer.from(`u:${text}`).toString('base64'),
    (text) => Buffer.from(`user:${text}:more`).toString('base64url'),
    (text) => JSON.stringify(text),
    (text) => JSON.stringify({ text: JSON.stringify({ text }) }),
    (text) => `Authorization: Bearer ${text}\r\n`,
  ];
  /** What is left of a secret must not give it away: no run of characters of it in any of these. */
  const decoders: readonly ((text: string) => string)[] = [
    (text) => text,
    (text) => text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString()),
    (text) => text.replaceAll('+', ' '),
    (text) => text.replaceAll(/(?:[0-9a-f]{2})+/gi, (run) => Buffer.from(run, 'hex').toString()),
    (text) => text.replaceAll(/[A-Za-z0-9+/_-]+/g, (run) => Buffer.from(run, 'base64').toString()),
    (text) => text.replaceAll(/[A-Za-z0-9+/_-]+/g, (run) => Buffer.from(`A${run}`, 'base64').toString()),
    (text) => text.replaceAll(/[A-Za-z0-9+/_-]+/g, (run) => Buffer.from(`AA${run}`, 'base64').toString()),
    (text) => text.replaceAll(/[A-Za-z0-9+/_-]+/g, (run) => Buffer.from(`AAA${run}`, 'base64').toString()),
    (text) => text.replaceAll('\\\\', '\\').replaceAll('\\"', '"'),
  ];
  const secrets = fc
    .string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 60 })
    .filter((text) => /\S{8}/.test(text));
  const around = fc.string({ maxLength: 12 });

  it('the secret survives in no common encoding, whatever stands around it', () => {
    fc.assert(
      fc.property(secrets, around, around, fc.constantFrom(...encodings), (secret, before, after, encode) => {
        const scrubber = new Scrubber(secret);
        const text = scrubber.text(`${before}${encode(secret)}${after}`);
        for (const decode of decoders) expect(decode(text)).not.toContain(secret);
      }),
      { numRuns: 1_500 },
    );
  });

  it('reaches keys, values and numbers at any depth of a message, also behind escapes', () => {
    const place = fc.letrec<{ node: (secret: string) => JsonValue }>((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        fc.constant((secret: string): JsonValue => secret),
        fc.constant((secret: string): JsonValue => ({ [secret]: 1 })),
        tie('node').map(
          (inner) =>
            (secret: string): JsonValue => [1, inner(secret)],
        ),
        tie('node').map(
          (inner) =>
            (secret: string): JsonValue => ({ a: 'x', b: inner(secret) }),
        ),
      ),
    })).node;
    fc.assert(
      fc.property(secrets, place, fc.boolean(), (secret, make, escaped) => {
        const message = { jsonrpc: '2.0', id: 1, result: { content: make(secret) } };
        const text = JSON.stringify(message);
        const sent = escaped
          ? text.replaceAll(/[!-~]/g, (character) =>
              /[[\]{}:,"\\]/.test(character) ? character : escapeInsideStrings(character),
            )
          : text;
        const read = readMessage(isJson(sent) ? sent : text, new Scrubber(secret));
        expect(read?.kind).toBe('result');
        expect(stringsIn(read?.kind === 'result' ? read.result : {}).join('\n')).not.toContain(secret);
      }),
    );
    expect(new Scrubber('12345678').object({ n: 12345678 })).toEqual({ n: '[secret]' });
  });

  it('leaves clean messages as they are, the same object', () => {
    const scrubber = new Scrubber('a-secret-value');
    const message: JsonObject = { a: ['b', { c: 1 }], d: null };
    expect(scrubber.object(message)).toBe(message);
    expect(scrubber.suspects(JSON.stringify(message))).toBe(false);
  });

  it('suspects whatever it would clean', () => {
    fc.assert(
      fc.property(secrets, fc.constantFrom(...encodings), (secret, encode) => {
        const scrubber = new Scrubber(secret);
        const message: JsonObject = { text: encode(secret) };
        if (scrubber.object(message) !== message) expect(scrubber.suspects(JSON.stringify(message))).toBe(true);
      }),
    );
  });
});

/** JSON may write any character of a string as an escape; digits and words outside strings it may not. */
function escapeInsideStrings(character: string): string {
  return /[A-Za-z]/.test(character) ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : character;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function stringsIn(value: JsonValue): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...stringsIn(inner)]);
}
