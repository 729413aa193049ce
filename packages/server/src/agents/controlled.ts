/** Which roles an agent wears, and how agents are let in, under change control. */
import { z } from 'zod';
import { type ControlledType, documentOf, shaped } from '../versions/index.ts';
import { changeAgentIn } from './change.ts';
import {
  agentSettingsChangeSchema,
  changeAgentSettingsIn,
  DEFAULT_AGENT_SETTINGS,
  readAgentSettings,
} from './settings.ts';

const assignmentSchema = z.strictObject({
  roles: z
    .array(z.string().min(1).max(128))
    .max(32)
    .refine((roles) => new Set(roles).size === roles.length, { error: 'names a role twice' }),
});

/** Of rehearsals there is nothing to control. */
const ASSIGNMENTS = `
SELECT a.id, ARRAY(SELECT r.role FROM agent_roles r WHERE r.workspace_id = a.workspace_id AND r.agent_id = a.id ORDER BY r.position) AS roles
  FROM agents a WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL`;

export const assignmentType: ControlledType = {
  type: 'assignment',
  isPolicy: false,
  parse: (_id, document) => documentOf(assignmentOf(document)),
  async list(client, workspaceId) {
    const { rows } = await client.query<{ id: string; roles: string[] }>(ASSIGNMENTS, [workspaceId]);
    return new Map(rows.map(({ id, roles }) => [id, { roles }]));
  },
  async read(client, workspaceId, id) {
    const { rows } = await client.query<{ roles: string[] }>(`${ASSIGNMENTS} AND a.id = $2`, [workspaceId, id]);
    return rows[0] && { roles: rows[0].roles };
  },
  async apply(transaction, who, id, document) {
    await changeAgentIn(transaction, who, id, document === null ? { roles: [] } : assignmentOf(document));
  },
};

function assignmentOf(document: unknown): z.output<typeof assignmentSchema> {
  return shaped(assignmentSchema, document, 'assignment_invalid', 'The list of roles');
}

const settingsSchema = agentSettingsChangeSchema.required();

export const agentSettingsType: ControlledType = {
  type: 'agent_settings',
  isPolicy: false,
  parse: (_id, document) => documentOf(settingsOf(document)),
  async list(client, workspaceId) {
    const settings = valuesOf(await readAgentSettings(client, workspaceId));
    return new Map(settings === undefined ? [] : [['*', settings]]);
  },
  async read(client, workspaceId) {
    return valuesOf(await readAgentSettings(client, workspaceId));
  },
  async apply(transaction, who, _id, document) {
    await changeAgentSettingsIn(transaction, who, settingsOf(document ?? valuesIn(DEFAULT_AGENT_SETTINGS)));
  },
};

function settingsOf(document: unknown): z.output<typeof settingsSchema> {
  return shaped(settingsSchema, document, 'settings_invalid', 'The document');
}

type Stored = Awaited<ReturnType<typeof readAgentSettings>>;

/** Undefined: nobody ever set them. */
function valuesOf(settings: Stored) {
  return settings.author === null ? undefined : documentOf(valuesIn(settings));
}

function valuesIn({ object: _, author: __, updated_at: ___, ...values }: Stored) {
  return values;
}
