/** The upstream servers of all workspaces, put together from their parts. */
import type { JsonObject } from '@hivekey/policy';
import type { Pool } from 'pg';
import type { ServerId, WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { parseAllowList, type ResolveName } from './address-guard.ts';
import { Catalogues } from './catalogues.ts';
import { recordCredentialOutcome } from './credentials/outcomes.ts';
import { outputValidator } from './definitions.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { ListReader } from './list-reader.ts';
import { LiveServers } from './live-servers.ts';
import type { ManagedUpstreams } from './management.ts';
import type { SecretStore } from './secrets.ts';
import { type ManagementParts, ServerManagement } from './server-management.ts';
import { listServers } from './servers.ts';
import type { Catalogue, RefreshReport, UpstreamAnswer, UpstreamRequest, UpstreamServer } from './types.ts';

export interface UpstreamsOptions {
  readonly pool: Pool;
  readonly log: ActionLog;
  readonly secrets: SecretStore;
  readonly config: {
    /** Hosts, host:port or CIDR ranges that may be private addresses. */
    readonly upstream_allow: readonly string[];
  };
  /** Data folder; working folders of stdio servers are made in its `upstreams`. */
  readonly folder: string;
  /** The gateway's own version, as upstreams see it. */
  readonly version: string;
  readonly limits?: Partial<Limits>;
  /** How names become addresses; the system's way when absent. */
  readonly resolve?: ResolveName;
  readonly logger?: UpstreamsLogger;
}

/** The part of a logger that is needed; pino's fits. */
interface UpstreamsLogger {
  debug(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** How often credentials of stdio servers that are kept outside are compared. */
const WATCH_MS = 60_000;

/** Starts reading the servers' lists in the background. Throws `config_invalid`. */
export function createUpstreams(options: UpstreamsOptions): ManagedUpstreams {
  const { pool, log, secrets, config, folder, version, logger } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const news = new CatalogueNews(new Catalogues(pool));
  const live = new LiveServers({
    limits,
    allow: parseAllowList(config.upstream_allow),
    resolve: options.resolve,
    secrets,
    version,
    folder,
    outdated: (server) => reader.announced(server),
    credentialOutcome: (server, problem) => {
      recordCredentialOutcome(log, 'mcp_servers', server, problem).catch((error: unknown) =>
        onError(error, 'recording what became of a credential'),
      );
    },
    onDiagnostic: ({ namespace, id }, line) => logger?.debug({ server: namespace, server_id: id, line }, 'MCP server'),
  });
  const published = (workspaceId: WorkspaceId): void => news.published(workspaceId);
  const onError = (error: unknown, what: string): void => logger?.warn({ err: error }, `${what} failed`);
  const reader: ListReader = new ListReader({ pool, log, live, limits, onPublished: published, onError });
  reader.start();
  return new ServerRegistry({ pool, log, secrets, live, reader, published }, news, onError);
}

/** The catalogues, and who wants to hear that one has changed. */
class CatalogueNews {
  readonly catalogues: Catalogues;
  readonly listeners = new Set<(workspaceId: WorkspaceId) => void>();

  constructor(catalogues: Catalogues) {
    this.catalogues = catalogues;
  }

  published(workspaceId: WorkspaceId): void {
    this.catalogues.recheck(workspaceId);
    for (const listener of this.listeners) listener(workspaceId);
  }
}

class ServerRegistry extends ServerManagement implements ManagedUpstreams {
  readonly #parts: ManagementParts;
  readonly #news: CatalogueNews;
  readonly #onError: (error: unknown, what: string) => void;
  readonly #unsubscribe: () => void;
  readonly #unsubscribeForget: () => void;
  readonly #watch: Rounds;

  constructor(parts: ManagementParts, news: CatalogueNews, onError: (error: unknown, what: string) => void) {
    super(parts);
    this.#parts = parts;
    this.#news = news;
    this.#onError = onError;
    const { secrets, live, reader } = parts;
    this.#unsubscribe = secrets.onChange((workspaceId, name) => {
      for (const server of live.retireUsing(workspaceId, name)) reader.announced(server);
    });
    this.#unsubscribeForget = secrets.onForget((workspaceId) => live.forgetTokens(workspaceId));
    this.#watch = startRounds(
      WATCH_MS,
      async () => {
        for (const server of await live.retireOutdated()) reader.announced(server);
      },
      (error) => onError(error, 'watching credentials of stdio servers'),
    );
  }

  catalogue(workspaceId: WorkspaceId): Promise<Catalogue> {
    return this.#news.catalogues.current(workspaceId);
  }

  async request(request: UpstreamRequest): Promise<UpstreamAnswer> {
    const { server } = request;
    const behind = this.#news.catalogues.behind(server);
    const live = behind && this.#parts.live.of(behind.stored);
    if (live === undefined) return { kind: 'failed', code: 'upstream_unreachable', began: false };
    const { name } = request.params;
    const tool = request.method === 'tools/call' && typeof name === 'string' ? behind?.tool(name) : undefined;
    const answer = await live.request({ ...request, era: server.era, definition: tool?.definition });
    return tool === undefined ? answer : fitting(answer, tool);
  }

  async notify(
    _workspaceId: WorkspaceId,
    server: UpstreamServer,
    affinity: string,
    method: string,
    params: JsonObject,
  ): Promise<void> {
    await this.#parts.live.existing(server.id)?.notify(affinity, method, params);
  }

  endAffinity(affinity: string): Promise<void> {
    return this.#parts.live.endAffinity(affinity);
  }

  onUnsolicited(affinity: string, listener: (server: UpstreamServer, message: JsonObject) => void): () => void {
    return this.#parts.live.onUnsolicited(affinity, listener);
  }

  refresh(workspaceId: WorkspaceId, serverId: ServerId): Promise<RefreshReport> {
    return this.#parts.reader.read(workspaceId, serverId, 'system');
  }

  onCatalogueChange(listener: (workspaceId: WorkspaceId) => void): () => void {
    this.#news.listeners.add(listener);
    return () => this.#news.listeners.delete(listener);
  }

  recheck(workspaceId?: WorkspaceId): void {
    this.#news.catalogues.recheck(workspaceId);
  }

  heard(payload: string): void {
    const { workspace, secret }: { readonly workspace: WorkspaceId; readonly secret?: string } = JSON.parse(payload);
    if (secret !== undefined) {
      this.#parts.secrets.changed(workspace, secret);
      return;
    }
    this.#news.published(workspace);
    this.#dropDisabled(workspace).catch((error: unknown) => this.#onError(error, 'following a change of MCP servers'));
  }

  async #dropDisabled(workspaceId: WorkspaceId): Promise<void> {
    for (const { id, status } of await listServers(this.#parts.pool, workspaceId))
      if (status === 'disabled') this.#parts.live.drop(id);
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#unsubscribeForget();
    await this.#watch.close();
    // A reading that is under way ends with its connection.
    await Promise.all([this.#parts.reader.close(), this.#parts.live.close()]);
  }
}

/** An answer that breaks the pinned output schema is none: whoever granted the tool granted that, too. */
function fitting(
  answer: UpstreamAnswer,
  { definition, pin }: { readonly definition: JsonObject; readonly pin: string },
): UpstreamAnswer {
  if (answer.kind !== 'result') return answer;
  const { isError, resultType, structuredContent } = answer.result;
  if (isError === true || resultType === 'input_required') return answer;
  const validate = outputValidator(definition, pin);
  if (validate === undefined) return answer;
  const fits = structuredContent !== undefined && validate(structuredContent).length === 0;
  return fits ? answer : { kind: 'failed', code: 'upstream_protocol_error', began: true };
}
