import { once } from 'node:events';
import { createServer } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffSeconds, rulesFor } from '../../src/delivery/index.ts';
import { Secret } from '../../src/secret.ts';
import { isEventKind, wants } from '../../src/webhooks/kinds.ts';
import { Sender } from '../../src/webhooks/sender.ts';
import { newSigningSecret, signatureOf } from '../../src/webhooks/signature.ts';

describe('the time to the next attempt', () => {
  it('doubles, up to an hour, spread by a fifth', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, random) => {
          const plain = Math.min(2 ** (failures - 1), 3600);
          const seconds = backoffSeconds(failures, random);
          expect(seconds).toBeGreaterThanOrEqual(plain * 0.8);
          expect(seconds).toBeLessThanOrEqual(plain * 1.2);
        },
      ),
    );
  });
});

describe('a signature', () => {
  it('is that of the specification', () => {
    // Test vector of the reference libraries of Standard Webhooks.
    const secret = new Secret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    const body = '{"test": 2432232314}';
    expect(signatureOf(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, body)).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });

  it('has a key of 32 bytes that is never the same', () => {
    const one = newSigningSecret().reveal();
    expect(Buffer.from(one.slice('whsec_'.length), 'base64')).toHaveLength(32);
    expect(one).not.toBe(newSigningSecret().reveal());
  });
});

describe('a name', () => {
  it.each([
    [[], 'the address is refused: localhost: the address is loopback'],
    [['localhost'], 'the receiver cannot be reached (ECONNREFUSED)'],
  ])('is looked up when it is connected to; allowed: %j', async (allowed, why) => {
    // A port that was free a moment ago: nothing listens there.
    const server = createServer().listen(0);
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await new Promise((resolve) => server.close(resolve));
    const sender = new Sender(`https://localhost:${port}/hook`, rulesFor(allowed));
    expect(await sender.post({}, '{}', new AbortController().signal)).toEqual({ kind: 'failed', why });
    await sender.close();
  });
});

describe('kinds', () => {
  it.each([
    ['tool.call', true],
    ['*', true],
    ['tool.*', false],
    ['constructor', false],
    ['', false],
  ])('%s', (kind, known) => {
    expect(isEventKind(kind)).toBe(known);
  });

  it('are chosen exactly, or all', () => {
    expect(wants(['tool.call'], 'tool.result')).toBe(false);
    expect(wants(['tool.call', 'tool.result'], 'tool.result')).toBe(true);
    expect(wants(['*'], 'tool.result')).toBe(true);
  });
});
