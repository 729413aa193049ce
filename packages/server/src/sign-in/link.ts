/**
 * Whose an account at a provider is. It is found by (issuer, subject) alone, or linked, each way with a proof of its own. An
 * e-mail never finds anybody: it can change hands, and need not be verified.
 */
import type { ClientBase } from 'pg';
import { Failure } from '../errors.ts';
import { personActor } from '../identity/index.ts';
import { type IdentityId, newId, type PersonId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { emailSchema } from '../people/index.ts';
import { openInvitation, useInvitation } from './invitations.ts';
import type { PendingSignIn } from './pending.ts';
import { PERSON, type Person, personOfSession } from './person.ts';
import {
  breakGlassOnly,
  emailNotAdmitted,
  emailTaken,
  engagementPasskey,
  identityTaken,
  notLinked,
  otherEmail,
} from './refusals.ts';
import type { VerifiedSignIn } from './verified.ts';

export interface Identity {
  readonly id: IdentityId;
  readonly personId: PersonId;
}

export async function findIdentity(
  client: ClientBase,
  { provider: { workspaceId, id }, issuer, subject }: VerifiedSignIn,
): Promise<Identity | undefined> {
  const { rows } = await client.query<Identity>(
    `SELECT i.id, i.person_id AS "personId" FROM person_identities i
       JOIN people p ON p.workspace_id = i.workspace_id AND p.id = i.person_id AND p.deleted_at IS NULL
      WHERE i.workspace_id = $1 AND i.provider_id = $2 AND i.issuer = $3 AND i.subject = $4`,
    [workspaceId, id, issuer, subject],
  );
  return rows[0];
}

/** A person who is signed in adds another identity of theirs. */
export async function linkToSession(
  transaction: LoggedTransaction,
  pending: PendingSignIn,
  verified: VerifiedSignIn,
  known: Identity | undefined,
): Promise<Identity | Failure> {
  const person = await personOfSession(transaction.client, pending);
  if (person instanceof Failure) return person;
  // A refusal commits: nothing may be written before it.
  if (person.breakGlass) return breakGlassOnly(person.email);
  if (person.external) return engagementPasskey(person.email);
  if (known === undefined) return link(transaction, verified, person, 'session', personActor(person.email));
  return known.personId === person.id ? known : identityTaken();
}

/** By the invitation, else as linked before, else by the paired directory, else as somebody new. */
export async function identityFor(
  transaction: LoggedTransaction,
  { invitationId }: PendingSignIn,
  verified: VerifiedSignIn,
  known: Identity | undefined,
): Promise<Identity | Failure> {
  if (invitationId !== null) return linkToInvited(transaction, invitationId, verified, known);
  return (
    known ??
    (await linkToDirectory(transaction, verified)) ??
    (await addAtFirstSignIn(transaction, verified)) ??
    notLinked()
  );
}

async function linkToInvited(
  transaction: LoggedTransaction,
  invitationId: string,
  verified: VerifiedSignIn,
  known: Identity | undefined,
): Promise<Identity | Failure> {
  const { workspaceId } = verified.provider;
  const invited = await openInvitation(transaction, workspaceId, invitationId, 'identity');
  if (invited instanceof Failure) return invited;
  if (known !== undefined && known.personId !== invited.personId) return identityTaken();
  // Not how the person is found, but a second look: an invitation that went astray is worth nothing to others.
  if (!invited.anyEmail && emailOf(verified) !== invited.email) return otherEmail(invited.email);
  await useInvitation(transaction, workspaceId, invitationId);
  const person = { id: invited.personId, email: invited.email };
  return known ?? link(transaction, verified, person, 'invitation', invited.createdBy);
}

/**
 * A person whom the paired directory provides, under the id that it has for them. Not one who has an account of the provider
 * already: whoever holds a token of the directory says what the id is, and would say that it is their own.
 */
async function linkToDirectory(
  transaction: LoggedTransaction,
  verified: VerifiedSignIn,
): Promise<Identity | undefined> {
  const { provider, directoryId } = verified;
  if (provider.scimConnection === null || directoryId === undefined || directoryId === '') return undefined;
  const { rows } = await transaction.client.query<Person>(
    `${PERSON} AND active AND directory = $2 AND external_id = $3
        AND NOT EXISTS (SELECT FROM person_identities i
                         WHERE i.workspace_id = $1 AND i.person_id = people.id AND i.provider_id = $4)`,
    [provider.workspaceId, provider.scimConnection, directoryId, provider.id],
  );
  const [person] = rows;
  return person === undefined ? undefined : link(transaction, verified, person, 'directory', 'system');
}

/** Undefined where the provider adds nobody. A person who is there already is never taken over. */
async function addAtFirstSignIn(
  transaction: LoggedTransaction,
  verified: VerifiedSignIn,
): Promise<Identity | Failure | undefined> {
  const { client, log } = transaction;
  const { provider, name } = verified;
  const { workspaceId, jitDomains } = provider;
  if (jitDomains === null) return undefined;
  // Of what the provider is silent about anybody may be the author (OpenID Connect Core 5.7); SAML says nothing of it at all.
  const isVouched = provider.kind === 'saml' || verified.emailVerified === true;
  const email = isVouched ? emailOf(verified) : undefined;
  const domain = email?.slice(email.indexOf('@') + 1) ?? '';
  if (email === undefined || (jitDomains.length > 0 && !jitDomains.includes(domain))) return emailNotAdmitted();
  const { rowCount } = await client.query(`${PERSON} AND email = $2`, [workspaceId, email]);
  if (rowCount !== 0) return emailTaken(email);
  const id = newId<PersonId>('per');
  await client.query('INSERT INTO people (workspace_id, id, email, display_name) VALUES ($1, $2, $3, $4)', [
    workspaceId,
    id,
    email,
    (name ?? '').trim().slice(0, 200),
  ]);
  log({
    kind: 'person.changed',
    actor: personActor(email),
    person_id: id,
    person: email,
    change: 'created',
    provider_id: provider.id,
  });
  return link(transaction, verified, { id, email }, 'first_sign_in', personActor(email));
}

/** Undefined also for one that the provider itself does not vouch for. */
function emailOf({ email, emailVerified }: VerifiedSignIn): string | undefined {
  if (emailVerified === false) return undefined;
  const parsed = emailSchema.safeParse(email);
  return parsed.success ? parsed.data : undefined;
}

async function link(
  { client, now, log }: LoggedTransaction,
  { provider, issuer, subject }: VerifiedSignIn,
  person: { readonly id: PersonId; readonly email: string },
  how: 'invitation' | 'session' | 'first_sign_in' | 'directory',
  actor: string,
): Promise<Identity> {
  const id = newId<IdentityId>('idt');
  // Whoever comes back after the directory has deleted them is a person anew.
  await client.query(
    'DELETE FROM person_identities WHERE workspace_id = $1 AND provider_id = $2 AND issuer = $3 AND subject = $4',
    [provider.workspaceId, provider.id, issuer, subject],
  );
  await client.query(
    `INSERT INTO person_identities (workspace_id, id, provider_id, issuer, subject, person_id, linked_how, linked_by, linked_at, last_used_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`,
    [provider.workspaceId, id, provider.id, issuer, subject, person.id, how, actor, now],
  );
  log({
    kind: 'identity.linked',
    actor,
    person: person.email,
    person_id: person.id,
    identity_id: id,
    provider_id: provider.id,
    provider: provider.name,
    issuer,
    subject,
    how,
  });
  return { id, personId: person.id };
}
