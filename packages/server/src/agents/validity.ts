/** Until when an agent may act. The database's clock decides: where its credential is looked up, and with every record. */
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkAssurance } from '../identity/index.ts';
import type { PersonId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { Agent } from './read.ts';

/** Throws `valid_until_past`. Epoch seconds. */
export function refusePast({ now }: LoggedTransaction, validUntil: number): void {
  if (validUntil * 1000 > now.getTime()) return;
  throw new Failure(422, 'valid_until_past', 'valid_until is not in the future.', 'Name a later time, or none.');
}

/**
 * An earlier end is for whoever manages agents; a later one, or none, takes a person who neither owns the agent nor is
 * to own it. Throws `valid_until_past`, `person_required`, `owner_alone`, and as `checkAssurance`.
 */
export async function refuseProlonging(
  transaction: LoggedTransaction,
  who: Administrator,
  { name, ownerId, valid_until: before }: Agent,
  validUntil: number | null,
  nextOwnerId: PersonId,
): Promise<void> {
  if (validUntil !== null) refusePast(transaction, validUntil);
  const isLater = before !== null && (validUntil === null || validUntil > before);
  if (!isLater) return;
  const { person } = who;
  if (person === undefined)
    throw new Failure(
      403,
      'person_required',
      'A person lets an agent go on for longer, and this key belongs to none.',
      'Sign in, or use a key of your own: hivekey key create NAME --person E-MAIL.',
    );
  if (person.id === ownerId || person.id === nextOwnerId)
    throw new Failure(
      403,
      'owner_alone',
      `"${name}" is yours: somebody else decides whether it goes on.`,
      'Ask somebody else who manages agents.',
    );
  await checkAssurance(transaction.client, who, 'confirm', transaction.now);
}

/** As it stands on records. */
export function instantOf(seconds: number | null): string | null {
  return seconds === null ? null : new Date(seconds * 1000).toISOString();
}
