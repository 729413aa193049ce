/** On what ground a transaction changes controlled objects. Without one it is a direct edit, which the gate may refuse. */
import type { LoggedTransaction } from '../log/index.ts';

export type Basis =
  /** Somebody's own edit. */
  | { readonly kind: 'direct' }
  /** A change request that was approved. Author and time are those of what was drafted. */
  | { readonly kind: 'change'; readonly id: string; readonly author: string; readonly authoredAt: Date }
  /** An agent that somebody else has let in. */
  | { readonly kind: 'agent_request' }
  /** What a directory or an identity provider says of people. */
  | { readonly kind: 'directory' }
  /** What a server's lists say, by the settings that the server was let in with. */
  | { readonly kind: 'discovery' }
  /** An approved version in place of what was edited past HiveKey. */
  | { readonly kind: 'restored' }
  /** What was there before versions were kept. */
  | { readonly kind: 'adopted' };

const DIRECT: Basis = { kind: 'direct' };
const bases = new WeakMap<LoggedTransaction, Basis>();

/** Says on what ground the transaction changes what it changes; it is for code that has made sure of that. */
export function standOn(transaction: LoggedTransaction, basis: Basis): void {
  bases.set(transaction, basis);
}

export function basisOf(transaction: LoggedTransaction): Basis {
  return bases.get(transaction) ?? DIRECT;
}
