/** Handles of agents: short ASCII names that no other agent's can be taken for. Pure. */
import { z } from 'zod';

const HANDLE = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;

export const handleSchema = z
  .string()
  .regex(HANDLE, 'is not 1 to 64 of A-Z a-z 0-9 . _ - with a letter or digit at both ends')
  // Routes take an id or a handle.
  .refine((handle) => !/^agt_/i.test(handle), 'begins like an id');

/**
 * Within ASCII, what UTS #39 calls confusable: 0 and O, 1 and l and I, rn and m; and the marks between words.
 * Case does not tell handles apart, so i goes with I.
 */
export function skeletonOf(handle: string): string {
  return handle
    .toLowerCase()
    .replaceAll('0', 'o')
    .replaceAll(/[1i]/g, 'l')
    .replaceAll('rn', 'm')
    .replaceAll(/[._]/g, '-');
}
