/**
 * The domain an e-mail address, a host name or a web address leads to. Attackers write these: whatever
 * two parsers could read differently has no domain here, and the guard takes its stricter branch.
 */

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
/** At least two labels, the last not a number, so that no IPv4 address is one. No trailing dot. */
const HOST = `(?:${LABEL}\\.)+(?!\\d+$)${LABEL}`;
const HOST_ONLY = new RegExp(`^${HOST}$`);
const MAX_HOST = 253;
/** RFC 5322 dot-atom without `%` and `!`, which old relays take for routes, and without quotes and comments. */
const LOCAL = "[A-Za-z0-9#$&'*+/=?^_`{|}~-]+(?:\\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]+)*";
const ADDRESS = new RegExp(`^(?:${LOCAL})@([A-Za-z0-9.-]+)$`);
/** `Dana <dana@acme.com>`: a display name has none of the characters that structure an address. */
const NAMED = /^(?:[\p{L}\p{M}\p{N} .'_-]*|"[\p{L}\p{M}\p{N} .'_-]*") ?<([^<>]*)>$/u;
const WEB = /^https?:\/\/([A-Za-z0-9.-]+)(?::[0-9]{1,5})?(?:[/?#][\x21-\x5b\x5d-\x7e]*)?$/;
const MAX_LENGTH = 2_000;

function host(text: string): string | undefined {
  return text.length <= MAX_HOST && HOST_ONLY.test(text) ? text.toLowerCase() : undefined;
}

/** Domain of one address, `x@y` or `Name <x@y>`, in lower case. */
function domainOfAddress(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const trimmed = text.replaceAll(/^ +| +$/g, '');
  const address = NAMED.exec(trimmed)?.[1] ?? trimmed;
  const domain = ADDRESS.exec(address)?.[1];
  return domain === undefined ? undefined : host(domain);
}

/** Domains of the addresses in a text, separated by commas; undefined when any of them has none. */
export function domainsOfAddresses(text: string): readonly string[] | undefined {
  if (text.length > MAX_LENGTH * 10) return undefined;
  if (!text.includes(',')) {
    const domain = domainOfAddress(text);
    return domain === undefined ? undefined : [domain];
  }
  const domains: string[] = [];
  for (const part of text.split(',')) {
    const domain = domainOfAddress(part);
    if (domain === undefined) return undefined;
    domains.push(domain);
  }
  return domains;
}

/** Domain of a host name, an e-mail address or an http(s) URL, in lower case. */
export function domainOf(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  if (text.includes('://')) {
    const found = WEB.exec(text)?.[1];
    return found === undefined ? undefined : host(found);
  }
  return text.includes('@') ? domainOfAddress(text) : host(text);
}

/** A domain of a list: `acme.com`, or `*.acme.io` for everything below `acme.io` but not itself. Undefined when it is none. */
export function domainPattern(text: string): string | undefined {
  const bare = text.startsWith('*.') ? text.slice(2) : text;
  const domain = host(bare);
  if (domain === undefined) return undefined;
  return bare === text ? domain : `*.${domain}`;
}

/** Membership in a list of domains and `*.` patterns, in time that does not depend on the list. */
export function domainMatcher(patterns: readonly string[]): (domain: string) => boolean {
  const exact = new Set(patterns.filter((each) => !each.startsWith('*.')));
  const below = new Set(patterns.filter((each) => each.startsWith('*.')).map((each) => each.slice(2)));
  return (domain) => {
    if (exact.has(domain)) return true;
    if (below.size === 0) return false;
    for (let dot = domain.indexOf('.'); dot !== -1; dot = domain.indexOf('.', dot + 1))
      if (below.has(domain.slice(dot + 1))) return true;
    return false;
  };
}
