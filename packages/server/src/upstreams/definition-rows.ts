/** Definitions as rows of a table and as records of the log: what MCP servers and REST APIs keep in the same way. */
import type { JsonObject } from '@hivekey/policy';
import type { LoggedTransaction } from '../log/index.ts';
import type { DefinitionStatus } from './management.ts';
import type { Access, ChangedRow, DefinitionRow } from './reconcile.ts';
import type { DefinitionKind } from './types.ts';

/** Columns that every table of definitions has, in the order of `definitionColumns`. */
export const DEFINITION_COLUMNS =
  'capability, access, definition, pin, approved_definition, approved_pin, status, problem, switched_off';

export interface DefinitionRecord {
  upstream_name: string;
  capability: string;
  access: Access;
  definition: JsonObject;
  pin: string;
  approved_definition: JsonObject | null;
  approved_pin: string | null;
  status: DefinitionStatus;
  problem: string | null;
  switched_off: boolean;
}

export function definitionOf(row: DefinitionRecord, kind: DefinitionKind): DefinitionRow {
  return {
    kind,
    upstreamName: row.upstream_name,
    capability: row.capability,
    access: row.access,
    definition: row.definition,
    pin: row.pin,
    approvedDefinition: row.approved_definition,
    approvedPin: row.approved_pin,
    status: row.status,
    problem: row.problem,
    switchedOff: row.switched_off,
  };
}

/** One array for each of DEFINITION_COLUMNS: text, text, json, text, json, text, text, text, boolean. */
export function definitionColumns(changes: readonly ChangedRow[]): readonly (readonly unknown[])[] {
  const column = (of: (row: DefinitionRow) => unknown) => changes.map(({ row }) => of(row));
  return [
    column(({ capability }) => capability),
    column(({ access }) => access),
    column(({ definition }) => JSON.stringify(definition)),
    column(({ pin }) => pin),
    column(({ approvedDefinition }) => (approvedDefinition === null ? null : JSON.stringify(approvedDefinition))),
    column(({ approvedPin }) => approvedPin),
    column(({ status }) => status),
    column(({ problem }) => problem),
    column(({ switchedOff }) => switchedOff),
  ];
}

/** `source`: whose definition it is; `definition`: what it is called in the record. */
export function recordDefinition(
  transaction: LoggedTransaction,
  source: { readonly id: string; readonly namespace: string },
  { change, before, row }: ChangedRow,
  definition: DefinitionKind | 'operation',
  actor: string,
): void {
  transaction.log({
    kind: 'tool.changed',
    actor,
    server: source.namespace,
    server_id: source.id,
    change,
    definition,
    capability: row.capability,
    ...(before !== undefined && before.capability !== row.capability ? { prev_capability: before.capability } : {}),
    upstream_name: row.upstreamName,
    access: row.access,
    status: row.status,
    ...(before === undefined ? {} : { prev_status: before.status }),
    pin: row.pin,
    ...(before === undefined || before.pin === row.pin ? {} : { prev_pin: before.pin }),
    ...(row.approvedPin === null ? {} : { approved_pin: row.approvedPin }),
    ...(row.problem === null ? {} : { problem: row.problem }),
  });
}
