/** REST APIs behind the gateway: what operators do with them, what agents may call, and the connections to them. */
import type { JsonValue } from '@hivekey/policy';
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import { type ApiId, newId, type WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import type { Secret } from '../secret.ts';
import {
  type AddressRules,
  type AllowList,
  AtVersion,
  Authorizer,
  type ChangedRow,
  type DefinitionRow,
  parseAllowList,
  pinOf,
  type ResolveName,
  recordCredentialOutcome,
  refuseOfSlack,
  type SecretStore,
  switchOff,
} from '../upstreams/index.ts';
import { type Api, type ApiCatalogue, buildCatalogue } from './catalogue.ts';
import { apiNotFound, type Change, type Changed, changeApi, recordApi } from './changes.ts';
import { type AnswerSink, ApiConnection, type ApiEnd, type ApiRequest } from './connection.ts';
import { type ReadDocument, readDocument } from './document.ts';
import {
  type ApiChange,
  type ApiRegistration,
  type ApiSettings,
  applyChange,
  readRegistration,
  settingsFields,
} from './input.ts';
import { approved, imported, prepareAll, reclassed } from './operations.ts';
import { jsonOf } from './prepared.ts';
import {
  deleteApi,
  findApi,
  insertApi,
  listApis,
  readOperations,
  type StoredApi,
  updateDocument,
  updateSettings,
  updateStatus,
} from './store.ts';
import { type ApiView, apiView, type ImportView, type OperationView, operationView } from './views.ts';

/**
 * Every change is one transaction with its records. `api` is an id or a namespace; `actor` is who does it, as it
 * stands in the log. Refusals are `Failure`s.
 */
export interface HttpApis {
  /** The current catalogue of a workspace; cached, cheap. Rejects when it cannot be read. */
  catalogue(workspaceId: WorkspaceId): Promise<ApiCatalogue>;
  /** One request, already decided and recorded. Never rejects. */
  send(api: Api, request: ApiRequest, sink: AnswerSink): Promise<ApiEnd>;
  /** The next use of the catalogue compares its version. Without a workspace, of all of them. */
  recheck(workspaceId?: WorkspaceId): void;
  /** Another node changed what is offered: calls to an API that was taken out of use break. */
  heard(workspaceId: WorkspaceId): Promise<void>;

  register(workspaceId: WorkspaceId, registration: ApiRegistration, actor: string): Promise<ApiView>;
  /** What is absent is unchanged. */
  update(workspaceId: WorkspaceId, api: string, change: ApiChange, actor: string): Promise<ApiView>;
  setStatus(workspaceId: WorkspaceId, api: string, status: StoredApi['status'], actor: string): Promise<ApiView>;
  /** With its operations and what they could be granted as. */
  remove(workspaceId: WorkspaceId, api: string, actor: string): Promise<ApiView>;
  /** Reads the document in place of the one before: what differs from what was approved is suspended. */
  importDocument(workspaceId: WorkspaceId, api: string, document: unknown, actor: string): Promise<ImportView>;
  /**
   * Obtains a token with the credential, where the API is used with one; nothing else says whether an API takes a
   * credential without calling it. Throws `http_api_not_found`; rejects with CredentialUnavailable.
   */
  tryCredential(workspaceId: WorkspaceId, api: string, credential: Secret): Promise<'ok' | 'not_tried'>;
  /** By namespace. */
  list(workspaceId: WorkspaceId): Promise<readonly ApiView[]>;
  get(workspaceId: WorkspaceId, api: string): Promise<ApiView>;
  /** By capability. */
  listOperations(workspaceId: WorkspaceId, api: string): Promise<readonly OperationView[]>;
  /** Throws `pin_mismatch` unless the pin is that of the operation as it was last read. */
  approve(
    workspaceId: WorkspaceId,
    api: string,
    capability: string,
    approval: { readonly pin: string; readonly access?: 'read' | 'write' | undefined },
    actor: string,
  ): Promise<OperationView>;
  switchOff(workspaceId: WorkspaceId, api: string, capability: string, actor: string): Promise<OperationView>;
  close(): Promise<void>;
}

export interface HttpApisOptions {
  readonly pool: Pool;
  readonly log: ActionLog;
  readonly secrets: SecretStore;
  readonly config: { readonly upstream_allow: readonly string[] };
  /** The gateway's own version, as APIs see it. */
  readonly version: string;
  /** How names become addresses; the system's way when absent. */
  readonly resolve?: ResolveName;
  readonly logger?: { warn(details: object, message: string): void };
}

/** Throws `config_invalid`. */
export function createHttpApis(options: HttpApisOptions): HttpApis {
  return new Registry(options);
}

interface Connected {
  readonly workspaceId: WorkspaceId;
  readonly revision: number;
  readonly connection: ApiConnection;
}

class Registry implements HttpApis {
  readonly #options: HttpApisOptions;
  readonly #allow: AllowList;
  readonly #catalogues: AtVersion<ApiCatalogue>;
  readonly #connected = new Map<ApiId, Connected>();
  readonly #unsubscribe: () => void;
  #isClosed = false;

  constructor(options: HttpApisOptions) {
    this.#options = options;
    this.#allow = parseAllowList(options.config.upstream_allow);
    this.#unsubscribe = options.secrets.onForget((workspaceId) => {
      for (const connected of this.#connected.values())
        if (connected.workspaceId === workspaceId) connected.connection.forgetTokens();
    });
    this.#catalogues = new AtVersion(options.pool, async (client, workspaceId, version) =>
      buildCatalogue(version, await listApis(client, workspaceId), await readOperations(client, workspaceId)),
    );
  }

  catalogue(workspaceId: WorkspaceId): Promise<ApiCatalogue> {
    return this.#catalogues.current(workspaceId);
  }

  recheck(workspaceId?: WorkspaceId): void {
    this.#catalogues.recheck(workspaceId);
  }

  async heard(workspaceId: WorkspaceId): Promise<void> {
    this.recheck(workspaceId);
    const mine = [...this.#connected].filter(([, connected]) => connected.workspaceId === workspaceId);
    if (mine.length === 0) return;
    const apis = await listApis(this.#options.pool, workspaceId);
    const active = new Set(apis.filter(({ status }) => status === 'active').map(({ id }) => id));
    for (const [id] of mine) if (!active.has(id)) this.#disconnect(id);
  }

  async send({ stored }: Api, request: ApiRequest, sink: AnswerSink): Promise<ApiEnd> {
    const connection = this.#isClosed ? undefined : this.#connectionOf(stored);
    if (connection === undefined) return { kind: 'failed', code: 'upstream_unreachable', began: false, bytesIn: 0 };
    return connection.send(request, sink);
  }

  /** Undefined for a call out of an older catalogue: it was decided to go elsewhere, and that is no more. */
  #connectionOf(stored: StoredApi): ApiConnection | undefined {
    const { id, revision } = stored;
    const known = this.#connected.get(id);
    if (known?.revision === revision) return known.connection;
    if (known !== undefined && known.revision > revision) return undefined;
    const connection = this.#connect(stored);
    this.#connected.set(id, { workspaceId: stored.workspaceId, revision, connection });
    if (known !== undefined) void known.connection.retire().catch(() => undefined);
    return connection;
  }

  #connect(stored: StoredApi): ApiConnection {
    const { secrets, version } = this.#options;
    const { workspaceId, settings } = stored;
    const { credentialRef } = settings;
    const rules = this.#rulesOf(settings);
    return new ApiConnection({
      settings,
      rules,
      userAgent: `hivekey/${version}`,
      authorizer: new Authorizer({
        injection: settings.injection,
        rules,
        credential: () =>
          credentialRef === undefined ? Promise.resolve(undefined) : secrets.resolve(workspaceId, credentialRef),
        onOutcome: (problem) => this.#credentialOutcome(stored, problem),
      }),
    });
  }

  #rulesOf({ allowPrivate }: ApiSettings): AddressRules {
    const { resolve } = this.#options;
    return { allow: this.#allow, allowPrivate, ...(resolve === undefined ? {} : { resolve }) };
  }

  #credentialOutcome(stored: StoredApi, problem: string | undefined): void {
    const { log, logger } = this.#options;
    recordCredentialOutcome(log, 'http_apis', stored, problem).catch((error: unknown) =>
      logger?.warn({ err: error }, 'what became of a credential could not be recorded'),
    );
  }

  async tryCredential(workspaceId: WorkspaceId, api: string, credential: Secret): Promise<'ok' | 'not_tried'> {
    const { settings } = await this.#find(workspaceId, api);
    const { injection } = settings;
    if (injection === undefined || !('oauth' in injection)) return 'not_tried';
    const authorizer = new Authorizer({
      injection,
      rules: this.#rulesOf(settings),
      credential: () => Promise.resolve(credential),
    });
    try {
      await authorizer.authorize();
      return 'ok';
    } finally {
      await authorizer.close();
    }
  }

  async register(workspaceId: WorkspaceId, registration: ApiRegistration, actor: string): Promise<ApiView> {
    const { namespace, ...settings } = readRegistration(registration);
    const document = registration.document === undefined ? undefined : readDocument(registration.document);
    const id = newId<ApiId>('api');
    await this.#options.log.transact(workspaceId, async (transaction) => {
      await refuseOfSlack(transaction.client, workspaceId, 'other', [settings.credentialRef]);
      if (!(await insertApi(transaction, workspaceId, id, namespace, settings, actor)))
        throw new Failure(
          409,
          'namespace_taken',
          `There is an MCP server or HTTP API ${namespace} already.`,
          'Choose another namespace, or change what has this one.',
        );
      recordApi(transaction, { id, namespace }, actor, 'registered', settingsFields(settings));
    });
    if (document !== undefined) await this.#import(workspaceId, id, document, actor);
    return this.get(workspaceId, id);
  }

  async update(workspaceId: WorkspaceId, api: string, change: ApiChange, actor: string): Promise<ApiView> {
    const changed = await this.#change(workspaceId, api, actor, async (transaction, { api: stored, rows }) => {
      const settings = applyChange(stored.settings, change);
      const fields = settingsFields(settings);
      if (pinOf(settingsFields(stored.settings)) === pinOf(fields)) return [];
      await refuseOfSlack(transaction.client, workspaceId, 'other', [settings.credentialRef]);
      await updateSettings(transaction.client, stored, settings);
      recordApi(transaction, stored, actor, 'updated', fields);
      return reclassed(stored, rows, settings);
    });
    return apiView(changed.api, changed.rows);
  }

  async setStatus(workspaceId: WorkspaceId, api: string, status: StoredApi['status'], actor: string): Promise<ApiView> {
    const changed = await this.#change(workspaceId, api, actor, async (transaction, { api: stored }) => {
      if (stored.status === status) return [];
      await updateStatus(transaction.client, stored, status);
      recordApi(transaction, stored, actor, status === 'active' ? 'enabled' : 'disabled');
      return [];
    });
    if (status === 'disabled') this.#disconnect(changed.api.id);
    return apiView(changed.api, changed.rows);
  }

  async remove(workspaceId: WorkspaceId, api: string, actor: string): Promise<ApiView> {
    const changed = await this.#change(workspaceId, api, actor, async (transaction, { api: stored }) => {
      await deleteApi(transaction.client, stored);
      recordApi(transaction, stored, actor, 'removed');
      return [];
    });
    this.#disconnect(changed.api.id);
    return apiView(changed.api, changed.rows);
  }

  /** What is in flight breaks. */
  #disconnect(id: ApiId): void {
    const known = this.#connected.get(id);
    this.#connected.delete(id);
    void known?.connection.close().catch(() => undefined);
  }

  importDocument(workspaceId: WorkspaceId, api: string, document: unknown, actor: string): Promise<ImportView> {
    return this.#import(workspaceId, api, readDocument(document), actor);
  }

  async #import(workspaceId: WorkspaceId, api: string, document: ReadDocument, actor: string): Promise<ImportView> {
    const found = await prepareAll(document.operations);
    const { operations } = await this.#change(workspaceId, api, actor, async (transaction, { api: stored, rows }) => {
      const changes = imported(stored, rows, found);
      const pin = pinOf(documentFields(document));
      if (stored.document?.pin === pin) return changes;
      await updateDocument(transaction.client, stored, pin, document, transaction.now);
      recordApi(transaction, stored, actor, 'imported', {
        document: pin,
        openapi: document.openapi,
        definitions: document.operations.length,
      });
      return changes;
    });
    const named = (...kinds: readonly ChangedRow['change'][]): string[] =>
      operations.filter(({ change }) => kinds.includes(change)).map(({ row }) => row.capability);
    return {
      object: 'http_import',
      operations: document.operations.length,
      added: named('discovered', 'new', 'returned'),
      changed: named('changed', 'reclassified'),
      gone: named('gone'),
    };
  }

  async list(workspaceId: WorkspaceId): Promise<readonly ApiView[]> {
    const operations = await readOperations(this.#options.pool, workspaceId);
    const apis = await listApis(this.#options.pool, workspaceId);
    return apis.map((api) =>
      apiView(
        api,
        operations.filter(({ apiId }) => apiId === api.id),
      ),
    );
  }

  async get(workspaceId: WorkspaceId, api: string): Promise<ApiView> {
    const stored = await this.#find(workspaceId, api);
    return apiView(stored, await readOperations(this.#options.pool, workspaceId, stored.id));
  }

  async listOperations(workspaceId: WorkspaceId, api: string): Promise<readonly OperationView[]> {
    const { id } = await this.#find(workspaceId, api);
    return (await readOperations(this.#options.pool, workspaceId, id)).map(operationView);
  }

  approve(
    workspaceId: WorkspaceId,
    api: string,
    capability: string,
    { pin, access }: { readonly pin: string; readonly access?: 'read' | 'write' | undefined },
    actor: string,
  ): Promise<OperationView> {
    return this.#changeOperation(workspaceId, api, capability, actor, (row) => {
      if (row.pin !== pin)
        throw new Failure(
          409,
          'pin_mismatch',
          `${capability} is not what was looked at: it has the pin ${row.pin} now.`,
          'Read it again and approve that.',
        );
      const problem = row.status === 'gone' ? 'its document does not have it any more' : row.problem;
      if (problem === null) return approved(row, access);
      throw new Failure(
        409,
        'definition_unusable',
        `${capability} cannot be published: ${problem}.`,
        'It has to change in the document.',
      );
    });
  }

  switchOff(workspaceId: WorkspaceId, api: string, capability: string, actor: string): Promise<OperationView> {
    return this.#changeOperation(workspaceId, api, capability, actor, switchOff);
  }

  async #changeOperation(
    workspaceId: WorkspaceId,
    api: string,
    capability: string,
    actor: string,
    change: (row: DefinitionRow) => ChangedRow,
  ): Promise<OperationView> {
    const changed = await this.#change(workspaceId, api, actor, async (_transaction, { api: stored, rows }) => {
      const row = rows.find((each) => each.capability === capability);
      if (row !== undefined) return [change(row)];
      throw new Failure(
        404,
        'operation_not_found',
        `The HTTP API ${stored.namespace} has no ${JSON.stringify(capability.slice(0, 200))}.`,
        `List its operations with GET /v1/http/apis/${stored.namespace}/operations.`,
      );
    });
    const [operation] = changed.operations;
    if (operation === undefined) throw new Error('a change of an operation changed none');
    return operationView(operation.row);
  }

  async #change(workspaceId: WorkspaceId, api: string, actor: string, change: Change): Promise<Changed> {
    const changed = await changeApi(this.#options.log, workspaceId, api, actor, change);
    this.recheck(workspaceId);
    return changed;
  }

  async #find(workspaceId: WorkspaceId, api: string): Promise<StoredApi> {
    const stored = await findApi(this.#options.pool, workspaceId, api);
    if (stored === undefined) throw apiNotFound(api);
    return stored;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unsubscribe();
    await Promise.allSettled([...this.#connected.values()].map(({ connection }) => connection.close()));
    this.#connected.clear();
  }
}

function documentFields({ openapi, title, version, operations }: ReadDocument): JsonValue {
  return { openapi, title, version, operations: operations.map(({ definition }) => jsonOf(definition)) };
}
