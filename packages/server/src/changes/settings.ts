/** Whether and how changes are reviewed. Its document is the object `change_settings` of change control itself. */
import type { JsonValue } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { changesOf, type LoggedTransaction } from '../log/index.ts';
import { type ControlledType, OBJECT_TYPES } from '../versions/index.ts';
import { refuseWithoutPeople } from './people.ts';

const group = z.string().min(1).max(64);
const groups = z.array(group).max(10).refine(isSet, 'names one twice');
/** How many different people approve; each of the groups is spoken for by a person of its own. */
export const requirementSchema = z
  .strictObject({ people: z.int().min(1).max(10), groups })
  .refine(({ people, groups: named }) => named.length <= people, 'names more groups than people');
const objectTypes = z.array(z.enum(OBJECT_TYPES)).min(1).refine(isSet, 'names one twice');

const patternSchema = z.strictObject({
  name: z
    .string()
    .trim()
    .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._ -]{0,62}[A-Za-z0-9])?$/, 'is not 1 to 64 letters, digits, spaces and . _ -'),
  types: objectTypes,
  ids: z.array(z.string().max(256)).min(1).max(200).nullable().meta({ description: 'Of which objects; null: of all.' }),
  allows: z
    .union([z.literal('narrowing'), z.strictObject({ roles_added: z.array(z.string().max(128)).min(1).max(100) })])
    .meta({
      description: 'narrowing: whatever only takes away. roles_added: agents may be given these roles, and lose none.',
    }),
});

export const settingsDocument = z.strictObject({
  mode: z.enum(['direct', 'reviewed']),
  types: objectTypes.nullable().meta({ description: 'Which types of objects are reviewed; null: all.' }),
  authority: z.strictObject({
    normal: z.strictObject({
      low: requirementSchema,
      medium: requirementSchema,
      high: requirementSchema,
      critical: requirementSchema,
    }),
    emergency: requirementSchema,
  }),
  emergency: z.strictObject({
    alone: z.boolean().meta({ description: 'One person may activate it, to be reviewed afterwards.' }),
    review_within_minutes: z.int().min(1).max(43_200),
    escalate_to: z.array(z.string().min(1).max(254)).max(50).meta({ description: 'Groups, and e-mails of people.' }),
  }),
  rollback: z.enum(['reviewed', 'standard']),
  when_frozen: z.enum(['wait', 'fail']).meta({ description: 'What becomes of a scheduled change in a freeze.' }),
  expire_days: z.int().min(1).max(365),
  replay_days: z
    .int()
    .min(0)
    .max(90)
    .default(30)
    .meta({ description: 'Of the log, for reviewers: which calls the change would have decided otherwise. 0: none.' }),
  standard: z.array(patternSchema).max(100).meta({ description: 'What needs nobody: it was approved as a pattern.' }),
});

export type ChangeSettings = z.output<typeof settingsDocument>;
export type Requirement = z.output<typeof requirementSchema>;
export type StandardPattern = z.output<typeof patternSchema>;

const ONE_PERSON: Requirement = { people: 1, groups: [] };

export const DEFAULT_CHANGE_SETTINGS: ChangeSettings = {
  mode: 'direct',
  types: null,
  authority: {
    normal: { low: ONE_PERSON, medium: ONE_PERSON, high: ONE_PERSON, critical: ONE_PERSON },
    emergency: ONE_PERSON,
  },
  emergency: { alone: false, review_within_minutes: 1_440, escalate_to: [] },
  rollback: 'reviewed',
  when_frozen: 'wait',
  expire_days: 30,
  replay_days: 30,
  standard: [],
};

export const settingsSchema = z
  .object({
    object: z.literal('change_settings'),
    ...settingsDocument.shape,
    hash: z.string().meta({ description: 'Content hash: the `base` of a change of it.' }),
    author: z.string().nullable(),
    updated_at: z.int().nullable(),
  })
  .meta({ id: 'ChangeSettings' });

function isSet(items: readonly string[]): boolean {
  return new Set(items).size === items.length;
}

interface Row {
  readonly mode: 'direct' | 'reviewed';
  readonly types: ChangeSettings['types'];
  readonly settings: Partial<ChangeSettings>;
  readonly author: string;
  readonly updated_at: number;
}

export interface StoredSettings {
  readonly settings: ChangeSettings;
  readonly author: string | null;
  /** Epoch seconds. */
  readonly updated_at: number | null;
}

export async function readStoredSettings(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<StoredSettings> {
  const { rows } = await client.query<Row>(
    `SELECT mode, types, settings, author, floor(extract(epoch FROM updated_at))::bigint AS updated_at
       FROM change_settings WHERE workspace_id = $1`,
    [workspaceId],
  );
  const [row] = rows;
  if (row === undefined) return { settings: DEFAULT_CHANGE_SETTINGS, author: null, updated_at: null };
  const { mode, types, settings, author, updated_at } = row;
  return {
    settings: settingsDocument.parse({ ...DEFAULT_CHANGE_SETTINGS, ...settings, mode, types }),
    author,
    updated_at,
  };
}

async function readChangeSettings(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<ChangeSettings> {
  return (await readStoredSettings(client, workspaceId)).settings;
}

/**
 * By which everything is decided: as they were last let in, not the row of the table. Whoever edits that row past HiveKey
 * makes no change easier by it.
 */
export async function approvedSettings(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<ChangeSettings> {
  const { rows } = await client.query<{ document: unknown }>(
    `SELECT document FROM object_versions WHERE workspace_id = $1 AND object_type = 'change_settings' AND object_id = '*'
      ORDER BY version DESC LIMIT 1`,
    [workspaceId],
  );
  const document = rows[0]?.document ?? undefined;
  return document === undefined ? DEFAULT_CHANGE_SETTINGS : settingsDocument.parse(document);
}

/** Always there: a workspace that has said nothing has the defaults. */
export const changeSettingsType: ControlledType = {
  type: 'change_settings',
  isPolicy: false,
  parse: (_id, document) => parseSettings(document),
  list: async (client, workspaceId) => new Map([['*', documentOf(await readChangeSettings(client, workspaceId))]]),
  read: async (client, workspaceId) => documentOf(await readChangeSettings(client, workspaceId)),
  apply: (transaction, who, _id, document) =>
    document === null ? Promise.reject(notRemoved()) : writeSettings(transaction, who, parseSettings(document)),
};

/** Throws `change_settings_invalid`. */
function parseSettings(document: unknown): ChangeSettings {
  const parsed = settingsDocument.safeParse(document);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  const [first] = problems;
  throw new Failure(
    422,
    'change_settings_invalid',
    `The settings of changes are not valid: ${first?.path ?? ''}: ${first?.message ?? ''}.`,
    'Send all members as GET /v1/change-settings gives them.',
    problems,
  );
}

function documentOf({ authority, emergency, standard, types, ...rest }: ChangeSettings): JsonValue {
  return {
    ...rest,
    types,
    authority,
    emergency,
    standard: standard.map(({ ids, allows, ...pattern }) => ({ ...pattern, ids, allows })),
  };
}

/** Throws `people_missing`. */
async function writeSettings(transaction: LoggedTransaction, who: Administrator, next: ChangeSettings): Promise<void> {
  const { client } = transaction;
  const { workspaceId, actor } = who;
  const before = await readChangeSettings(client, workspaceId);
  if (next.mode === 'reviewed') await refuseWithoutPeople(client, workspaceId, next);
  const { mode, types, ...settings } = next;
  await client.query(
    `INSERT INTO change_settings (workspace_id, mode, types, settings, author) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (workspace_id) DO UPDATE SET mode = excluded.mode, types = excluded.types, settings = excluded.settings,
       author = excluded.author, updated_at = clock_timestamp()`,
    [workspaceId, mode, types, JSON.stringify(settings), actor],
  );
  transaction.log({ kind: 'change.settings', actor, changes: changesOf(before, next) });
}

function notRemoved(): Failure {
  return new Failure(
    422,
    'change_settings_invalid',
    'The settings of changes are not removed.',
    'Set what they shall be; mode "direct" switches reviews off.',
  );
}
