/**
 * The log checked as it is read: that each record is what its hash was made of, and each link follows from the one before.
 * The engine's rule on the integrity of the log compares the hashes that records bring; that they are true is found here.
 */
import { entryHash, formatHash, linkHash, parseHash } from '@hivekey/action-log';
import type { StoredEntry } from '../log/index.ts';

/** What is not as it must be. */
export interface ChainFault {
  readonly clause: 'entry_hash' | 'link';
  readonly expected: string;
  readonly found: string;
}

/** Undefined: the entry is in order. What has left the log cannot be hashed again: its link can. */
export function faultOf({ canonical, entryHash: entry, prevHash, hash, absent }: StoredEntry): ChainFault | undefined {
  if (absent === undefined) {
    const expected = formatHash(entryHash(canonical));
    if (expected !== entry) return { clause: 'entry_hash', expected, found: entry };
  }
  const [before, own] = [parseHash(prevHash), parseHash(entry)];
  const expected = before === undefined || own === undefined ? 'none' : formatHash(linkHash(before, own));
  return expected === hash ? undefined : { clause: 'link', expected, found: hash };
}
