/** What operators do with MCP servers. Every change is one transaction with its records. */
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import { newId, type ServerId, type WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import type { Secret } from '../secret.ts';
import { Undescribed } from './connections/connection.ts';
import { refuseOfSlack } from './credentials/usage.ts';
import { type Approval, applyChange, readRegistration, type ServerChange, type ServerRegistration } from './input.ts';
import { type ListReader, REFRESH_SECONDS } from './list-reader.ts';
import type { LiveServers } from './live-servers.ts';
import type { DefinitionView, ServerView, UpstreamManagement } from './management.ts';
import { pinOf } from './pins.ts';
import { approve, type ChangedRow, type DefinitionRow, reclassify, switchOff } from './reconcile.ts';
import type { SecretStore } from './secrets.ts';
import { type Change, type Changed, changeServer, serverNotFound } from './server-changes.ts';
import { mapEntries, pinMismatch, preparing, recordServer, rulesOf, sameMap, settingsFields } from './server-facts.ts';
import { parseServerMap, type ServerMap } from './server-map.ts';
import {
  approveText,
  findServer,
  insertServer,
  listServers,
  readDefinitions,
  type StoredServer,
  updateMap,
  updateSettings,
  updateStatus,
} from './servers.ts';
import type { RefreshReport } from './types.ts';
import { definitionView, serverView } from './views.ts';

export interface ManagementParts {
  readonly pool: Pool;
  readonly log: ActionLog;
  readonly secrets: SecretStore;
  readonly live: LiveServers;
  readonly reader: ListReader;
  /** Something that agents can notice has changed. */
  published(workspaceId: WorkspaceId): void;
}

export class ServerManagement implements UpstreamManagement {
  readonly #parts: ManagementParts;

  constructor(parts: ManagementParts) {
    this.#parts = parts;
  }

  async registerServer(workspaceId: WorkspaceId, registration: ServerRegistration, actor: string): Promise<ServerView> {
    const server = readRegistration(registration);
    const id = newId<ServerId>('mcp');
    await this.#parts.log.transact(workspaceId, async (transaction) => {
      await refuseOfSlack(transaction.client, workspaceId, 'other', [server.credentialRef]);
      if (!(await insertServer(transaction, workspaceId, id, server, actor, REFRESH_SECONDS)))
        throw new Failure(
          409,
          'namespace_taken',
          `There is an MCP server or HTTP API ${server.namespace} already.`,
          'Choose another namespace, or change what has this one.',
        );
      recordServer(transaction, { id, namespace: server.namespace }, actor, 'registered', settingsFields(server));
    });
    await this.#readLists(workspaceId, id, actor);
    return this.getServer(workspaceId, id);
  }

  async updateServer(
    workspaceId: WorkspaceId,
    server: string,
    change: ServerChange,
    actor: string,
  ): Promise<ServerView> {
    let reconnect = false;
    const changed = await this.#change(workspaceId, server, actor, async (transaction, { server: stored, rows }) => {
      const settings = applyChange(stored.settings, change);
      if (pinOf({ ...settingsFields(stored.settings) }) === pinOf({ ...settingsFields(settings) })) return [];
      await refuseOfSlack(transaction.client, workspaceId, 'other', [settings.credentialRef]);
      reconnect = true;
      await updateSettings(transaction.client, stored, settings);
      recordServer(transaction, stored, actor, 'updated', settingsFields(settings));
      return reclassify(rows, preparing(settings), rulesOf(stored), rulesOf({ ...stored, settings }));
    });
    if (reconnect && changed.server.status === 'active') await this.#readLists(workspaceId, changed.server.id, actor);
    return this.getServer(workspaceId, changed.server.id);
  }

  async disableServer(workspaceId: WorkspaceId, server: string, actor: string): Promise<ServerView> {
    const changed = await this.#setStatus(workspaceId, server, 'disabled', actor);
    this.#parts.live.drop(changed.server.id);
    return serverView(changed.server, changed.rows);
  }

  async enableServer(workspaceId: WorkspaceId, server: string, actor: string): Promise<ServerView> {
    const changed = await this.#setStatus(workspaceId, server, 'active', actor);
    await this.#readLists(workspaceId, changed.server.id, actor);
    return this.getServer(workspaceId, changed.server.id);
  }

  #setStatus(
    workspaceId: WorkspaceId,
    server: string,
    status: StoredServer['status'],
    actor: string,
  ): Promise<Changed> {
    return this.#change(workspaceId, server, actor, async (transaction, { server: stored }) => {
      if (stored.status === status) return [];
      await updateStatus(transaction.client, stored, status);
      recordServer(transaction, stored, actor, status === 'active' ? 'enabled' : 'disabled');
      return [];
    });
  }

  async applyServerMap(
    workspaceId: WorkspaceId,
    server: string,
    document: unknown,
    actor: string,
  ): Promise<ServerView> {
    const changed = await this.#change(workspaceId, server, actor, async (transaction, { server: stored, rows }) => {
      const map = parseServerMap(document, stored.namespace);
      const same = sameMap(map.tools, stored.renameMap) && map.default_access === stored.settings.defaultAccess;
      if (same) return [];
      await updateMap(transaction.client, stored, map.tools, map.default_access);
      recordServer(transaction, stored, actor, 'map_applied', {
        default_access: map.default_access,
        tools: Object.keys(map.tools).length,
        map: pinOf({ default_access: map.default_access, tools: Object.fromEntries(mapEntries(map.tools)) }),
      });
      const next = { ...rulesOf(stored), renameMap: map.tools, defaultAccess: map.default_access };
      return reclassify(rows, preparing(stored.settings), rulesOf(stored), next);
    });
    return serverView(changed.server, changed.rows);
  }

  async getServerMap(workspaceId: WorkspaceId, server: string): Promise<ServerMap> {
    const { namespace, settings, renameMap } = await this.#find(workspaceId, server);
    return { namespace, default_access: settings.defaultAccess, tools: renameMap };
  }

  async listServers(workspaceId: WorkspaceId): Promise<readonly ServerView[]> {
    const { pool } = this.#parts;
    const definitions = await readDefinitions(pool, workspaceId);
    const servers = await listServers(pool, workspaceId);
    return servers.map((server) =>
      serverView(
        server,
        definitions.filter(({ serverId }) => serverId === server.id),
      ),
    );
  }

  async getServer(workspaceId: WorkspaceId, server: string): Promise<ServerView> {
    const stored = await this.#find(workspaceId, server);
    return serverView(stored, await readDefinitions(this.#parts.pool, workspaceId, stored.id));
  }

  async refreshServer(workspaceId: WorkspaceId, server: string): Promise<RefreshReport> {
    const { id, namespace } = await this.#find(workspaceId, server);
    try {
      return await this.#parts.reader.read(workspaceId, id, 'system');
    } catch (error) {
      if (!(error instanceof Undescribed)) throw error;
      throw new Failure(
        502,
        'server_unreachable',
        `The lists of the MCP server ${namespace} could not be read: ${error.message}.`,
        'See that it runs, that its address is allowed and that its credential is valid; then refresh again.',
      );
    }
  }

  async tryCredential(workspaceId: WorkspaceId, server: string, credential: Secret): Promise<void> {
    await this.#parts.live.tryOut(await this.#find(workspaceId, server), credential);
  }

  async listDefinitions(workspaceId: WorkspaceId, server: string): Promise<readonly DefinitionView[]> {
    const { id, namespace } = await this.#find(workspaceId, server);
    const rows = await readDefinitions(this.#parts.pool, workspaceId, id);
    return rows.map((row) => definitionView(namespace, row));
  }

  approveDefinition(
    workspaceId: WorkspaceId,
    server: string,
    capability: string,
    approval: Approval,
    actor: string,
  ): Promise<DefinitionView> {
    return this.#changeDefinition(workspaceId, server, capability, actor, (row) => {
      if (row.pin !== approval.pin) throw pinMismatch(capability, row.pin);
      const problem = row.status === 'gone' ? 'its server does not offer it any more' : row.problem;
      if (problem === null) return approve(row, approval.access);
      throw new Failure(
        409,
        'definition_unusable',
        `${capability} cannot be published: ${problem}.`,
        'A name can be changed with the server map; anything else has to change at the server.',
      );
    });
  }

  switchOffDefinition(
    workspaceId: WorkspaceId,
    server: string,
    capability: string,
    actor: string,
  ): Promise<DefinitionView> {
    return this.#changeDefinition(workspaceId, server, capability, actor, switchOff);
  }

  async #changeDefinition(
    workspaceId: WorkspaceId,
    server: string,
    capability: string,
    actor: string,
    change: (row: DefinitionRow) => ChangedRow,
  ): Promise<DefinitionView> {
    const changed = await this.#change(workspaceId, server, actor, async (_transaction, { server: stored, rows }) => {
      const row = rows.find((each) => each.capability === capability);
      if (row !== undefined) return [change(row)];
      throw new Failure(
        404,
        'definition_not_found',
        `The MCP server ${stored.namespace} has no ${JSON.stringify(capability.slice(0, 200))}.`,
        `List its definitions with GET /v1/mcp/servers/${stored.namespace}/definitions.`,
      );
    });
    const [definition] = changed.definitions;
    if (definition === undefined) throw new Error('a change of a definition changed none');
    return definitionView(changed.server.namespace, definition.row);
  }

  async approveInstructions(workspaceId: WorkspaceId, server: string, pin: string, actor: string): Promise<ServerView> {
    const changed = await this.#change(workspaceId, server, actor, async (transaction, { server: stored }) => {
      const text = stored.description?.instructions;
      if (text === undefined)
        throw new Failure(
          409,
          'instructions_missing',
          `The MCP server ${stored.namespace} has no instructions.`,
          'There is nothing to approve.',
        );
      if (pinOf(text) !== pin) throw pinMismatch(`The instructions of ${stored.namespace}`, pinOf(text));
      await approveText(transaction.client, stored, text);
      recordServer(transaction, stored, actor, 'instructions_approved', { pin });
      return [];
    });
    return serverView(changed.server, changed.rows);
  }

  async #change(workspaceId: WorkspaceId, server: string, actor: string, change: Change): Promise<Changed> {
    const changed = await changeServer(this.#parts.log, workspaceId, server, actor, change);
    if (changed.published) this.#parts.published(workspaceId);
    return changed;
  }

  async #find(workspaceId: WorkspaceId, server: string): Promise<StoredServer> {
    const stored = await findServer(this.#parts.pool, workspaceId, server);
    if (stored === undefined) throw serverNotFound(server);
    return stored;
  }

  /** Why they could not be read stands with the server. */
  async #readLists(workspaceId: WorkspaceId, id: ServerId, actor: string): Promise<void> {
    await this.#parts.reader.read(workspaceId, id, actor).catch((error: unknown) => {
      if (!(error instanceof Undescribed)) throw error;
    });
  }
}
