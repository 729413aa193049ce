/** The rows of sinks: what is sent where, in which form. */
import { FORMATS, type Format } from '@hivekey/siem';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { WorkspaceId } from '../ids.ts';
import { LEFT_OUT_NAMES, type LeftOutName } from './filter.ts';
import { SINK_KINDS, SINK_TYPES, type SinkKind } from './registry.ts';
import type { BatchLimits } from './transport.ts';

export interface SinkSettings {
  readonly name: string;
  readonly kind: SinkKind;
  readonly format: Format;
  /** Of its kind, as it was parsed. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly raw: boolean;
  readonly compact: boolean;
  readonly omit: readonly string[];
  readonly leaveOut: readonly LeftOutName[];
  readonly required: boolean;
  readonly limits: Partial<BatchLimits>;
  readonly objectiveSeconds: number;
}

export interface Sink extends SinkSettings {
  readonly workspaceId: WorkspaceId;
  readonly id: string;
  readonly status: 'active' | 'paused' | 'deleted';
  readonly statusReason: string | null;
  /** Rules of alerts that stand. */
  readonly alerted: readonly string[];
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly updatedAt: Date;
  readonly updatedBy: string;
}

export const limitsSchema = z.strictObject({
  events: z.int().min(1).optional(),
  bytes: z.int().min(1_024).optional(),
  age_ms: z.int().min(0).max(600_000).optional(),
  window: z.int().min(1).max(64).optional(),
});

interface Row {
  workspaceId: WorkspaceId;
  id: string;
  name: string;
  kind: string;
  format: string;
  settings: Record<string, unknown>;
  raw: boolean;
  compact: boolean;
  omit: string[];
  leaveOut: string[];
  required: boolean;
  limits: unknown;
  objectiveSeconds: number;
  status: Sink['status'];
  statusReason: string | null;
  alerted: string[];
  createdAt: Date;
  createdBy: string;
  updatedAt: Date;
  updatedBy: string;
}

const COLUMNS = `workspace_id AS "workspaceId", id, name, kind, format, settings, raw, compact, omit, leave_out AS "leaveOut",
  required, limits, objective_seconds AS "objectiveSeconds", status, status_reason AS "statusReason", alerted,
  created_at AS "createdAt", created_by AS "createdBy", updated_at AS "updatedAt", updated_by AS "updatedBy"`;

const kindSchema = z.enum(SINK_KINDS);
const formatSchema = z.enum(FORMATS);
const leaveOutSchema = z.array(z.enum(LEFT_OUT_NAMES));

function sinkOf(row: Row): Sink {
  const { age_ms: ageMs, events, bytes, window } = limitsSchema.parse(row.limits);
  return {
    ...row,
    kind: kindSchema.parse(row.kind),
    format: formatSchema.parse(row.format),
    leaveOut: leaveOutSchema.parse(row.leaveOut),
    limits: {
      ...(events === undefined ? {} : { events }),
      ...(bytes === undefined ? {} : { bytes }),
      ...(ageMs === undefined ? {} : { ageMs }),
      ...(window === undefined ? {} : { window }),
    },
  };
}

/** Those of the kind, with what the sink sets. */
export function limitsOf({ kind, limits, settings }: Pick<Sink, 'kind' | 'limits' | 'settings'>): BatchLimits {
  const type = SINK_TYPES[kind];
  return { ...type.limits, ...limits, eventBytes: type.eventBytes(settings) };
}

function valuesOf(sink: SinkSettings): readonly unknown[] {
  const { events, bytes, ageMs, window } = sink.limits;
  return [
    sink.name,
    sink.kind,
    sink.format,
    JSON.stringify(sink.settings),
    sink.raw,
    sink.compact,
    sink.omit,
    sink.leaveOut,
    sink.required,
    JSON.stringify({ events, bytes, age_ms: ageMs, window }),
    sink.objectiveSeconds,
  ];
}

interface Change {
  readonly actor: string;
  readonly now: Date;
}

export async function insertSink(
  client: ClientBase,
  workspaceId: WorkspaceId,
  id: string,
  sink: SinkSettings,
  { actor, now }: Change,
): Promise<Sink> {
  const { rows } = await client.query<Row>(
    `INSERT INTO sinks (workspace_id, id, name, kind, format, settings, raw, compact, omit, leave_out, required, limits,
                        objective_seconds, created_at, created_by, updated_at, updated_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $14, $15) RETURNING ${COLUMNS}`,
    [workspaceId, id, ...valuesOf(sink), now, actor],
  );
  return theOne(rows);
}

export async function updateSink(client: ClientBase, before: Sink, sink: SinkSettings, change: Change): Promise<Sink> {
  const { rows } = await client.query<Row>(
    `UPDATE sinks SET name = $3, kind = $4, format = $5, settings = $6, raw = $7, compact = $8, omit = $9, leave_out = $10,
                      required = $11, limits = $12, objective_seconds = $13, updated_at = $14, updated_by = $15
      WHERE workspace_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [before.workspaceId, before.id, ...valuesOf(sink), change.now, change.actor],
  );
  return theOne(rows);
}

export async function setSinkStatus(
  client: ClientBase,
  { workspaceId, id }: Sink,
  status: Sink['status'],
  reason: string | null,
  { actor, now }: Change,
): Promise<Sink> {
  const { rows } = await client.query<Row>(
    `UPDATE sinks SET status = $3, status_reason = $4, updated_at = $5, updated_by = $6
      WHERE workspace_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [workspaceId, id, status, reason, now, actor],
  );
  return theOne(rows);
}

/** By name; the deleted ones behind. */
export async function listSinks(client: Pool | ClientBase, workspaceId?: WorkspaceId): Promise<readonly Sink[]> {
  const where = workspaceId === undefined ? '' : 'WHERE workspace_id = $1';
  const { rows } = await client.query<Row>(
    `SELECT ${COLUMNS} FROM sinks ${where} ORDER BY workspace_id, status = 'deleted', name, id`,
    workspaceId === undefined ? [] : [workspaceId],
  );
  return rows.map(sinkOf);
}

/** By id, or by name while it is not deleted. */
export async function findSink(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  idOrName: string,
): Promise<Sink | undefined> {
  const { rows } = await client.query<Row>(
    `SELECT ${COLUMNS} FROM sinks WHERE workspace_id = $1 AND (id = $2 OR (name = $2 AND status <> 'deleted')) ORDER BY id = $2 DESC LIMIT 1`,
    [workspaceId, idOrName],
  );
  return rows[0] === undefined ? undefined : sinkOf(rows[0]);
}

export async function keepAlerted(
  client: ClientBase,
  { workspaceId, id, alerted }: Sink,
  next: readonly string[],
): Promise<boolean> {
  const { rowCount } = await client.query(
    'UPDATE sinks SET alerted = $4 WHERE workspace_id = $1 AND id = $2 AND alerted = $3',
    [workspaceId, id, alerted, next],
  );
  return rowCount === 1;
}

/** Name and environment of the workspace, as they stand on records. */
export async function workspaceOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<{ readonly workspace: string; readonly env: string }> {
  const { rows } = await client.query<{ workspace: string; env: string }>(
    'SELECT name AS workspace, environment AS env FROM workspaces WHERE id = $1',
    [workspaceId],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`there is no workspace ${workspaceId}`);
  return row;
}

function theOne(rows: readonly Row[]): Sink {
  const [row] = rows;
  if (row === undefined) throw new Error('a row of sinks was written and is not there');
  return sinkOf(row);
}
