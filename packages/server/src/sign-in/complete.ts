/** A verified sign-in becomes a session of the person whose it is, whichever protocol it came by. */
import type { KeyObject } from 'node:crypto';
import type { ClientBase } from 'pg';
import { Failure } from '../errors.ts';
import { type Device, type OpenedSession, openPersonSession, personActor, stepUpSession } from '../identity/index.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { groupSchema } from '../people/index.ts';
import { standOn } from '../versions/index.ts';
import { findIdentity, type Identity, identityFor, linkToSession } from './link.ts';
import type { PendingSignIn } from './pending.ts';
import { type Person, personOfSession, readPersonOf } from './person.ts';
import { type IdentityProvider, providerDisabled } from './provider.ts';
import {
  breakGlassOnly,
  engagementPasskey,
  otherPerson,
  personInactive,
  recordRefusal,
  sessionEnded,
  sessionOver,
} from './refusals.ts';
import type { VerifiedSignIn } from './verified.ts';

export type Completed =
  | { readonly kind: 'signed_in'; readonly session: OpenedSession }
  | { readonly kind: 'refused'; readonly failure: Failure };

/**
 * Signs in, links or steps up, as it was begun. A refusal is a value, because it is recorded: the transaction commits
 * either way, and the caller throws after it. `pending` is taken by then and will not come again.
 */
export async function signInWith(
  transaction: LoggedTransaction,
  pepper: KeyObject,
  pending: PendingSignIn,
  verified: VerifiedSignIn,
  device: Device,
): Promise<Completed> {
  const answer = await attempt(transaction, pepper, pending, verified, device);
  if (!(answer instanceof Failure)) return { kind: 'signed_in', session: answer };
  recordRefusal(transaction, pending, verified, answer);
  return { kind: 'refused', failure: answer };
}

async function attempt(
  transaction: LoggedTransaction,
  pepper: KeyObject,
  pending: PendingSignIn,
  verified: VerifiedSignIn,
  device: Device,
): Promise<OpenedSession | Failure> {
  const { client } = transaction;
  const { workspaceId, sessionId } = pending;
  if (!(await isStillActive(client, verified.provider))) return providerDisabled(verified.provider);
  const known = await findIdentity(client, verified);
  if (pending.purpose === 'step_up') return stepUp(transaction, pepper, pending, verified, known);
  const { provider, authenticatedAt, acr, amr, groups, providerSession, endsAt } = verified;
  // A refusal commits: what is refused in any case is refused before an invitation is used for it.
  if (endsAt !== undefined && endsAt <= transaction.now) return sessionEnded(provider);
  const identity =
    pending.purpose === 'link'
      ? await linkToSession(transaction, pending, verified, known)
      : await identityFor(transaction, pending, verified, known);
  if (identity instanceof Failure) return identity;
  const person = await readPersonOf(client, verified, identity.personId);
  if (!person.active) return personInactive(person.email);
  // What an outage must not take away, and what nobody may be given by a provider.
  if (person.breakGlass) return breakGlassOnly(person.email);
  if (person.external) return engagementPasskey(person.email);
  await client.query('UPDATE person_identities SET last_used_at = $3 WHERE workspace_id = $1 AND id = $2', [
    workspaceId,
    identity.id,
    transaction.now,
  ]);
  await syncGroups(transaction, verified, person);
  return openPersonSession(
    transaction,
    pepper,
    {
      workspaceId,
      personId: person.id,
      email: person.email,
      method: provider.kind,
      authenticatedAt,
      acr,
      ...(amr === undefined ? {} : { amr }),
      ...(groups === undefined ? {} : { groups }),
      providerId: provider.id,
      identityId: identity.id,
      providerSession,
      endsAt,
    },
    sessionId === null ? undefined : { id: sessionId },
    device,
  );
}

/** The lock has whoever disables it wait, and then end this session too; or has this wait, and end here. */
async function isStillActive(client: ClientBase, { workspaceId, id }: IdentityProvider): Promise<boolean> {
  const { rowCount } = await client.query(
    'SELECT FROM identity_providers WHERE workspace_id = $1 AND id = $2 AND active FOR SHARE',
    [workspaceId, id],
  );
  return rowCount === 1;
}

async function stepUp(
  transaction: LoggedTransaction,
  pepper: KeyObject,
  pending: PendingSignIn,
  verified: VerifiedSignIn,
  known: Identity | undefined,
): Promise<OpenedSession | Failure> {
  const { workspaceId, sessionId } = pending;
  const person = await personOfSession(transaction.client, pending);
  if (person instanceof Failure) return person;
  if (sessionId === null || known?.personId !== person.id) return otherPerson(person.email);
  const { provider, authenticatedAt, acr, amr } = verified;
  const session = await stepUpSession(
    transaction,
    pepper,
    { workspaceId, sessionId, actor: personActor(person.email) },
    {
      method: provider.kind,
      person: person.email,
      person_id: person.id,
      provider_id: provider.id,
      authenticated_at: authenticatedAt.toISOString(),
      acr,
      amr,
    },
  );
  return session ?? sessionOver();
}

/** What approvals read of a person's groups follows the provider, unless a directory says it. */
async function syncGroups(
  transaction: LoggedTransaction,
  { provider, groups = [] }: VerifiedSignIn,
  person: Person,
): Promise<void> {
  if (!provider.syncGroups || person.directory !== null) return;
  const usable = [...new Set(groups.filter((name) => groupSchema.safeParse(name).success))].sort().slice(0, 100);
  if (JSON.stringify(usable) === JSON.stringify([...person.groups].sort())) return;
  const { client, log } = transaction;
  standOn(transaction, { kind: 'directory' });
  await client.query('UPDATE people SET groups = $3 WHERE workspace_id = $1 AND id = $2', [
    provider.workspaceId,
    person.id,
    usable,
  ]);
  log({
    kind: 'person.changed',
    actor: 'system',
    person: person.email,
    person_id: person.id,
    change: 'changed',
    provider_id: provider.id,
    changes: { groups: [person.groups, usable] },
  });
}
