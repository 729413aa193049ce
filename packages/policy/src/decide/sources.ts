/** What content a call brings back. The narrowest mark counts. */
import { patternsCovering } from '../documents/names.ts';
import type { Provenance, Sources } from '../model.ts';

export function contentOf(capability: string, { trusted, untrusted, unmarked }: Sources): Provenance {
  for (const pattern of patternsCovering(capability)) {
    if (untrusted.includes(pattern)) return 'untrusted';
    if (trusted.includes(pattern)) return 'trusted';
  }
  return unmarked;
}
