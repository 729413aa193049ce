/** On what ground a transaction changes controlled objects. Without one it is a direct edit, which the gate may refuse. */
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { readControl } from './control.ts';

export type Basis =
  /** Somebody's own edit. */
  | { readonly kind: 'direct' }
  /** A change request that was approved. Author and time are those of what was drafted. */
  | ChangeBasis
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

interface ChangeBasis {
  readonly kind: 'change';
  readonly id: string;
  readonly author: string;
  readonly authoredAt: Date;
  readonly authorEmail: string;
  /** E-mails of those who approved it. */
  readonly reviewers: readonly string[];
  /** Changes were frozen, and it passed. */
  readonly isInFreeze: boolean;
}

/** Who wrote and who reviewed what a transaction changes, as its records say it. */
export async function provenanceOfEdit(transaction: LoggedTransaction, workspaceId: WorkspaceId, actor: string) {
  const basis = basisOf(transaction);
  const { mode } = await readControl(transaction.client, workspaceId);
  // Whether somebody else had to look: that nobody did means another thing where nobody has to.
  const asked = { basis: basis.kind, review_required: mode === 'reviewed' };
  if (basis.kind !== 'change') return { ...asked, author: actor.replace(/^person:/, '') };
  const { id, authorEmail: author, reviewers, isInFreeze } = basis;
  return {
    ...asked,
    change_id: id,
    author,
    // Whoever is not the author, where there is one: a rule asks whether anybody else has seen it.
    reviewer: reviewers.find((each) => each !== author) ?? reviewers[0],
    reviewers: reviewers.length === 0 ? undefined : reviewers,
    window: isInFreeze ? 'frozen' : 'open',
  };
}

const DIRECT: Basis = { kind: 'direct' };
const bases = new WeakMap<LoggedTransaction, Basis>();

/** Says on what ground the transaction changes what it changes; it is for code that has made sure of that. */
export function standOn(transaction: LoggedTransaction, basis: Basis): void {
  bases.set(transaction, basis);
}

export function basisOf(transaction: LoggedTransaction): Basis {
  return bases.get(transaction) ?? DIRECT;
}
