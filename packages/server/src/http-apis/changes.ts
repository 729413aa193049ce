/** Changes of an API and its operations: one transaction each, with its records and what follows for the policy. */
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { type ChangedRow, type DefinitionRow, publishCatalogue, recordDefinition } from '../upstreams/index.ts';
import { capabilitiesOf } from './operations.ts';
import { findApi, readOperations, type StoredApi, writeOperations } from './store.ts';

interface HeldApi {
  readonly api: StoredApi;
  readonly rows: readonly DefinitionRow[];
}

/** Reads and changes through the transaction, adds records about the API, and gives the operations that differ. */
export type Change = (transaction: LoggedTransaction, held: HeldApi) => Promise<readonly ChangedRow[]>;

export interface Changed extends HeldApi {
  readonly operations: readonly ChangedRow[];
}

export function apiNotFound(api: string): Failure {
  return new Failure(
    404,
    'http_api_not_found',
    `There is no HTTP API ${JSON.stringify(api.slice(0, 100))}.`,
    'List them with GET /v1/http/apis.',
  );
}

/** Throws `http_api_not_found` and whatever `change` throws; nothing has changed then. */
export function changeApi(
  log: ActionLog,
  workspaceId: WorkspaceId,
  name: string,
  actor: string,
  change: Change,
): Promise<Changed> {
  return log.transact(workspaceId, (transaction) => changeApiIn(transaction, workspaceId, name, actor, change));
}

/** The same, as part of a transaction. */
export async function changeApiIn(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  name: string,
  actor: string,
  change: Change,
): Promise<Changed> {
  const { client } = transaction;
  const stored = await findApi(client, workspaceId, name, true);
  if (stored === undefined) throw apiNotFound(name);
  const before: HeldApi = { api: stored, rows: await readOperations(client, workspaceId, stored.id) };
  const operations = await change(transaction, before);
  await writeOperations(client, stored, operations);
  for (const each of operations) recordDefinition(transaction, stored, each, 'operation', actor);
  const api = await findApi(client, workspaceId, stored.id);
  // Removed: nothing of it is left.
  const after: HeldApi =
    api === undefined
      ? { api: { ...stored, status: 'disabled' }, rows: [] }
      : { api, rows: await readOperations(client, workspaceId, stored.id) };
  if (summary(before) !== summary(after))
    await publishCatalogue(
      transaction,
      workspaceId,
      capabilitiesOf(before.api, before.rows),
      capabilitiesOf(after.api, after.rows),
      actor,
    );
  return { ...after, operations };
}

export function recordApi(
  transaction: LoggedTransaction,
  { id, namespace }: Pick<StoredApi, 'id' | 'namespace'>,
  actor: string,
  change: string,
  more: Readonly<Record<string, unknown>> = {},
): void {
  transaction.log({ kind: 'server.changed', actor, server: namespace, server_id: id, change, ...more });
}

/** All that calls depend on. Every path counts, also of an operation that is off: it decides what another one matches. */
function summary({ api, rows }: HeldApi): string {
  if (api.status !== 'active') return 'disabled';
  return JSON.stringify([
    api.revision,
    rows.map(({ upstreamName, capability, access, status, pin }) => [upstreamName, capability, access, status, pin]),
  ]);
}
