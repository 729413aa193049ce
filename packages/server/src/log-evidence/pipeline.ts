/** Streams as they were set at the end of the period, told by the records of what was set. */
import type { Json } from '@hivekey/evidence';
import { endOf, type ReportScope } from '../evidence/index.ts';

export interface PipelineRow {
  readonly sink_id: string;
  readonly name: string;
  readonly kind: string;
  readonly destination: string | null;
  readonly format: string;
  readonly tls: string | null;
  readonly authentication: readonly string[];
  readonly owner: string;
  readonly created_at: string;
  readonly changed_at: string;
  readonly status: string;
  readonly leaves_out: readonly string[];
  readonly objective_seconds: number | null;
  readonly settings: Json;
  readonly event_ids: readonly string[];
}

interface Told {
  event_id: string;
  kind: string;
  ts: Date;
  record: Readonly<Record<string, Json>>;
}

// $1 workspace, $2 end
const RECORDS = `
SELECT event_id, kind, ts, record FROM actions
 WHERE workspace_id = $1 AND ts < $2 AND kind IN ('sink.changed', 'sink.paused', 'sink.resumed') AND record ->> 'sink_id' IS NOT NULL
   AND coalesce(record ->> 'change', '') <> 'tested'
 ORDER BY seq`;

/** Those that were not deleted before the period, by their creation. */
export async function pipelineOf({ client, workspaceId, period, asOf }: ReportScope): Promise<readonly PipelineRow[]> {
  const { rows } = await client.query<Told>(RECORDS, [workspaceId, endOf(period, asOf)]);
  const bySink = Map.groupBy(rows, ({ record }) => String(record.sink_id));
  return [...bySink].flatMap(([id, told]) => rowOf(id, told, period.from) ?? []);
}

/** Members of records that are settings: the record of the creation has all, that of a change both values of what changed. */
function rowOf(id: string, told: readonly Told[], from: string): PipelineRow | undefined {
  const [first] = told;
  const last = told.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const settings = new Map<string, Json>();
  let status = 'active';
  for (const { kind, record, ts } of told) {
    if (kind !== 'sink.changed') status = kind === 'sink.paused' ? 'paused' : 'active';
    else if (record.change === 'deleted') {
      if (ts.toISOString() < from) return undefined;
      status = 'deleted';
    } else if (record.change === 'created') for (const name of SETTINGS) set(settings, name, record[name]);
    else
      for (const [name, both] of Object.entries(objectOf(record.changes)))
        if (Array.isArray(both)) set(settings, name, both[1]);
  }
  const of = objectOf(settings.get('settings'));
  const known = [...told].reverse().find(({ record }) => typeof record.destination === 'string')?.record;
  const destination = textOf(known?.destination);
  return {
    sink_id: id,
    name: textOf(settings.get('name')) ?? textOf(last.record.sink) ?? '',
    kind: textOf(first.record.sink_kind) ?? '',
    destination,
    format: textOf(settings.get('format')) ?? textOf(first.record.format) ?? '',
    tls: tlsOf(destination, of),
    authentication: references(of),
    owner: textOf(first.record.actor) ?? '',
    created_at: first.ts.toISOString(),
    changed_at: last.ts.toISOString(),
    status,
    leaves_out: [...listOf(settings.get('leave_out')), ...listOf(settings.get('omit'))],
    objective_seconds:
      typeof settings.get('objective_seconds') === 'number' ? Number(settings.get('objective_seconds')) : null,
    settings: of,
    event_ids: told.map(({ event_id: event }) => event),
  };
}

const SETTINGS = [
  'name',
  'format',
  'settings',
  'raw',
  'compact',
  'omit',
  'leave_out',
  'required',
  'limits',
  'objective_seconds',
];

function set(settings: Map<string, Json>, name: string, value: Json | undefined): void {
  if (value !== undefined) settings.set(name, value);
}

function tlsOf(destination: string | null, settings: Readonly<Record<string, Json>>): string | null {
  if (destination?.startsWith('https://') === true || typeof settings.tls === 'object') return 'yes';
  if (settings.tls === true || settings.tls === false) return settings.tls ? 'yes' : 'no';
  return destination?.startsWith('http://') === true ? 'no' : null;
}

/** Names of settings that refer to a credential, wherever they stand. */
function references(settings: Readonly<Record<string, Json>>, path = ''): string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    const at = path === '' ? name : `${path}.${name}`;
    if (typeof value === 'string' && /(?:_ref|credential)$/.test(name)) return [at];
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? references(objectOf(value), at) : [];
  });
}

function objectOf(value: Json | undefined): Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}

function listOf(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
