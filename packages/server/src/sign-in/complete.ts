/**
 * A verified sign-in becomes a person and a session, whichever protocol it came by. People are found by (issuer, subject)
 * alone. An e-mail never finds anybody: it can change hands, and need not be verified.
 */
import type { KeyObject } from 'node:crypto';
import type { ClientBase } from 'pg';
import { Failure } from '../errors.ts';
import { type Device, type OpenedSession, openPersonSession, personActor, stepUpSession } from '../identity/index.ts';
import { type IdentityId, newId, type PersonId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { emailSchema, groupSchema } from '../people/index.ts';
import { openInvitation, useInvitation } from './invitations.ts';
import type { PendingSignIn } from './pending.ts';
import { type IdentityProvider, providerDisabled } from './provider.ts';

/** What a provider says, after every check of its protocol has passed. */
export interface VerifiedSignIn {
  readonly provider: IdentityProvider;
  /** As the token, or assertion, names it. */
  readonly issuer: string;
  readonly subject: string;
  readonly email?: string | undefined;
  /** False: the provider says that it is not. */
  readonly emailVerified?: boolean | undefined;
  readonly name?: string | undefined;
  readonly groups?: readonly string[];
  /** When the person authenticated; where the provider does not say, when it answered. */
  readonly authenticatedAt: Date;
  readonly acr?: string | undefined;
  readonly amr?: readonly string[];
  /** The provider's name of its session. */
  readonly providerSession?: string | undefined;
  /** The provider wants our session to end by then. */
  readonly endsAt?: Date | undefined;
  /** What is compared with the externalId of SCIM. */
  readonly directoryId?: string | undefined;
}

export type Completed =
  | { readonly kind: 'signed_in'; readonly session: OpenedSession }
  | { readonly kind: 'refused'; readonly failure: Failure };

interface Identity {
  readonly id: IdentityId;
  readonly personId: PersonId;
}

interface Person {
  readonly id: PersonId;
  readonly email: string;
  readonly active: boolean;
  readonly breakGlass: boolean;
  readonly groups: readonly string[];
  readonly directory: string | null;
}

const PERSON = `SELECT id, email, active, break_glass AS "breakGlass", groups, directory FROM people WHERE workspace_id = $1 AND deleted_at IS NULL`;

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

type Known = Partial<Pick<VerifiedSignIn, 'issuer' | 'subject' | 'email'>>;

/** A sign-in that came to nothing. Where nothing else is written with it, it goes by `log.record`, which holds nobody up. */
export function refusalRecord(
  { purpose, providerId }: Pick<PendingSignIn, 'purpose' | 'providerId'>,
  { issuer, subject, email }: Known,
  { code }: Failure,
) {
  return {
    kind: 'sign_in.refused',
    actor: 'system',
    provider_id: providerId,
    purpose,
    issuer,
    subject,
    email,
    code,
  } as const;
}

/** The same inside a transaction. */
export function recordRefusal(
  { log }: Pick<LoggedTransaction, 'log'>,
  pending: Pick<PendingSignIn, 'purpose' | 'providerId'>,
  known: Known,
  failure: Failure,
): void {
  log(refusalRecord(pending, known, failure));
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
  const identity =
    pending.purpose === 'link'
      ? await linkToSession(transaction, pending, verified, known)
      : await identityFor(transaction, pending, verified, known);
  if (identity instanceof Failure) return identity;
  const person = await readPersonOf(client, verified, identity.personId);
  if (!person.active) return personInactive(person.email);
  // What an outage must not take away, and what nobody may be given by a provider.
  if (person.breakGlass) return breakGlassOnly(person.email);
  await client.query('UPDATE person_identities SET last_used_at = $3 WHERE workspace_id = $1 AND id = $2', [
    workspaceId,
    identity.id,
    transaction.now,
  ]);
  await syncGroups(transaction, verified, person);
  const { provider, authenticatedAt, acr, amr, groups, providerSession, endsAt } = verified;
  if (endsAt !== undefined && endsAt <= transaction.now) return sessionEnded(provider);
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

async function findIdentity(
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

async function readPersonOf(client: ClientBase, { provider }: VerifiedSignIn, id: PersonId): Promise<Person> {
  const { rows } = await client.query<Person>(`${PERSON} AND id = $2`, [provider.workspaceId, id]);
  if (rows[0] === undefined) return { id, email: '', active: false, breakGlass: false, groups: [], directory: null };
  return rows[0];
}

/** The session that began it is still there, and of whom. */
async function personOfSession(
  client: ClientBase,
  { workspaceId, sessionId }: PendingSignIn,
): Promise<Pick<Person, 'id' | 'email' | 'breakGlass'> | Failure> {
  const { rows } = await client.query<Pick<Person, 'id' | 'email' | 'breakGlass'>>(
    `SELECT p.id, p.email, p.break_glass AS "breakGlass" FROM console_sessions s JOIN people p ON p.workspace_id = s.workspace_id AND p.id = s.person_id
      WHERE s.workspace_id = $1 AND s.id = $2 AND p.active AND s.expires_at > clock_timestamp() AND s.idle_at > clock_timestamp()`,
    [workspaceId, sessionId],
  );
  return rows[0] ?? new Failure(401, 'session_over', 'The console session is over.', 'Sign in again.');
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
  return session ?? new Failure(401, 'session_over', 'The console session is over.', 'Sign in again.');
}

/** A person who is signed in adds another identity of theirs. */
async function linkToSession(
  transaction: LoggedTransaction,
  pending: PendingSignIn,
  verified: VerifiedSignIn,
  known: Identity | undefined,
): Promise<Identity | Failure> {
  const person = await personOfSession(transaction.client, pending);
  if (person instanceof Failure) return person;
  // A refusal commits: nothing may be written before it.
  if (person.breakGlass) return breakGlassOnly(person.email);
  if (known === undefined) return link(transaction, verified, person, 'session', personActor(person.email));
  return known.personId === person.id ? known : identityTaken();
}

async function identityFor(
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

/** What approvals read of a person's groups follows the provider, unless a directory says it. */
async function syncGroups(
  { client, log }: LoggedTransaction,
  { provider, groups = [] }: VerifiedSignIn,
  person: Person,
): Promise<void> {
  if (!provider.syncGroups || person.directory !== null) return;
  const usable = [...new Set(groups.filter((name) => groupSchema.safeParse(name).success))].sort().slice(0, 100);
  if (JSON.stringify(usable) === JSON.stringify([...person.groups].sort())) return;
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

function personInactive(email: string): Failure {
  return new Failure(
    403,
    'person_inactive',
    email === '' ? 'This account has ended.' : `${email} is not active.`,
    'Ask an administrator of the workspace.',
  );
}

function breakGlassOnly(email: string): Failure {
  return new Failure(
    403,
    'break_glass_only',
    `${email} is an account for emergencies.`,
    'It signs in with its passkey alone.',
  );
}

function otherPerson(email: string): Failure {
  return new Failure(
    403,
    'step_up_other_person',
    `The provider answered about somebody else than ${email}.`,
    'Sign in there as yourself, or step up with a passkey.',
  );
}

function sessionEnded({ name }: IdentityProvider): Failure {
  return new Failure(403, 'provider_session_over', `Your session at ${name} is over.`, 'Sign in there again.');
}

function identityTaken(): Failure {
  return new Failure(
    409,
    'identity_taken',
    'This account of the provider belongs to another person here.',
    'Sign in with your own account of the provider, or have the link removed.',
  );
}

function otherEmail(email: string): Failure {
  return new Failure(
    403,
    'invitation_other_email',
    `The invitation is for ${email}, and the provider states another e-mail for you.`,
    'Sign in there with that account, or have an administrator make an invitation that takes any e-mail.',
  );
}

function notLinked(): Failure {
  return new Failure(
    403,
    'person_unknown',
    'Nobody here has this account of the provider.',
    'Ask an administrator of the workspace for an invitation: hivekey person invite E-MAIL.',
  );
}

function emailNotAdmitted(): Failure {
  return new Failure(
    403,
    'email_not_admitted',
    'The provider states no verified e-mail for you of a domain from which people are added.',
    'Ask an administrator of the workspace for an invitation.',
  );
}

function emailTaken(email: string): Failure {
  return new Failure(
    409,
    'person_not_linked',
    `${email} is known here, and this account of the provider does not belong to them yet.`,
    'Ask an administrator of the workspace for an invitation: an e-mail alone proves nothing.',
  );
}
