import type { LookupAddress } from 'node:dns';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AddressClass,
  type AddressRules,
  addressProblem,
  classifyAddress,
  guardedLookup,
  literalProblem,
  parseAllowList,
  parseEndpoint,
} from '../../src/upstreams/address-guard.ts';

const STRICT: AddressRules = { allow: parseAllowList([]), allowPrivate: false };

const CLASSES: readonly (readonly [AddressClass, readonly string[]])[] = [
  ['public', ['8.8.8.8', '1.0.0.1', '172.32.0.1', '100.63.255.255', '192.169.0.1', '2606:4700::1111', '2a00::1']],
  ['loopback', ['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '2002:7f00:1::']],
  [
    'private',
    [
      ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', 'fc00::1', 'fd12:3456::1'],
      ...['::ffff:10.1.2.3', '64:ff9b::192.168.0.1', '2002:c0a8:0101::1', 'fec0::1'],
    ],
  ],
  ['link-local', ['169.254.169.254', 'fe80::1', '::ffff:169.254.169.254', 'fd00:ec2::254', '168.63.129.16']],
  [
    'unusable',
    [
      ...['0.0.0.0', '255.255.255.255', '224.0.0.1', '192.0.2.1', '198.18.0.1', '240.0.0.1', '::', 'ff02::1'],
      ...['2001:db8::1', '100::1', '::7f00:1', 'fe80::1%eth0', '', 'localhost', '127.1', '0x7f000001', '1.2.3'],
    ],
  ],
];

describe('class of an address', () => {
  for (const [kind, addresses] of CLASSES)
    for (const address of addresses)
      it(`${JSON.stringify(address)} is ${kind}`, () => expect(classifyAddress(address)).toBe(kind));

  const octets = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 255 })));

  it('an IPv4 address has the same class in every IPv6 form that contains it', () => {
    fc.assert(
      fc.property(octets, (parts) => {
        const plain = parts.join('.');
        const [a = 0, b = 0, c = 0, d = 0] = parts;
        const high = ((a << 8) | b).toString(16);
        const low = ((c << 8) | d).toString(16);
        const kind = classifyAddress(plain);
        for (const form of [
          `::ffff:${plain}`,
          `::FFFF:${high}:${low}`,
          `0:0:0:0:0:ffff:${high}:${low}`,
          `0000:0000:0000:0000:0000:ffff:${plain}`,
          `64:ff9b::${plain}`,
          `0064:ff9b:0:0:0:0:${high}:${low}`,
          `2002:${high}:${low}::`,
          `2002:${high}:${low}:1:2:3:4:5`,
        ])
          expect(classifyAddress(form), form).toBe(kind);
      }),
    );
  });

  it('every spelling of an IPv6 address has one class', () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    });
    fc.assert(
      fc.property(groups, (all) => {
        const full = all.map((group) => group.toString(16).padStart(4, '0')).join(':');
        const short = new URL(`http://[${full}]`).hostname.slice(1, -1);
        expect(classifyAddress(full.toUpperCase())).toBe(classifyAddress(short));
      }),
    );
  });

  it('never throws, and calls what it cannot read unusable', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (!/^[0-9a-f.:]+$/i.test(text)) expect(classifyAddress(text)).toBe('unusable');
        else classifyAddress(text);
      }),
    );
  });
});

describe('what is allowed', () => {
  const problem = (host: string, address: string, allow: readonly string[], allowPrivate = false) =>
    addressProblem(host, 8080, address, { allow: parseAllowList(allow), allowPrivate });

  it.each([
    ['a public address', 'mcp.acme.example', '8.8.8.8', []],
    ['a range', 'mcp.internal', '10.1.2.3', ['10.1.0.0/16']],
    ['a range of IPv6', 'mcp.internal', 'fd12::1', ['fd12::/16']],
    ['a host by name', 'mcp.internal', '10.1.2.3', ['mcp.internal']],
    ['a host with its port', 'mcp.internal', '10.1.2.3', ['mcp.internal:8080']],
    ['a literal', '127.0.0.1', '127.0.0.1', ['127.0.0.1']],
    ['the metadata service by its range', 'meta.internal', '169.254.169.254', ['169.254.169.254/32']],
  ])('%s', (_what, host, address, allow) => expect(problem(host, address, allow)).toBeUndefined());

  it.each([
    ['a private address', 'mcp.internal', '10.1.2.3', []],
    ['another port', 'mcp.internal', '10.1.2.3', ['mcp.internal:9090']],
    ['another host', 'evil.example', '10.1.2.3', ['mcp.internal']],
    ['the metadata service under a name', 'mcp.internal', '169.254.169.254', ['mcp.internal']],
    ['an address of nobody, whatever is allowed', '0.0.0.0', '0.0.0.0', ['0.0.0.0', '0.0.0.0/0']],
  ])('not %s', (_what, host, address, allow) => expect(problem(host, address, allow)).toBeTypeOf('string'));

  it('a server registered for private addresses reaches them, and not the metadata service', () => {
    expect(problem('mcp.internal', '192.168.1.5', [], true)).toBeUndefined();
    expect(problem('localhost', '::1', [], true)).toBeUndefined();
    expect(problem('169.254.169.254', '169.254.169.254', [], true)).toBeTypeOf('string');
    expect(problem('x', '224.0.0.1', [], true)).toBeTypeOf('string');
  });

  it.each(['10.0.0.0/33', '10.0.0/8', 'http://x', 'a/b', 'user@host', 'fe80::/129', ''])(
    'an entry %j is refused',
    (entry) => expect(() => parseAllowList([entry])).toThrow(/not a host/),
  );
});

describe('endpoints', () => {
  it.each([
    ['https://mcp.acme.example/mcp', 'mcp.acme.example', 443],
    ['http://127.0.0.1/mcp?x=1', '127.0.0.1', 80],
    ['http://[::1]:8080/', '::1', 8080],
    ['http://MCP.Internal.:81/', 'mcp.internal', 81],
  ])('%s', (text, host, port) => expect(parseEndpoint(text)).toMatchObject({ host, port }));

  it.each(['ftp://x/', 'file:///etc/passwd', 'https://user:pass@x/', 'https://x/#f', 'x', '', 'javascript:1'])(
    'not %s',
    (text) => expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ code: 'endpoint_invalid' })),
  );

  it('a literal in any spelling of URLs is the address it is', () => {
    for (const text of [
      'http://2130706433/',
      'http://0x7f.1/',
      'http://0177.0.0.1/',
      'http://127.1/',
      'http://[::ffff:7f00:1]/',
    ])
      expect(literalProblem(parseEndpoint(text), STRICT), text).toBeTypeOf('string');
    expect(literalProblem(parseEndpoint('http://8.8.8.8/'), STRICT)).toBeUndefined();
    expect(literalProblem(parseEndpoint('http://mcp.acme.example/'), STRICT)).toBeUndefined();
  });
});

describe('lookup', () => {
  const look = (addresses: readonly LookupAddress[]) =>
    new Promise<unknown>((resolve) => {
      const rules: AddressRules = { ...STRICT, resolve: (_host, done) => done(null, addresses) };
      guardedLookup(443, rules)('Mcp.Acme.example.', { all: true }, (error, found) => resolve(error ?? found));
    });

  it('gives the checked addresses', async () => {
    const addresses = [{ address: '8.8.8.8', family: 4 }];
    expect(await look(addresses)).toEqual(addresses);
  });

  it('refuses a name with one bad address among good ones', async () => {
    const addresses = [
      { address: '8.8.8.8', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    expect(await look(addresses)).toMatchObject({ code: 'address_refused' });
  });

  it('refuses a name without addresses', async () => {
    expect(await look([])).toMatchObject({ code: 'address_refused' });
  });

  it('passes on that a name does not exist', async () => {
    const error = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    const given = await new Promise((resolve) => {
      guardedLookup(443, { ...STRICT, resolve: (_host, done) => done(error, []) })('x', {}, (problem) =>
        resolve(problem),
      );
    });
    expect(given).toBe(error);
  });
});
