/**
 * Who holds the credential of a connection, which decides what a stop can promise: of what is injected everything is
 * cut; what is leased dies at a stated time; of what agents may hold themselves only the rotation can be asked for.
 */
import { z } from 'zod';

export type Custody =
  | { readonly kind: 'injected' }
  | { readonly kind: 'external' }
  /** A token of this life at most is handed out. */
  | { readonly kind: 'leased'; readonly leaseSeconds: number };

export const INJECTED: Custody = { kind: 'injected' };

export const CUSTODIES = ['injected', 'leased', 'external'] as const;

/** Members of a registration or change. */
export const custodyFields = {
  custody: z.enum(CUSTODIES).optional().meta({
    description:
      'injected: agents never have the credential; leased: they get a token of limited life; external: they may hold a key of their own.',
  }),
  lease_seconds: z.int().min(1).max(31_536_000).nullable().optional(),
};

interface CustodyChange {
  readonly custody?: (typeof CUSTODIES)[number] | undefined;
  readonly lease_seconds?: number | null | undefined;
}

/** A text is what is wrong with it. */
export function changedCustody(current: Custody, { custody, lease_seconds: seconds }: CustodyChange): Custody | string {
  const kind = custody ?? current.kind;
  const leaseSeconds =
    seconds === undefined && current.kind === 'leased' ? current.leaseSeconds : (seconds ?? undefined);
  if (kind !== 'leased') return seconds ? 'lease_seconds is for leased credentials' : { kind };
  return leaseSeconds === undefined ? 'a leased credential has no lease_seconds' : { kind, leaseSeconds };
}

export interface CustodyColumns {
  readonly custody: (typeof CUSTODIES)[number];
  readonly lease_seconds: number | null;
}

export function custodyOf({ custody, lease_seconds: seconds }: CustodyColumns): Custody {
  return custody === 'leased' && seconds !== null
    ? { kind: custody, leaseSeconds: seconds }
    : { kind: custody === 'external' ? custody : 'injected' };
}

/** As the API gives it out, and as it is stored. */
export function custodyColumns(custody: Custody): CustodyColumns {
  return { custody: custody.kind, lease_seconds: custody.kind === 'leased' ? custody.leaseSeconds : null };
}
