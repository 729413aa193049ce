/**
 * A named person accepts what could happen, for a while. Not the owner of the agent: the number says how much is put into
 * their hands, and whoever is trusted does not say so themselves. What is stored is exactly what was seen, found again by
 * its digest; a newer acceptance of the same subject ends the one before.
 */
import { type BlastRadius, type RadiusChange, radiusChanges } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator, TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkAssurance } from '../identity/index.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import type { Named, SubjectKind } from './subjects.ts';
import { subjectSchema } from './view.ts';

const MAX_DAYS = 366;

export const acceptanceSchema = z
  .object({
    id: z.string(),
    object: z.literal('blast_radius_acceptance'),
    subject: subjectSchema,
    digest: z.string().meta({ description: 'Of the result that was accepted.' }),
    policy: z.string(),
    person: z.string(),
    reason: z.string(),
    accepted_at: z.int(),
    until: z.int(),
    status: z.enum(['current', 'expired', 'ended']),
    exceeded_at: z.int().nullable().meta({ description: 'When it was seen that a number has passed it.' }),
    ended_at: z.int().nullable(),
    ended_by: z.string().nullable(),
    end_reason: z.string().nullable(),
  })
  .meta({ id: 'BlastRadiusAcceptance' });

/** With all that was accepted, as the digest is over it. */
export const acceptedSchema = acceptanceSchema
  .extend({ result: z.record(z.string(), z.unknown()) })
  .meta({ id: 'AcceptedBlastRadius' });

type Row = Omit<z.output<typeof acceptanceSchema>, 'object' | 'subject'> & {
  readonly subject_kind: SubjectKind;
  readonly subject_id: string;
  readonly subject_name: string;
  readonly person_id: string;
  readonly accepted_us: number;
  readonly expired_at: number | null;
};

export type Acceptance = Row;
/** With what was accepted, which is large. */
export type WholeAcceptance = Acceptance & { readonly result: BlastRadius };

const COLUMNS = ` id, subject_kind, subject_id, subject_name, digest, policy_hash AS policy, person_id, person, reason,
       floor(extract(epoch FROM accepted_at))::bigint AS accepted_at, floor(extract(epoch FROM until))::bigint AS until,
       CASE WHEN ended_at IS NOT NULL THEN 'ended' WHEN until <= now() THEN 'expired' ELSE 'current' END AS status,
       floor(extract(epoch FROM exceeded_at))::bigint AS exceeded_at, floor(extract(epoch FROM expired_at))::bigint AS expired_at,
       floor(extract(epoch FROM ended_at))::bigint AS ended_at, ended_by, end_reason,
       (extract(epoch FROM accepted_at) * 1000000)::bigint AS accepted_us`;
const FROM = 'FROM blast_radius_acceptances WHERE workspace_id = $1';
const ACCEPTANCES = `SELECT ${COLUMNS} ${FROM}`;
const WHOLE = `SELECT ${COLUMNS}, result ${FROM}`;

export function acceptanceBody({
  subject_kind,
  subject_id,
  subject_name,
  person_id: _personId,
  accepted_us: _acceptedUs,
  expired_at: _expiredAt,
  ...row
}: Acceptance): z.output<typeof acceptanceSchema> {
  return {
    object: 'blast_radius_acceptance',
    subject: { kind: subject_kind, id: subject_id, name: subject_name },
    ...row,
  };
}

/** Numbers that are larger now. What was not measured then was accepted as nothing. */
export function passed(accepted: BlastRadius, now: BlastRadius): RadiusChange[] {
  return radiusChanges(accepted, now).filter(({ rises }) => rises);
}

export function isPassed(accepted: BlastRadius, now: BlastRadius): boolean {
  return passed(accepted, now).length > 0;
}

/** As it stands beside the number. */
export function acceptanceView({ id, person, accepted_at, until, status }: Acceptance, exceeded: boolean) {
  return { id, person, accepted_at, until, exceeded, expired: status === 'expired' };
}

/** The last one of the subject, expired or not, that nobody has ended. */
export async function findAccepted(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  kind: SubjectKind,
  id: string,
): Promise<WholeAcceptance | undefined> {
  const { rows } = await client.query<WholeAcceptance>(
    `${WHOLE} AND subject_kind = $2 AND subject_id = $3 AND ended_at IS NULL`,
    [workspaceId, kind, id],
  );
  return rows[0];
}

/** All that nobody has ended. */
export async function listAccepted(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<Acceptance[]> {
  const { rows } = await client.query<Row>(`${ACCEPTANCES} AND ended_at IS NULL ORDER BY accepted_at, id`, [
    workspaceId,
  ]);
  return rows;
}

/** Newest first; of one subject, if named. */
export async function listAcceptances(
  pool: Pool,
  workspaceId: WorkspaceId,
  subject: { readonly kind: SubjectKind; readonly id: string } | undefined,
  after: TimePosition | undefined,
  limit: number,
): Promise<Acceptance[]> {
  const { rows } = await pool.query<Row>(
    `${ACCEPTANCES} AND ($2::text IS NULL OR subject_kind = $2 AND subject_id = $3)
   AND ($4::bigint IS NULL OR (blast_radius_acceptances.accepted_at, id) < ('epoch'::timestamptz + $4 * interval '1 microsecond', $5))
 ORDER BY blast_radius_acceptances.accepted_at DESC, id DESC LIMIT $6`,
    [workspaceId, subject?.kind ?? null, subject?.id ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Throws `acceptance_not_found`. */
export async function readAcceptance(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<WholeAcceptance> {
  const { rows } = await client.query<WholeAcceptance>(`${WHOLE} AND id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'acceptance_not_found',
    `There is no acceptance "${id}".`,
    'List them with GET /v1/blast-radius/acceptances.',
  );
}

export interface NewAcceptance {
  /** Of what the person has seen. */
  readonly digest: string;
  readonly until: number;
  readonly reason: string;
}

/**
 * Throws `person_required`, `owner_alone`, `until_invalid`, `blast_radius_changed` where it is not what the person has seen, and
 * as `checkAssurance`.
 */
export function accept(
  log: ActionLog,
  who: Administrator,
  named: Named,
  result: BlastRadius,
  { digest, until, reason }: NewAcceptance,
): Promise<Acceptance> {
  const { workspaceId, actor, person } = who;
  const { kind, id, name } = named.view;
  if (person === undefined)
    throw new Failure(
      403,
      'person_required',
      'A person accepts a blast radius, and this key belongs to none.',
      'Sign in, or use a key of your own: hivekey key create NAME --person E-MAIL.',
    );
  if (named.ownerId === person.id)
    throw new Failure(
      403,
      'owner_alone',
      kind === 'agent'
        ? `"${name}" is yours: somebody else accepts what it could do.`
        : 'These agents are yours: somebody else accepts what they could do.',
      'Ask another administrator or reviewer.',
    );
  if (result.digest !== digest)
    throw new Failure(
      409,
      'blast_radius_changed',
      'The blast radius is not the one with this digest any more.',
      'Look at it again (GET /v1/blast-radius), and accept what it says now.',
    );
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    await checkAssurance(client, who, 'sign_off', now);
    const end = new Date(until * 1000);
    if (end <= now || end.getTime() > now.getTime() + MAX_DAYS * 86_400_000)
      throw new Failure(
        422,
        'until_invalid',
        'until is not within the next 366 days.',
        'Give the epoch seconds until which it is accepted.',
      );
    const acceptanceId = newId<string>('bra');
    await client.query(
      `UPDATE blast_radius_acceptances SET ended_at = clock_timestamp(), ended_by = $4, end_reason = 'accepted anew'
        WHERE workspace_id = $1 AND subject_kind = $2 AND subject_id = $3 AND ended_at IS NULL`,
      [workspaceId, kind, id, actor],
    );
    await client.query(
      `INSERT INTO blast_radius_acceptances (workspace_id, id, subject_kind, subject_id, subject_name, result, digest, policy_hash, person_id,
                                             person, reason, until)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
      [
        workspaceId,
        acceptanceId,
        kind,
        id,
        name,
        JSON.stringify(result),
        digest,
        result.policyHash,
        person.id,
        person.email,
        reason,
        end,
      ],
    );
    record({
      kind: 'blast_radius.accepted',
      actor,
      acceptance: acceptanceId,
      subject: { kind, id, name },
      person: person.email,
      digest,
      policy: result.policyHash,
      policy_revision: result.policyRevision,
      reason,
      until: end.toISOString(),
    });
    return readAcceptance(client, workspaceId, acceptanceId);
  });
}

/** Takes it back. Throws `acceptance_not_found`, `acceptance_ended`. */
export function endAcceptance(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  id: string,
  reason: string,
): Promise<Acceptance> {
  return log.transact(workspaceId, async ({ client, log: record }) => {
    const { ended_at, subject_kind, subject_id, subject_name } = await readAcceptance(client, workspaceId, id);
    if (ended_at !== null)
      throw new Failure(
        409,
        'acceptance_ended',
        'It was ended before.',
        'Accept the blast radius anew, if it is to be.',
      );
    await client.query(
      `UPDATE blast_radius_acceptances SET ended_at = clock_timestamp(), ended_by = $3, end_reason = $4
        WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, id, actor, reason],
    );
    record({
      kind: 'blast_radius.acceptance_ended',
      actor,
      acceptance: id,
      subject: { kind: subject_kind, id: subject_id, name: subject_name },
      reason,
    });
    return readAcceptance(client, workspaceId, id);
  });
}
