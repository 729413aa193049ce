/** Addresses and networks, IPv4 and IPv6. */

interface Network {
  readonly bits: bigint;
  readonly width: 32 | 128;
}

/** Undefined for what is no address. */
function parseAddress(text: string): Network | undefined {
  if (!text.includes(':')) {
    const parts = text.split('.');
    if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256))
      return undefined;
    return { bits: parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n), width: 32 };
  }
  const v4 = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (v4 !== null) {
    const tail = parseAddress(v4[2] ?? '');
    if (tail === undefined) return undefined;
    const hex = tail.bits.toString(16).padStart(8, '0');
    return parseAddress(`${v4[1]}${hex.slice(0, 4)}:${hex.slice(4)}`);
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const given = groups.flat();
  if (!given.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  if (halves.length === 1 ? given.length !== 8 : given.length > 7) return undefined;
  const [head = [], tail = []] = groups;
  const all = [...head, ...Array<string>(8 - given.length).fill('0'), ...tail];
  return { bits: all.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n), width: 128 };
}

/** Undefined for what is no network such as `10.0.0.0/8`. An address alone is a network of one. */
export function parseNetwork(text: string): ((address: string) => boolean) | undefined {
  const [base = '', length, more] = text.split('/');
  const network = parseAddress(base);
  if (network === undefined || more !== undefined) return undefined;
  if (length !== undefined && !/^(0|[1-9][0-9]{0,2})$/.test(length)) return undefined;
  const prefix = length === undefined ? network.width : Number(length);
  if (prefix > network.width) return undefined;
  const shift = BigInt(network.width - prefix);
  const wanted = network.bits >> shift;
  return (text_) => {
    const address = parseAddress(text_);
    return address !== undefined && address.width === network.width && address.bits >> shift === wanted;
  };
}

/** What two addresses of one place have in common: the /24 of IPv4, the /48 of IPv6; the text itself of anything else. */
export function networkOf(text: string): string {
  // The common case is in the path of each call: no more is read of it than it takes.
  const dot = text.lastIndexOf('.');
  if (!text.includes(':')) return dot < 0 ? text : text.slice(0, dot);
  const address = parseAddress(text);
  return address === undefined ? text : `6:${address.bits >> 80n}`;
}
