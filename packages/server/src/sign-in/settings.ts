/** What holds in a workspace about sessions and about decisions that take a person. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { readAssurance, SESSION_IDLE_SECONDS, SESSION_SECONDS } from '../identity/index.ts';
import type { WorkspaceId } from '../ids.ts';
import { type ActionLog, changesOf } from '../log/index.ts';

const level = z.enum(['none', 'recent', 'signed']);
const stepUp = z.object({
  approve: level.meta({ description: 'Approving held calls.' }),
  lift: level.meta({ description: 'Lifting stops, restoring agents, releasing quarantines.' }),
  override: level.meta({ description: 'Asking for and agreeing to overrides of freezes.' }),
  confirm: level.meta({ description: 'Confirming what another person has proposed.' }),
  sign_off: level.meta({ description: 'Signing off reviews.' }),
  secret: level.meta({ description: 'Giving upstreams another credential.' }),
  change: level.meta({ description: 'Approving changes of what decides.' }),
});

const values = z.object({
  idle_seconds: z.int().min(60).max(43_200).meta({ description: 'A session ends after this long without a request.' }),
  session_seconds: z.int().min(300).max(86_400).meta({ description: 'It ends after this long whatever happens.' }),
  people_decide: z.enum(['keys', 'sessions']).meta({
    description:
      'sessions: whatever takes a person takes their own sign-in, and a key of a person is made by that person alone. keys: a key that belongs to the person is enough.',
  }),
  step_up: stepUp.meta({
    description:
      'recent: the person has proven anew who they are. signed: with a passkey, over the very decision; also `recent` where it is not about one.',
  }),
  step_up_seconds: z.int().min(30).max(3_600).meta({ description: 'How long ago that may be.' }),
});
type SettingsValues = z.output<typeof values>;

export const settingsChangeSchema = z.strictObject({
  ...values.partial().shape,
  step_up: stepUp.partial().strict().optional(),
});

export const settingsSchema = z
  .object({
    object: z.literal('sign_in_settings'),
    ...values.shape,
    author: z.string().nullable(),
    updated_at: z.int().nullable(),
  })
  .meta({ id: 'SignInSettings' });
type SettingsView = z.output<typeof settingsSchema>;

interface Row {
  readonly idle_seconds: number;
  readonly session_seconds: number;
  readonly author: string;
  readonly updated_at: number;
}

export async function readSettings(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<SettingsView> {
  const { rows } = await client.query<Row>(
    `SELECT idle_seconds, session_seconds, author, floor(extract(epoch FROM updated_at))::bigint AS updated_at
       FROM sign_in_settings WHERE workspace_id = $1`,
    [workspaceId],
  );
  const [row] = rows;
  const { peopleDecide, stepUp: asked, stepUpSeconds } = await readAssurance(client, workspaceId);
  return {
    object: 'sign_in_settings',
    idle_seconds: row?.idle_seconds ?? SESSION_IDLE_SECONDS,
    session_seconds: row?.session_seconds ?? SESSION_SECONDS,
    people_decide: peopleDecide,
    step_up: { ...asked },
    step_up_seconds: stepUpSeconds,
    author: row?.author ?? null,
    updated_at: row?.updated_at ?? null,
  };
}

/** What is absent stays. Throws `session_limits_invalid`, `own_session_required`. */
export function changeSettings(
  log: ActionLog,
  who: Administrator,
  change: z.output<typeof settingsChangeSchema>,
): Promise<SettingsView> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    const before = await readSettings(client, workspaceId);
    const next: SettingsValues = {
      idle_seconds: change.idle_seconds ?? before.idle_seconds,
      session_seconds: change.session_seconds ?? before.session_seconds,
      people_decide: change.people_decide ?? before.people_decide,
      step_up: withChanges(before.step_up, change.step_up),
      step_up_seconds: change.step_up_seconds ?? before.step_up_seconds,
    };
    if (next.idle_seconds > next.session_seconds)
      throw new Failure(
        400,
        'session_limits_invalid',
        'A session would be idle for longer than it may live.',
        'Set idle_seconds to at most session_seconds.',
      );
    // Whoever holds a key could otherwise take back what keeps keys from deciding; and nobody locks everybody out.
    const isSigned = who.session !== undefined && who.session.method !== 'key';
    if (
      (before.people_decide === 'sessions' || next.people_decide === 'sessions') &&
      !isSigned &&
      changesDeciding(before, next)
    )
      throw new Failure(
        403,
        'own_session_required',
        'Whether people decide by their own sign-in is changed by a person who has signed in.',
        'Sign in by your identity provider, and change it in the console.',
      );
    const changes = changesOf(before, next);
    if (Object.keys(changes).length === 0) return before;
    await client.query(
      `INSERT INTO sign_in_settings (workspace_id, idle_seconds, session_seconds, people_decide, step_up, step_up_seconds, author, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       ON CONFLICT (workspace_id) DO UPDATE SET idle_seconds = excluded.idle_seconds, session_seconds = excluded.session_seconds,
         people_decide = excluded.people_decide, step_up = excluded.step_up, step_up_seconds = excluded.step_up_seconds,
         author = excluded.author, updated_at = excluded.updated_at`,
      [
        workspaceId,
        next.idle_seconds,
        next.session_seconds,
        next.people_decide,
        JSON.stringify(next.step_up),
        next.step_up_seconds,
        actor,
        now,
      ],
    );
    // Those that are open live no longer than new ones would.
    await client.query(
      `UPDATE console_sessions SET expires_at = least(expires_at, created_at + make_interval(secs => $2)),
                                   idle_at = least(idle_at, $4::timestamptz + make_interval(secs => $3)) WHERE workspace_id = $1`,
      [workspaceId, next.session_seconds, next.idle_seconds, now],
    );
    record({ kind: 'sign_in.settings', actor, changes });
    return readSettings(client, workspaceId);
  });
}

function withChanges(
  before: SettingsValues['step_up'],
  change: Partial<Record<keyof SettingsValues['step_up'], SettingsValues['step_up']['approve'] | undefined>> = {},
): SettingsValues['step_up'] {
  return {
    approve: change.approve ?? before.approve,
    lift: change.lift ?? before.lift,
    override: change.override ?? before.override,
    confirm: change.confirm ?? before.confirm,
    sign_off: change.sign_off ?? before.sign_off,
    secret: change.secret ?? before.secret,
    change: change.change ?? before.change,
  };
}

function changesDeciding(before: SettingsValues, next: SettingsValues): boolean {
  return (
    before.people_decide !== next.people_decide ||
    before.step_up_seconds !== next.step_up_seconds ||
    JSON.stringify(before.step_up) !== JSON.stringify(next.step_up)
  );
}
