/**
 * Which network addresses an upstream may have. A name is resolved once for each connection, every
 * address it has is checked, and the connection goes to a checked one; a literal is checked as parsed.
 */
import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Failure } from '../errors.ts';

/**
 * `link-local` includes the metadata services of clouds. `unusable`: multicast, unspecified, documentation
 * and other ranges that no server has; they are never allowed.
 */
export type AddressClass = 'public' | 'loopback' | 'private' | 'link-local' | 'unusable';

/** IANA special-purpose registries for IPv4 and IPv6, read in November 2026; the first match counts. */
const RANGES: readonly (readonly [AddressClass, ...(readonly string[])])[] = [
  // 168.63.129.16 is Azure's host service, reachable only from inside a virtual machine.
  ['link-local', '169.254.0.0/16', '168.63.129.16/32', 'fe80::/10', 'fd00:ec2::254/128'],
  ['loopback', '127.0.0.0/8', '::1/128'],
  ['private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7', 'fec0::/10'],
  [
    'unusable',
    ...['0.0.0.0/8', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15', '198.51.100.0/24'],
    ...['203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
    ...['::/96', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32', '3fff::/20', '5f00::/16', 'ff00::/8'],
  ],
];

const TABLE = RANGES.map(([name, ...ranges]) => {
  const list = new BlockList();
  for (const range of ranges) addRange(list, range);
  return { name, list };
});

function addRange(list: BlockList, range: string): void {
  const [address = '', bits = ''] = range.split('/');
  list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function holds(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** IPv6 prefixes in which an IPv4 address stands, as 16-bit groups, and the group at which it begins. */
const EMBEDDED: readonly { readonly prefix: readonly number[]; readonly at: number }[] = [
  { prefix: [0, 0, 0, 0, 0, 0xffff], at: 6 }, // IPv4-mapped
  { prefix: [0x64, 0xff9b, 0, 0, 0, 0], at: 6 }, // NAT64
  { prefix: [0x2002], at: 1 }, // 6to4
];

/** The eight groups of an IPv6 address in any spelling, or undefined. */
function groupsOf(address: string): readonly number[] | undefined {
  const host = URL.parse(`http://[${address}]/`)?.hostname;
  if (host === undefined) return undefined;
  const [head = '', tail] = host.slice(1, -1).split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  if (tail === undefined) return groups(head);
  const [before, after] = [groups(head), groups(tail)];
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/** Class of an IP address; an IPv4 address inside an IPv6 one decides for both. Anything unreadable is `unusable`. */
export function classifyAddress(address: string): AddressClass {
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return 'unusable';
  if (family === 6) {
    const groups = groupsOf(address);
    if (groups === undefined) return 'unusable';
    for (const { prefix, at } of EMBEDDED) {
      if (!prefix.every((group, index) => groups[index] === group)) continue;
      const [high = 0, low = 0] = groups.slice(at);
      return classifyAddress(`${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`);
    }
  }
  return TABLE.find(({ list }) => holds(list, address))?.name ?? 'public';
}

interface AllowedHost {
  /** Lower case; an IPv6 literal without brackets. */
  readonly host: string;
  readonly port?: number;
}

/** What an operator has allowed by name: hosts, `host:port` and CIDR ranges. */
export interface AllowList {
  readonly hosts: readonly AllowedHost[];
  readonly ranges: BlockList;
}

/** Reads `HIVEKEY_UPSTREAM_ALLOW`. Throws `config_invalid` for an entry that is neither a host, host:port nor CIDR. */
export function parseAllowList(entries: readonly string[]): AllowList {
  const ranges = new BlockList();
  const hosts: AllowedHost[] = [];
  for (const entry of entries) {
    const [address = '', bits = ''] = entry.split('/');
    const family = isIP(address);
    if (entry.includes('/')) {
      if (family === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 6 ? 128 : 32)) throw badEntry(entry);
      addRange(ranges, entry);
      continue;
    }
    const url = URL.parse(isIP(entry) === 6 ? `http://[${entry}]` : `http://${entry}`);
    if (url === null || url.pathname !== '/' || url.username !== '' || url.search !== '') throw badEntry(entry);
    // The URL parser drops port 80, which is the default of its scheme.
    const port = /:80$/.test(entry) && isIP(entry) === 0 ? 80 : url.port === '' ? undefined : Number(url.port);
    hosts.push(port === undefined ? { host: hostOf(url) } : { host: hostOf(url), port });
  }
  return { hosts, ranges };
}

function badEntry(entry: string): Failure {
  return new Failure(
    500,
    'config_invalid',
    `upstream_allow: ${JSON.stringify(entry)} is not a host, host:port or CIDR range.`,
    'Write entries such as mcp.internal, 10.1.2.3:8080 or 10.1.0.0/16.',
  );
}

/** Host of a URL as it is connected to: lower case, without brackets and trailing dot. */
function hostOf(url: URL): string {
  const { hostname } = url;
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname.replace(/\.$/, '');
}

export interface AddressRules {
  readonly allow: AllowList;
  /** The operator registered this server with `allow_private`: loopback and private ranges are fine for it. */
  readonly allowPrivate: boolean;
  /** How names become addresses; the system's way when absent. */
  readonly resolve?: ResolveName;
}

/** Why a connection to this address is refused, in words; undefined when it is not. */
export function addressProblem(host: string, port: number, address: string, rules: AddressRules): string | undefined {
  const kind = classifyAddress(address);
  if (kind === 'public') return undefined;
  if (kind === 'unusable') return 'the address belongs to no server';
  if (holds(rules.allow.ranges, address)) return undefined;
  // A name may be made to point at the metadata service, so that takes the range itself.
  if (kind === 'link-local' && isIP(host) === 0) return 'the address is link-local';
  const named = rules.allow.hosts.some((each) => each.host === host && (each.port ?? port) === port);
  if (named || (rules.allowPrivate && kind !== 'link-local')) return undefined;
  return `the address is ${kind}`;
}

export class AddressRefused extends Error {
  readonly code = 'address_refused';
}

export interface Endpoint {
  readonly url: URL;
  readonly host: string;
  readonly port: number;
}

/** Reads an endpoint. Throws `endpoint_invalid`; addresses are checked by `literalProblem` and on connecting. */
export function parseEndpoint(text: string): Endpoint {
  const url = URL.parse(text);
  const wrong =
    url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')
      ? 'it is not an http or https address'
      : url.username !== '' || url.password !== ''
        ? 'it contains a user name or password'
        : url.hash !== ''
          ? 'it contains a fragment'
          : undefined;
  if (url === null || wrong !== undefined) {
    throw new Failure(
      400,
      'endpoint_invalid',
      `The endpoint cannot be used: ${wrong ?? 'it is not an address'}.`,
      'Give the address of the MCP endpoint, such as https://mcp.acme.example/mcp; credentials belong into credential_ref.',
    );
  }
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return { url, host: hostOf(url), port };
}

/** For a host that is an IP literal, which is connected to without any lookup. Undefined for names. */
export function literalProblem(
  { host, port }: Pick<Endpoint, 'host' | 'port'>,
  rules: AddressRules,
): string | undefined {
  return isIP(host) === 0 ? undefined : addressProblem(host, port, host, rules);
}

export type ResolveName = (
  host: string,
  done: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

const resolveBySystem: ResolveName = (host, done) => systemLookup(host, { all: true }, done);

/**
 * The `lookup` of a connection: fails with `AddressRefused` when any address of the name is refused, so
 * that a name with one good and one bad address does not pass by luck.
 */
export function guardedLookup(port: number, rules: AddressRules): LookupFunction {
  const { resolve = resolveBySystem } = rules;
  return (hostname, options, callback) => {
    resolve(hostname, (error, addresses) => {
      if (error !== null) return callback(error, '');
      const host = hostname.toLowerCase().replace(/\.$/, '');
      for (const { address } of addresses) {
        const problem = addressProblem(host, port, address, rules);
        if (problem !== undefined) return callback(new AddressRefused(`${hostname}: ${problem}`), '');
      }
      const wanted = addresses.filter(({ family }) => !options.family || family === options.family);
      const first = wanted[0];
      if (first === undefined) return callback(new AddressRefused(`${hostname}: no address`), '');
      if (options.all === true) return callback(null, [...wanted]);
      return callback(null, first.address, first.family);
    });
  };
}
