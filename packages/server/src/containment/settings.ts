/** Which stops take two people to give and to lift, and what a rehearsal has to stay within. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { Actor } from './quarantine.ts';
import { SCOPES, type Scope } from './standing.ts';

const scopes = z.array(z.enum(SCOPES)).max(SCOPES.length);

/** A stop never waits unless somebody has said so. */
const twoPeople = z.object({
  kill: scopes.meta({ description: 'Stops that one person proposes and another confirms.' }),
  lift: scopes.meta({ description: 'Stops that take two people to lift; `agent` also to restore a revoked agent.' }),
});

const values = z.object({
  two_people: twoPeople,
  answer_minutes: z.int().min(1).max(1_440).meta({ description: 'A proposal that nobody confirms lapses after that.' }),
  target_ms: z
    .int()
    .min(1)
    .max(600_000)
    .meta({ description: 'A rehearsal passes when its slowest refusal came within it.' }),
});

export type SettingsValues = z.output<typeof values>;

export const settingsChangeSchema = z.strictObject({
  two_people: twoPeople.strict().partial().optional(),
  answer_minutes: values.shape.answer_minutes.optional(),
  target_ms: values.shape.target_ms.optional(),
});

export type SettingsChange = z.output<typeof settingsChangeSchema>;

export const settingsSchema = z
  .object({
    object: z.literal('containment_settings'),
    ...values.shape,
    author: z.string().nullable(),
    updated_at: z.int().nullable(),
    warning: z.string().nullable().meta({ description: 'Two people are asked for, and there are not two to be had.' }),
  })
  .meta({ id: 'ContainmentSettings' });

export type Settings = z.output<typeof settingsSchema>;

export const DEFAULTS: Settings = {
  object: 'containment_settings',
  two_people: { kill: [], lift: [] },
  answer_minutes: 60,
  target_ms: 1_000,
  author: null,
  updated_at: null,
  warning: null,
};

interface Row {
  two_to_kill: Scope[];
  two_to_lift: Scope[];
  answer_minutes: number;
  target_ms: number;
  author: string;
  updated_at: number;
}

export async function readSettings(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<Settings> {
  const { rows } = await client.query<Row>(
    `SELECT two_to_kill, two_to_lift, answer_minutes, target_ms, author, floor(extract(epoch FROM updated_at))::bigint AS updated_at
       FROM containment_settings WHERE workspace_id = $1`,
    [workspaceId],
  );
  const [row] = rows;
  if (row === undefined) return DEFAULTS;
  const { two_to_kill: kill, two_to_lift: lift, ...rest } = row;
  const two_people = { kill, lift };
  const isShort = asksForTwo({ two_people }) && (await peopleWhoConfirm(client, workspaceId)) < 2;
  return { object: 'containment_settings', two_people, ...rest, warning: isShort ? PEOPLE_MISSING : null };
}

/** What the settings become; `value` holds what `change` leaves out. */
export function changedBy({ two_people, answer_minutes, target_ms }: Settings, change: SettingsChange): SettingsValues {
  const { kill = two_people.kill, lift = two_people.lift } = change.two_people ?? {};
  return {
    two_people: { kill: inOrder(kill), lift: inOrder(lift) },
    answer_minutes: change.answer_minutes ?? answer_minutes,
    target_ms: change.target_ms ?? target_ms,
  };
}

function inOrder(named: readonly Scope[]): Scope[] {
  return SCOPES.filter((scope) => named.includes(scope));
}

export function asksForTwo({ two_people: { kill, lift } }: Pick<SettingsValues, 'two_people'>): boolean {
  return kill.length > 0 || lift.length > 0;
}

/** Settings as they stand in a proposal. */
export const storedSettings = values;

/** Throws `people_missing` where two people are asked for and there are not two. */
export async function writeSettings(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Actor,
  next: SettingsValues,
  proposalId?: string,
): Promise<Settings> {
  const { client } = transaction;
  const before = await readSettings(client, workspaceId);
  if (asksForTwo(next)) await refuseFewerThanTwo(client, workspaceId);
  await client.query(
    `INSERT INTO containment_settings (workspace_id, two_to_kill, two_to_lift, answer_minutes, target_ms, author)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (workspace_id) DO UPDATE SET two_to_kill = excluded.two_to_kill, two_to_lift = excluded.two_to_lift,
       answer_minutes = excluded.answer_minutes, target_ms = excluded.target_ms, author = excluded.author, updated_at = clock_timestamp()`,
    [workspaceId, next.two_people.kill, next.two_people.lift, next.answer_minutes, next.target_ms, actor],
  );
  transaction.log({
    kind: 'containment.settings',
    actor,
    proposal_id: proposalId,
    changes: {
      two_to_kill: [before.two_people.kill, next.two_people.kill],
      two_to_lift: [before.two_people.lift, next.two_people.lift],
      answer_minutes: [before.answer_minutes, next.answer_minutes],
      target_ms: [before.target_ms, next.target_ms],
    },
  });
  return readSettings(client, workspaceId);
}

const PEOPLE_MISSING =
  'Fewer than two active people sign in by a provider or hold a live admin key, so nobody can confirm.';

/** A rule for two people that nobody could meet would lock everybody out. */
async function refuseFewerThanTwo(client: ClientBase, workspaceId: WorkspaceId): Promise<void> {
  if ((await peopleWhoConfirm(client, workspaceId)) >= 2) return;
  throw new Failure(
    409,
    'people_missing',
    PEOPLE_MISSING,
    'Invite two people to sign in, or make keys for them: hivekey key create NAME --person E-MAIL.',
  );
}

/** Who signs in by a provider; and who holds a key, unless people decide by their own sign-in alone. */
async function peopleWhoConfirm(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<number> {
  const { rows } = await client.query<{ people: number }>(
    `SELECT count(*)::int AS people FROM people p
       LEFT JOIN sign_in_settings s ON s.workspace_id = p.workspace_id
      WHERE p.workspace_id = $1 AND p.active AND (
        (coalesce(s.people_decide, 'keys') = 'keys' AND EXISTS (
          SELECT FROM admin_keys k WHERE k.workspace_id = $1 AND k.person_id = p.id AND k.revoked_at IS NULL
             AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())))
        OR EXISTS (
          SELECT FROM person_identities i JOIN identity_providers v ON v.workspace_id = i.workspace_id AND v.id = i.provider_id
           WHERE i.workspace_id = $1 AND i.person_id = p.id AND v.active))`,
    [workspaceId],
  );
  return rows[0]?.people ?? 0;
}
