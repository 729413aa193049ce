/** Requests that a proxy in front could have read as another one than we do. */
import type { IncomingMessage } from 'node:http';

/** Node takes the first of these; others take the last. A repeated Content-Length its parser refuses itself. */
const SINGLE: ReadonlySet<string> = new Set(['host', 'authorization', 'content-type', 'origin']);

/** Spares the other names of every request their lower-case forms. */
const LENGTHS: ReadonlySet<number> = new Set([...SINGLE].map((name) => name.length));

/** Why the request cannot be served, in words; undefined when it can be read in one way only. */
export function ambiguityOf({ url = '', rawHeaders }: Pick<IncomingMessage, 'url' | 'rawHeaders'>): string | undefined {
  // Absolute targets name a host of their own, which need not be that of the Host header.
  if (!url.startsWith('/')) return 'its target is not a path';
  let seen: string | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const raw = rawHeaders[at] ?? '';
    if (!LENGTHS.has(raw.length)) continue;
    const name = raw.toLowerCase();
    if (!SINGLE.has(name)) continue;
    if (seen?.includes(`${name}\n`) === true) return `it has more than one ${name} header`;
    seen = `${seen ?? ''}${name}\n`;
  }
  return undefined;
}
