/** Who looks at an alert: a person, and for what weighs much, another one than it is about. */
import type { ClientBase } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { ownSignInProblem, personActor } from '../identity/index.ts';
import type { PersonId } from '../ids.ts';
import { readPerson } from '../people/index.ts';
import type { AlertRow } from './alert.ts';
import { readAlertSettings } from './settings.ts';
import { isAtLeast } from './severity.ts';

export interface Responder {
  readonly id: PersonId;
  readonly email: string;
}

/** Throws `person_required`, `person_inactive`, `sign_in_required`. */
export async function responderOf(client: ClientBase, who: Administrator): Promise<Responder> {
  const { workspaceId, person } = who;
  if (person === undefined)
    throw new Failure(
      403,
      'person_required',
      'A person answers for what becomes of an alert, and this key belongs to none.',
      'Sign in, or use a key of your own: hivekey key create NAME --person E-MAIL.',
    );
  const { active } = await readPerson(client, workspaceId, person.id);
  if (!active) throw new Failure(403, 'person_inactive', `${person.email} is not active.`, 'Have somebody else do it.');
  const unsigned = await ownSignInProblem(client, who);
  if (unsigned !== undefined) throw unsigned;
  return person;
}

/**
 * Nobody judges a high or critical alert about themselves, about what a key of theirs did, or about an agent that they own.
 * Throws `own_alert`.
 */
export async function refuseOwn(
  client: ClientBase,
  { workspaceId }: Administrator,
  { id: personId, email }: Responder,
  alert: AlertRow,
): Promise<void> {
  if (!isAtLeast(alert.severity, 'high') || alert.synthetic) return;
  if (!(await readAlertSettings(client, workspaceId)).separate_duties) return;
  const { kind, id } = alert.subject;
  const named = [...(kind === 'person' || kind === 'owner' ? [id] : []), ...actorsOf(alert)];
  const { rows } = await client.query(
    `SELECT FROM agents WHERE $2 = 'agent' AND workspace_id = $1 AND id = $3 AND owner_id = $4
      UNION ALL SELECT FROM admin_keys WHERE workspace_id = $1 AND person_id = $4 AND 'key:' || name = ANY($5)`,
    [workspaceId, kind, id, personId, named],
  );
  const isOwn = rows.length > 0 || [personId, email, personActor(email)].some((own) => named.includes(own));
  if (!isOwn) return;
  throw new Failure(
    403,
    'own_alert',
    `The alert ${alert.id} is about ${email}, a key or an agent of theirs: another person judges it.`,
    'Assign it to somebody else. Where there is nobody, separate_duties of PUT /v1/alert-settings says so on the log.',
  );
}

/** Whom a detection has found it about: what it groups by may be an actor, an approver or an author. */
function actorsOf({ facts }: AlertRow): readonly string[] {
  const group = groupSchema.safeParse(facts.group);
  return group.success ? Object.values(group.data).filter((value) => typeof value === 'string') : [];
}

const groupSchema = z.record(z.string(), z.unknown());
