/** Names from people, as parts of paths in a folder that any system can unpack. */
import { hash } from 'node:crypto';

const LONGEST = 64;

/** Letters, digits, `.`, `_` and `-`. Another name than itself ends in a digest, so that no two names are one. */
export function pathPart(name: string): string {
  const plain = name
    .replaceAll(/[^A-Za-z0-9_-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, LONGEST);
  return plain === name && name !== '' ? plain : `${plain === '' ? 'x' : plain}-${hash('sha256', name).slice(0, 8)}`;
}
