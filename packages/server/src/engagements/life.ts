/** Opening an engagement, letting people of the firm in and out, and ending it. Each is one transaction with its records. */
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Administrator, ApiContext } from '../api/route.ts';
import type { Leave } from '../departures/index.ts';
import { Failure } from '../errors.ts';
import { checkVoucher } from '../identity/index.ts';
import { newId, type PersonId, type WorkspaceId } from '../ids.ts';
import { changesOf, type LoggedTransaction } from '../log/index.ts';
import type { Secret } from '../secret.ts';
import { createInvitation } from '../sign-in/index.ts';
import { domainOf, domainSchema, refuseDomain } from './domains.ts';
import { type Engagement, type Member, memberOf, openEngagementOf, readEngagement } from './engagement.ts';

/** An engagement of a year's audit with its follow-up, and no standing account. */
const MAX_OPEN_DAYS = 400;
const MAX_PEOPLE = 50;
/** How long the link lives with which a person registers the passkey. */
const ENROLMENT = { expires_in_seconds: 7 * 86_400, any_email: false } as const;

const moment = z.iso.datetime({ offset: true });
const reason = z.string().trim().min(1).max(2_000);
const scope = z.string().trim().min(1).max(10_000);

export const newEngagementSchema = z.strictObject({
  firm: z.string().trim().min(1).max(200),
  firm_domain: domainSchema.meta({ description: 'Of the work e-mails of its people; none of your own.' }),
  period_from: moment.meta({ description: 'Inclusive.' }),
  period_to: moment.meta({ description: 'Exclusive.' }),
  criteria: z
    .array(z.string().regex(/^(?:CC[1-9]|A1|C1|PI1|P[1-8])(?:\.[1-9][0-9]?)?$/, 'is no criterion such as CC6.1'))
    .min(1)
    .max(100)
    .transform((ids) => [...new Set(ids)]),
  scope: scope.meta({ description: 'What is looked at and what is not. Both sides read it.' }),
  expires_at: moment,
});

export const engagementChangeSchema = z.strictObject({
  scope: scope.optional(),
  expires_at: moment.optional(),
  reason,
});

export const endSchema = z.strictObject({ reason });

export const newPersonSchema = z.strictObject({
  email: z
    .string()
    .max(254)
    .transform((text) => text.trim().toLowerCase())
    .pipe(z.email())
    .meta({ description: 'Work e-mail, at the domain of the firm.' }),
  display_name: z.string().trim().max(200).default(''),
});

/** Throws `engagement_period`, `engagement_expiry`, `engagement_domain_own`, `engagement_domain_open`, and as `checkVoucher`. */
export async function openEngagement(
  { client, now, log }: LoggedTransaction,
  who: Administrator,
  wanted: z.output<typeof newEngagementSchema>,
): Promise<Engagement> {
  const { workspaceId, actor } = who;
  await checkVoucher(client, who);
  const { firm, firm_domain: firmDomain, criteria, scope: words } = wanted;
  const from = new Date(wanted.period_from);
  const to = new Date(wanted.period_to);
  const expiresAt = new Date(wanted.expires_at);
  if (from >= to)
    throw new Failure(
      422,
      'engagement_period',
      'The period ends before it begins.',
      'It includes period_from, not period_to.',
    );
  checkExpiry(expiresAt, now);
  await refuseDomain(client, workspaceId, firmDomain);
  const id = newId<string>('eng');
  const eventId = log({
    kind: 'engagement.opened',
    actor,
    engagement_id: id,
    firm,
    firm_domain: firmDomain,
    period_from: from.toISOString(),
    period_to: to.toISOString(),
    criteria,
    scope: words,
    expires_at: expiresAt.toISOString(),
  });
  await client.query(
    `INSERT INTO engagements (workspace_id, id, firm, firm_domain, period_from, period_to, criteria, scope, expires_at, opened_at, opened_by, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [workspaceId, id, firm, firmDomain, from, to, criteria, words, expiresAt, now, actor, eventId],
  );
  return readEngagement(client, workspaceId, id);
}

function checkExpiry(expiresAt: Date, now: Date): void {
  if (expiresAt > now && expiresAt.getTime() <= now.getTime() + MAX_OPEN_DAYS * 86_400_000) return;
  throw new Failure(
    422,
    'engagement_expiry',
    `An engagement ends after now, and within ${MAX_OPEN_DAYS} days.`,
    'Name a time in expires_at. It can be moved as long as the engagement is open.',
  );
}

/** Period, criteria and firm stay what both sides began with: another engagement is for others. Throws as `openEngagement`. */
export async function changeEngagement(
  { client, now, log }: LoggedTransaction,
  who: Administrator,
  id: string,
  { reason: words, ...wanted }: z.output<typeof engagementChangeSchema>,
): Promise<Engagement> {
  const { workspaceId, actor } = who;
  await checkVoucher(client, who);
  await openEngagementOf(client, workspaceId, id);
  const before = await readEngagement(client, workspaceId, id);
  const expiresAt = wanted.expires_at === undefined ? undefined : new Date(wanted.expires_at);
  if (expiresAt !== undefined) checkExpiry(expiresAt, now);
  const changes = changesOf(
    { scope: before.scope, expires_at: new Date(before.expires_at * 1000).toISOString() },
    {
      ...(wanted.scope === undefined ? {} : { scope: wanted.scope }),
      ...(expiresAt === undefined ? {} : { expires_at: expiresAt.toISOString() }),
    },
  );
  if (Object.keys(changes).length === 0) return before;
  await client.query(
    `UPDATE engagements SET scope = $3, expires_at = coalesce($4, expires_at) WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id, wanted.scope ?? before.scope, expiresAt ?? null],
  );
  // A session that is open ends no later than what lets it in.
  await client.query(
    `UPDATE console_sessions s SET expires_at = least(s.expires_at, e.expires_at)
       FROM engagements e JOIN engagement_people i ON i.workspace_id = e.workspace_id AND i.engagement_id = e.id AND i.removed_at IS NULL
      WHERE e.workspace_id = $1 AND e.id = $2 AND s.workspace_id = $1 AND s.person_id = i.person_id`,
    [workspaceId, id],
  );
  log({
    kind: 'engagement.changed',
    actor,
    engagement_id: id,
    firm: before.firm,
    change: 'changed',
    changes,
    reason: words,
  });
  return readEngagement(client, workspaceId, id);
}

export interface LetIn extends Member {
  readonly token: Secret;
}

/**
 * Lets a person of the firm in, with a link that registers the passkey they sign in with. Throws `engagement_over`,
 * `engagement_email`, `engagement_domain_own`, `person_exists`, `engagement_person_elsewhere`, `engagement_people_many`,
 * and as `checkVoucher`.
 */
export async function addPerson(
  transaction: LoggedTransaction,
  pepper: KeyObject,
  who: Administrator,
  id: string,
  { email, display_name: displayName }: z.output<typeof newPersonSchema>,
): Promise<LetIn> {
  const { client, now, log } = transaction;
  const { workspaceId, actor } = who;
  await checkVoucher(client, who);
  const { firm, firmDomain } = await openEngagementOf(client, workspaceId, id);
  if (domainOf(email) !== firmDomain)
    throw new Failure(
      422,
      'engagement_email',
      `${email} is not at ${firmDomain}, the domain of ${firm}.`,
      'Use the work e-mail that the person has at the firm.',
    );
  // The workspace may have come to use the domain since the engagement was opened.
  await refuseDomain(client, workspaceId, firmDomain);
  const personId = await externalPerson(transaction, who, email, displayName);
  await refuseElsewhere(transaction, workspaceId, id, { id: personId, email });
  await client.query(
    `INSERT INTO engagement_people (workspace_id, engagement_id, person_id, added_at, added_by) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (workspace_id, engagement_id, person_id) DO UPDATE
        SET added_at = excluded.added_at, added_by = excluded.added_by, removed_at = NULL, removed_by = NULL`,
    [workspaceId, id, personId, now, actor],
  );
  log({
    kind: 'engagement.changed',
    actor,
    engagement_id: id,
    firm,
    change: 'person_added',
    person: email,
    person_id: personId,
  });
  const person = { id: personId, email };
  const { token } = await createInvitation(transaction, pepper, who, person, 'passkey', ENROLMENT);
  return { ...person, token };
}

/** Somebody who was here for an earlier engagement comes back as who they were, without what they had. Throws `person_exists`. */
async function externalPerson(
  { client, log }: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  email: string,
  displayName: string,
): Promise<PersonId> {
  const { rows } = await client.query<{ id: PersonId; external: boolean; active: boolean }>(
    'SELECT id, external, active FROM people WHERE workspace_id = $1 AND email = $2 AND deleted_at IS NULL',
    [workspaceId, email],
  );
  const [known] = rows;
  if (known?.external === false)
    throw new Failure(
      409,
      'person_exists',
      `${email} is a person of this workspace already.`,
      'Somebody of your own does not audit you: name another person of the firm.',
    );
  if (known?.active === true) return known.id;
  const id = known?.id ?? newId<PersonId>('per');
  await client.query(
    `INSERT INTO people (workspace_id, id, email, display_name, external) VALUES ($1, $2, $3, $4, true)
     ON CONFLICT (workspace_id, id) DO UPDATE SET active = true`,
    [workspaceId, id, email, displayName],
  );
  const isNew = known === undefined;
  log({
    kind: 'person.changed',
    actor,
    person_id: id,
    person: email,
    change: isNew ? 'created' : 'changed',
    ...(isNew ? {} : { changes: { active: [false, true] } }),
  });
  return id;
}

async function refuseElsewhere(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  id: string,
  { id: personId, email }: Member,
): Promise<void> {
  const { rows } = await client.query<{ engagement_id: string; person_id: string }>(
    `SELECT engagement_id, person_id FROM engagement_people
      WHERE workspace_id = $1 AND removed_at IS NULL AND (engagement_id = $2 OR person_id = $3)`,
    [workspaceId, id, personId],
  );
  const own = rows.find(({ person_id }) => person_id === personId);
  if (own !== undefined)
    throw new Failure(
      409,
      'engagement_person_elsewhere',
      `${email} is in the engagement ${own.engagement_id}.`,
      own.engagement_id === id
        ? 'Make another link with POST /v1/engagements/:id/people/:person/invitations.'
        : 'End that one first: a person is of one engagement at a time.',
    );
  if (rows.length < MAX_PEOPLE) return;
  throw new Failure(
    409,
    'engagement_people_many',
    `An engagement has at most ${MAX_PEOPLE} people.`,
    'Take somebody out first.',
  );
}

/** Another link that registers a passkey. Throws `engagement_over`, `engagement_person_not_found`, and as `checkVoucher`. */
export async function inviteAgain(
  transaction: LoggedTransaction,
  pepper: KeyObject,
  who: Administrator,
  id: string,
  personOrId: string,
): Promise<LetIn> {
  const { client, log } = transaction;
  const { workspaceId, actor } = who;
  await checkVoucher(client, who);
  const { firm } = await openEngagementOf(client, workspaceId, id);
  const person = await memberOf(client, workspaceId, id, personOrId);
  log({
    kind: 'engagement.changed',
    actor,
    engagement_id: id,
    firm,
    change: 'person_invited',
    person: person.email,
    person_id: person.id,
  });
  const { token } = await createInvitation(transaction, pepper, who, person, 'passkey', ENROLMENT);
  return { ...person, token };
}

/** Takes a person out at once. Throws `engagement_not_found`, `engagement_person_not_found`. */
export async function removePerson(
  transaction: LoggedTransaction,
  leave: Leave,
  who: Pick<Administrator, 'workspaceId' | 'actor'>,
  id: string,
  personOrId: string,
): Promise<void> {
  const { client } = transaction;
  const { firm } = await readEngagement(client, who.workspaceId, id);
  const person = await memberOf(client, who.workspaceId, id, personOrId);
  await letOut(transaction, leave, who, { id, firm }, person);
}

/** Sessions, passkeys, links and keys of the person end in the same transaction. */
async function letOut(
  { client, now, log }: LoggedTransaction,
  leave: Leave,
  { workspaceId, actor }: Pick<Administrator, 'workspaceId' | 'actor'>,
  { id, firm }: Pick<Engagement, 'id' | 'firm'>,
  person: Member,
): Promise<void> {
  await client.query(
    `UPDATE engagement_people SET removed_at = $4, removed_by = $5
      WHERE workspace_id = $1 AND engagement_id = $2 AND person_id = $3 AND removed_at IS NULL`,
    [workspaceId, id, person.id, now, actor],
  );
  const hasLeft = await leave({ workspaceId, actor }, person, 'engagement');
  const about = { person: person.email, person_id: person.id };
  if (hasLeft) log({ kind: 'person.changed', actor, change: 'changed', ...about, changes: { active: [true, false] } });
  log({ kind: 'engagement.changed', actor, engagement_id: id, firm, change: 'person_removed', ...about });
}

/** Whoever ends it, and when it expires: everybody of the firm is out with the commit. Ending twice changes nothing. */
export async function endEngagement(
  transaction: LoggedTransaction,
  leave: Leave,
  who: Pick<Administrator, 'workspaceId' | 'actor'>,
  id: string,
  words: string,
): Promise<void> {
  const { client, now, log } = transaction;
  const { workspaceId, actor } = who;
  const { rows } = await client.query<{ firm: string; people: Member[] }>(
    `SELECT e.firm, (SELECT coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'email', p.email) ORDER BY p.email), '[]')
                       FROM engagement_people i JOIN people p ON p.workspace_id = i.workspace_id AND p.id = i.person_id
                      WHERE i.workspace_id = e.workspace_id AND i.engagement_id = e.id AND i.removed_at IS NULL) AS people
       FROM engagements e WHERE e.workspace_id = $1 AND e.id = $2 AND e.ended_at IS NULL`,
    [workspaceId, id],
  );
  const [open] = rows;
  if (open === undefined) return;
  await client.query(
    'UPDATE engagements SET ended_at = least($3, expires_at), ended_by = $4, end_reason = $5 WHERE workspace_id = $1 AND id = $2',
    [workspaceId, id, now, actor, words],
  );
  for (const person of open.people) await letOut(transaction, leave, who, { id, firm: open.firm }, person);
  log({
    kind: 'engagement.ended',
    actor,
    engagement_id: id,
    firm: open.firm,
    people: open.people.length,
    reason: words,
  });
}

/** Ids of those whose time is over and that nobody has ended yet. */
export async function expiredEngagements({
  pool,
}: Pick<ApiContext, 'pool'>): Promise<readonly { readonly workspaceId: WorkspaceId; readonly id: string }[]> {
  const { rows } = await pool.query<{ workspaceId: WorkspaceId; id: string }>(
    `SELECT workspace_id AS "workspaceId", id FROM engagements
      WHERE ended_at IS NULL AND expires_at <= clock_timestamp() ORDER BY expires_at LIMIT 100`,
  );
  return rows;
}
