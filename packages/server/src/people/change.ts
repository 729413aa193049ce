/** Changing people. Each change is one transaction with its records. */
import type { ClientBase } from 'pg';
import { ownerChanged } from '../agents/index.ts';
import type { Administrator } from '../api/route.ts';
import { standingOrder } from '../containment/index.ts';
import { type LeaveContext, withDepartures } from '../departures/index.ts';
import { Failure } from '../errors.ts';
import { namesOfDirectory } from '../groups/index.ts';
import { checkVoucher } from '../identity/index.ts';
import { newId, type PersonId, type WorkspaceId } from '../ids.ts';
import { type ActionLog, changesOf, type LoggedTransaction } from '../log/index.ts';
import { refuseOfDirectory } from './directory.ts';
import { breakGlassRoles, refuseOwnRoles, refuseWithoutAdmin } from './group-roles.ts';
import {
  engagementOnly,
  type NewPerson,
  type PersonChange,
  type PersonView,
  personNotFound,
  type SlackAccount,
} from './person.ts';
import { readPerson } from './read.ts';

async function addPerson(
  { client, log }: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  person: NewPerson,
): Promise<PersonId | undefined> {
  const id = newId<PersonId>('per');
  const { rowCount } = await client.query(
    `INSERT INTO people (workspace_id, id, email, display_name, label) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT DO NOTHING`,
    [workspaceId, id, person.email, person.display_name, person.label],
  );
  if (rowCount === 0) return undefined;
  log({ kind: 'person.changed', actor, person_id: id, person: person.email, change: 'created' });
  return id;
}

/** Throws `person_exists`. */
export function createPerson(log: ActionLog, who: Administrator, person: NewPerson): Promise<PersonView> {
  return log.transact(who.workspaceId, async (transaction) => {
    const id = await addPerson(transaction, who, person);
    if (id === undefined)
      throw new Failure(
        409,
        'person_exists',
        `There already is a person ${person.email}.`,
        'Change it with PATCH /v1/people/:person.',
      );
    return readPerson(transaction.client, who.workspaceId, id);
  });
}

/** Deactivating a person is a departure: see departures/leave.ts. Activating again brings nothing back. */
export function changePerson(
  context: LeaveContext,
  who: Administrator,
  personOrId: string,
  change: PersonChange,
): Promise<PersonView> {
  const { workspaceId, actor } = who;
  return withDepartures(context, workspaceId, async (transaction, leave) => {
    const { client } = transaction;
    const before = await readPerson(client, workspaceId, personOrId);
    const after = {
      display_name: change.display_name ?? before.display_name,
      label: change.label === undefined ? before.label : change.label,
      active: change.active ?? before.active,
      time_zone: change.time_zone === undefined ? before.time_zone : change.time_zone,
      slack: change.slack === undefined ? before.slack : change.slack,
      groups: change.groups ?? before.groups,
      authority: change.authority === undefined ? before.authority : change.authority,
      roles: change.roles ?? before.roles,
    };
    const changes = changesOf(before, after);
    if (Object.keys(changes).length === 0) return before;
    await refuseOfDirectory(transaction, workspaceId, before, changes);
    if (changes.roles ?? changes.groups ?? changes.authority) {
      refuseOwnRoles(who, before.id);
      await checkVoucher(client, who);
    }
    if (before.break_glass && changes.roles !== undefined) throw breakGlassRoles(before.email);
    if (
      before.external &&
      (changes.roles ?? changes.groups ?? changes.authority ?? changes.slack ?? changes.active?.[1])
    )
      throw engagementOnly(before.email);
    if (after.slack !== null) await checkFree(client, workspaceId, before.id, after.slack);
    if (before.active && !after.active) await leave(who, before, 'administrator');
    await client.query(
      `UPDATE people SET display_name = $3, label = $4, active = $5, groups = $6, authority = $7, slack_team = $8,
              slack_user = $9, roles = $10, time_zone = $11
        WHERE workspace_id = $1 AND id = $2`,
      [
        workspaceId,
        before.id,
        after.display_name,
        after.label,
        after.active,
        after.groups,
        after.authority === null ? null : JSON.stringify(after.authority),
        after.slack?.team ?? null,
        after.slack?.user ?? null,
        after.roles,
        after.time_zone,
      ],
    );
    if (changes.roles ?? changes.groups) await refuseWithoutAdmin(client, workspaceId, before);
    transaction.log({
      kind: 'person.changed',
      actor,
      person_id: before.id,
      person: before.email,
      change: 'changed',
      changes,
    });
    if (changes.label ?? changes.time_zone) await ownerChanged(transaction, workspaceId, before.id);
    return readPerson(client, workspaceId, before.id);
  });
}

/**
 * What a person may approve and do, as a change that others have reviewed says it. Throws `own_roles`, `person_deleted`,
 * `group_of_directory`, `last_admin`.
 */
export async function changeAuthorityIn(
  transaction: LoggedTransaction,
  who: Administrator,
  personOrId: string,
  wanted: Pick<PersonView, 'authority' | 'groups' | 'roles'>,
): Promise<void> {
  const { workspaceId, actor } = who;
  const { client } = transaction;
  const before = await readPerson(client, workspaceId, personOrId);
  const ofDirectory = await namesOfDirectory(transaction, workspaceId, before.groups);
  const after = { ...wanted, groups: [...new Set([...wanted.groups, ...ofDirectory])].sort() };
  const changes = changesOf(before, after);
  if (Object.keys(changes).length === 0) return;
  await refuseOfDirectory(transaction, workspaceId, before, changes);
  refuseOwnRoles(who, before.id);
  if (before.break_glass && changes.roles !== undefined) throw breakGlassRoles(before.email);
  if (before.external) throw engagementOnly(before.email);
  await client.query('UPDATE people SET groups = $3, authority = $4, roles = $5 WHERE workspace_id = $1 AND id = $2', [
    workspaceId,
    before.id,
    after.groups,
    after.authority === null ? null : JSON.stringify(after.authority),
    after.roles,
  ]);
  if (changes.roles ?? changes.groups) await refuseWithoutAdmin(client, workspaceId, before);
  const { id, email } = before;
  transaction.log({ kind: 'person.changed', actor, person_id: id, person: email, change: 'changed', changes });
}

/** Of one account in Slack there is one person. Changes of a workspace are one after the other. */
async function checkFree(
  client: ClientBase,
  workspaceId: WorkspaceId,
  id: PersonId,
  { team, user }: SlackAccount,
): Promise<void> {
  const { rows } = await client.query<{ email: string }>(
    'SELECT email FROM people WHERE workspace_id = $1 AND slack_team = $2 AND slack_user = $3 AND id <> $4',
    [workspaceId, team, user, id],
  );
  if (rows[0] === undefined) return;
  throw new Failure(
    409,
    'slack_account_taken',
    `The Slack account ${team}/${user} is that of ${rows[0].email}.`,
    'Take it from that person first: PATCH /v1/people/:person with "slack": null.',
  );
}

/**
 * The person who shall own an agent, added if not known yet. Throws `engagement_only`, `owner_inactive`, and `owner_stopped`
 * while the owner is under a stop.
 */
export async function ownerFor(
  transaction: LoggedTransaction,
  who: Administrator,
  email: string,
): Promise<{ readonly id: PersonId; readonly email: string }> {
  const { client } = transaction;
  const { rows } = await client.query<{ id: PersonId; active: boolean; external: boolean }>(
    'SELECT id, active, external FROM people WHERE workspace_id = $1 AND email = $2 AND deleted_at IS NULL',
    [who.workspaceId, email],
  );
  const [known] = rows;
  if (known === undefined) {
    const id = await addPerson(transaction, who, { email, display_name: '', label: null });
    if (id === undefined) throw personNotFound(email);
    return { id, email };
  }
  if (known.external) throw engagementOnly(email);
  if (!known.active)
    throw new Failure(
      409,
      'owner_inactive',
      `${email} is not active and cannot be accountable for an agent.`,
      'Name an active person, or activate this one with PATCH /v1/people/:person.',
    );
  const order = await standingOrder(client, who.workspaceId, 'owner', email);
  if (order !== undefined)
    throw new Failure(
      409,
      'owner_stopped',
      `${email} is under the stop ${order}: no agent can be given to this person.`,
      `Name another owner, or lift it with POST /v1/containments/${order}/lift.`,
    );
  return { id: known.id, email };
}
