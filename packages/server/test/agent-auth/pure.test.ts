/** What of agent authentication is decided without a database. */
import { createServer } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claimsMatch, conditionsProblem } from '../../src/agent-auth/claims.ts';
import { parseForm } from '../../src/agent-auth/form.ts';
import { KeySets } from '../../src/agent-auth/key-sets.ts';
import { covers, ENTRANCES, readWanted } from '../../src/agent-auth/wanted.ts';
import { CallsInFlight } from '../../src/path/calls-in-flight.ts';
import { decidedForAll } from '../../src/path/chain.ts';
import { newKey } from './clients.ts';

const URL = 'https://hivekey.acme.example';
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });

describe('forms', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 8 }), (pairs) => {
        expect([...parseForm(new URLSearchParams(pairs).toString())]).toEqual(pairs);
      }),
    );
  });

  it('are refused as a whole when a name stands twice, however it is written', () => {
    fc.assert(
      fc.property(text, text, (name, value) => {
        const once = new URLSearchParams([[name, value]]).toString();
        const spelled = [...new TextEncoder().encode(name)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`);
        expect(() => parseForm(`${once}&${spelled.join('')}=x`)).toThrow('twice');
      }),
    );
  });

  it('of anything are read or refused', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (body) => {
        try {
          parseForm(body);
        } catch (error) {
          expect(error).toMatchObject({ error: 'invalid_request' });
        }
      }),
    );
  });
});

describe('conditions on claims', () => {
  const claims = fc.dictionary(text, fc.oneof(text, fc.integer(), fc.boolean(), fc.dictionary(text, text)), {
    minKeys: 1,
    maxKeys: 5,
    noNullPrototype: true,
  });

  it('hold for the claims they are part of, and for no change of one of them', () => {
    fc.assert(
      fc.property(claims, claims, (wanted, more) => {
        expect(claimsMatch(wanted, { ...more, ...wanted })).toBe(true);
        for (const name of Object.keys(wanted)) {
          const { [name]: _, ...rest } = wanted;
          expect(claimsMatch(wanted, rest)).toBe(false);
          expect(claimsMatch(wanted, { ...wanted, [name]: `${JSON.stringify(wanted[name])}x` })).toBe(false);
          expect(claimsMatch(wanted, { ...wanted, [name]: [wanted[name] ?? ''] })).toBe(false);
        }
      }),
    );
  });

  it('do not reach what every object has', () => {
    expect(claimsMatch({ constructor: { name: 'Object' } }, {})).toBe(false);
  });

  const github = { repository_id: '1', repository_owner_id: '2' };
  it.each([
    ['github', 'https://x', { ...github, ref: 'refs/heads/main' }, true],
    ['github', 'https://x', { ...github, environment: 'production' }, true],
    ['github', 'https://x', github, false],
    ['github', 'https://x', { repository: 'acme/ops', ref: 'refs/heads/main' }, false],
    ['github', 'https://x', { ...github, repository_id: 1, ref: 'r' }, false],
    ['kubernetes', 'https://x', { 'kubernetes.io': { namespace: 'a', serviceaccount: { uid: 'u' } } }, true],
    ['kubernetes', 'https://x', { sub: 'system:serviceaccount:a:b' }, false],
    ['spiffe', 'spiffe://a.example', { sub: 'spiffe://a.example/x' }, true],
    ['spiffe', 'spiffe://a.example', { sub: 'spiffe://a.example/' }, false],
    ['spiffe', 'spiffe://a.example', { sub: 'spiffe://a.example.evil/x' }, false],
    ['oidc', 'https://x', { sub: 'x' }, true],
    ['oidc', 'https://x', { sub: 'x*' }, false],
    ['oidc', 'https://x', {}, false],
    ['oidc', 'https://x', { sub: 'x', groups: ['a'] }, false],
  ] as const)('of %s at %s: %j', (kind, issuer, conditions, isEnough) => {
    expect(conditionsProblem(kind, issuer, structuredClone(conditions) as never) === undefined).toBe(isEnough);
  });
});

describe('resources', () => {
  const bounds = { entrances: ENTRANCES, roles: ['support'] };
  const read = (form: Record<string, string>) => readWanted(new Map(Object.entries(form)), URL, bounds);

  it('are those that are served', () => {
    for (const path of ['', '/', '/mcp', '/mcp/crm', '/http', '/v1', '/agents/helper-bot'])
      expect(read({ resource: URL + path }).resource).toBe(path === '/' ? '' : path);
    for (const other of [
      '/mcp/',
      '/mcp/../v1',
      '/mcp/a/b',
      '/v1/x',
      '/oauth/token',
      '/agents/',
      '/mcp?x',
      '/mcp#x',
      '.evil/mcp',
      '@evil/mcp',
    ])
      expect(() => read({ resource: URL + other })).toThrow('not served');
    expect(() => read({ resource: URL.toUpperCase() })).toThrow('not served');
  });

  it('cover themselves and what is below', () => {
    expect(['/mcp', '/mcp/crm', '/http', '/v1'].filter((each) => covers('/mcp', each))).toEqual(['/mcp', '/mcp/crm']);
    expect(['/mcp', '/mcp/crm', '/mcp/crm2'].filter((each) => covers('/mcp/crm', each))).toEqual(['/mcp/crm']);
    expect(covers('/agents/mcp', '/mcp')).toBe(false);
    expect(covers('', '/v1')).toBe(true);
  });

  it('take no scope that is not theirs', () => {
    expect(read({ scope: 'mcp role:support' })).toEqual({ resource: '', entrances: ['mcp'], roles: ['support'] });
    for (const scope of ['mcp  http', ' mcp', 'role:', 'role:other', 'MCP', 'openid'])
      expect(() => read({ scope })).toThrow('scope');
  });
});

describe('key sets', () => {
  it('are kept, fetched again for a key that is not known, and not asked for in vain', async () => {
    let keys: unknown[] = [];
    let asked = 0;
    let isDown = false;
    const server = createServer((_req, res) => {
      asked += 1;
      res.writeHead(isDown ? 500 : 200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ keys }));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const source = { id: 'wis_1', jwks: null, jwksUrl: `http://127.0.0.1:${port}/` };
    const sets = new KeySets([`127.0.0.1:${port}`]);
    const has = async (kid: string, nowMs: number) => {
      const find = await sets.of(source, kid, nowMs);
      try {
        await find({ alg: 'ES256', kid }, { payload: '', signature: '' });
        return true;
      } catch {
        return false;
      }
    };
    try {
      const [one, two] = await Promise.all([newKey('ES256', 'one'), newKey('ES256', 'two')]);
      keys = [one.jwk, { kty: 'oct', k: 'c2VjcmV0', kid: 'shared' }];
      expect(await has('one', 0)).toBe(true);
      expect(await has('one', 599_000)).toBe(true);
      expect(asked).toBe(1);
      expect(await has('shared', 599_000)).toBe(false);
      keys = [two.jwk];
      expect(await has('two', 600_000)).toBe(false);
      expect(asked).toBe(2);
      expect(await has('two', 640_000)).toBe(true);
      expect(await has('one', 640_001)).toBe(false);
      expect(asked).toBe(3);
      isDown = true;
      expect(await has('two', 1_300_000)).toBe(true);
      await expect(sets.of(source, 'two', 640_000 + 3_600_000)).rejects.toThrow('500');
    } finally {
      server.close();
    }
  });
});

describe('a decision for several', () => {
  const evaluation = (change: object) => ({
    ...({ verdict: 'allow', reasonClass: 'granted', reason: 'granted', trace: [], impact: {} } as const),
    ...{ demands: [], charges: [], policyHash: 'sha256:0', policyRevision: 1 },
    ...change,
  });

  it('is the strictest, with every counter once', () => {
    const demand = (key: string) =>
      ({ key, windowSeconds: 60, limit: 1, amount: 1, guardId: 'R', effect: 'deny' }) as never;
    const own = evaluation({
      demands: [demand('c'), demand('all')],
      charges: [
        { key: 'c', amount: 1 },
        { key: 'all', amount: 1 },
      ],
    });
    const parent = evaluation({
      demands: [demand('p'), demand('all')],
      charges: [
        { key: 'p', amount: 1 },
        { key: 'all', amount: 1 },
      ],
    });
    const both = decidedForAll(own, [parent]);
    expect(both.demands.map(({ key }) => key)).toEqual(['c', 'all', 'p']);
    expect(both.charges.map(({ key }) => key)).toEqual(['c', 'all', 'p']);
    const denied = evaluation({ verdict: 'deny', reasonClass: 'cap', reason: 'cap: no', rule: 'R9' });
    const held = evaluation({ verdict: 'review', reasonClass: 'guard', reason: 'guard: people' });
    expect(decidedForAll(own, [held, denied])).toMatchObject({ verdict: 'deny', rule: 'R9' });
    expect(decidedForAll(denied, [own, held])).toMatchObject({ verdict: 'deny', rule: 'R9' });
    const times = [evaluation({ holds: { fromMs: 1, untilMs: 9 } }), evaluation({ holds: { fromMs: 3, untilMs: 12 } })];
    expect(decidedForAll(own, times).holds).toEqual({ fromMs: 3, untilMs: 9 });
  });
});

describe('a stop', () => {
  it('reaches the calls and sessions of those who act for whom it is about', async () => {
    const calls = new CallsInFlight();
    const id = (text: string) => text as never;
    const delegator = {
      workspaceId: id('w'),
      agentId: id('parent'),
      agent: 'p',
      ownerId: id('o'),
      owner: 'o@acme.example',
      agentRevision: 1,
    };
    const call = calls.enter(id('w'), id('child'), 'child', 'tickets.close', [delegator]);
    const other = calls.enter(id('w'), id('child'), 'child', 'tickets.close');
    let isClosed = false;
    calls.addSession({
      workspaceId: id('w'),
      agentId: id('child'),
      chain: [delegator],
      close: () => {
        isClosed = true;
      },
    });
    await calls.stop(id('w'), { kind: 'agents', agentIds: new Set([id('parent')]) }, 0);
    expect([call.stop.aborted, other.stop.aborted, isClosed]).toEqual([true, false, true]);
  });
});
