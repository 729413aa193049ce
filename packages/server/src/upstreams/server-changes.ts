/** Changes of a server and its definitions: one transaction each, with its records and what follows for the policy. */

import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { upstreamServerOf } from './catalogue.ts';
import { recordDefinition } from './definition-rows.ts';
import { capabilitiesOf, publishCatalogue } from './published.ts';
import { type ChangedRow, type DefinitionRow, keyOf } from './reconcile.ts';
import { findServer, lockServer, readDefinitions, type StoredServer, writeDefinitions } from './servers.ts';

export interface HeldServer {
  readonly server: StoredServer;
  readonly rows: readonly DefinitionRow[];
}

/** Reads and changes through the transaction, adds records about the server, and gives the definitions that differ. */
export type Change = (transaction: LoggedTransaction, held: HeldServer) => Promise<readonly ChangedRow[]>;

export interface Changed extends HeldServer {
  readonly definitions: readonly ChangedRow[];
  /** Agents can notice it. */
  readonly published: boolean;
}

export function serverNotFound(server: string): Failure {
  return new Failure(
    404,
    'server_not_found',
    `There is no MCP server ${JSON.stringify(server.slice(0, 100))}.`,
    'List servers with GET /v1/mcp/servers.',
  );
}

/** Throws `server_not_found` and whatever `change` throws; nothing has changed then. */
export function changeServer(
  log: ActionLog,
  workspaceId: WorkspaceId,
  server: string,
  actor: string,
  change: Change,
): Promise<Changed> {
  return log.transact(workspaceId, (transaction) => changeServerIn(transaction, workspaceId, server, actor, change));
}

/** The same, as part of a transaction. */
export async function changeServerIn(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  server: string,
  actor: string,
  change: Change,
): Promise<Changed> {
  const { client } = transaction;
  const stored = await lockServer(client, workspaceId, server);
  if (stored === undefined) throw serverNotFound(server);
  const before: HeldServer = { server: stored, rows: await readDefinitions(client, workspaceId, stored.id) };
  const definitions = await change(transaction, before);
  await writeDefinitions(client, stored, definitions);
  for (const each of definitions) recordDefinition(transaction, stored, each, each.row.kind, actor);
  const after: HeldServer = {
    server: (await findServer(client, workspaceId, stored.id)) ?? stored,
    rows: withChanges(before.rows, definitions),
  };
  const published = summary(before) !== summary(after);
  if (published) {
    const [had, has] = [before, after].map(({ server, rows }) => capabilitiesOf(server, rows));
    await publishCatalogue(transaction, workspaceId, had ?? new Map(), has ?? new Map(), actor);
  }
  return { ...after, definitions, published };
}

function withChanges(rows: readonly DefinitionRow[], changes: readonly ChangedRow[]): readonly DefinitionRow[] {
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  for (const { row } of changes) byKey.set(keyOf(row), row);
  return [...byKey.values()].sort((a, b) => (a.capability < b.capability ? -1 : 1));
}

/** All that calls and lists depend on, and nothing else: a server may rewrite what is hidden as often as it likes. */
function summary({ server, rows }: HeldServer): string {
  if (server.status !== 'active') return 'disabled';
  return JSON.stringify([
    server.revision,
    upstreamServerOf(server),
    rows.flatMap(({ status, kind, upstreamName, capability, access, pin }) => {
      if (status === 'live') return [[kind, upstreamName, capability, access, pin]];
      return kind === 'resource' && status !== 'gone' ? [[upstreamName]] : [];
    }),
  ]);
}
