/** Reads servers' lists: when asked to, when they are due, when a server says that they changed. */
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { ServerId, WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { standOn } from '../versions/index.ts';
import { type Description, GATEWAY_AFFINITY, Undescribed } from './connections/connection.ts';
import { type Discovered, discover } from './discovery.ts';
import type { Limits } from './limits.ts';
import type { LiveServers } from './live-servers.ts';
import { pinOf } from './pins.ts';
import { type ChangedRow, reconcile } from './reconcile.ts';
import { type Change, changeServer, type HeldServer, serverNotFound } from './server-changes.ts';
import {
  findServer,
  listActive,
  readDefinitions,
  type ServerKey,
  type StoredServer,
  takeDue,
  updateDescription,
  updateError,
} from './servers.ts';
import type { RefreshReport } from './types.ts';

/** Lists are read this often even when the server announces nothing. */
export const REFRESH_SECONDS = 300;
/** And this soon after they could not be read. */
const RETRY_SECONDS = 30;
const POLL_MS = 5_000;
/** Servers whose lists are read at once. */
const AT_ONCE = 4;
/** Several changes that a server announces one after the other are read at once. */
const GATHER_MS = 100;
/** Readings that a server may cause by announcing changes: this many soon, and then one each so many milliseconds. */
const ANNOUNCED = 10;
const ANNOUNCED_EVERY_MS = 10_000;
/** Who did it, when nobody did. */
const SYSTEM = 'system';

export interface ListReaderOptions {
  readonly pool: Pool;
  readonly log: ActionLog;
  readonly live: LiveServers;
  readonly limits: Limits;
  /** Something that agents can notice has changed. */
  onPublished(workspaceId: WorkspaceId): void;
  onError(error: unknown, what: string): void;
}

interface Reading {
  readonly running: Promise<RefreshReport>;
  /** Asked for while that one was running. */
  next: Promise<RefreshReport> | undefined;
}

interface Announcements {
  left: number;
  filledAtMs: number;
  timer: NodeJS.Timeout | undefined;
}

export class ListReader {
  readonly #options: ListReaderOptions;
  readonly #readings = new Map<ServerId, Reading>();
  readonly #announcements = new Map<ServerId, Announcements>();
  readonly #abort = new AbortController();
  #poll: NodeJS.Timeout | undefined;
  #background: Promise<void> = Promise.resolve();

  constructor(options: ListReaderOptions) {
    this.#options = options;
  }

  /** Reads the lists of all servers once, so that this node hears of their changes, and then those that are due. */
  start(): void {
    this.#background = this.#inBackground('reading the lists of MCP servers', async () => {
      await this.#readAll(await listActive(this.#options.pool));
    });
    this.#poll = setInterval(() => this.#pollOnce(), POLL_MS).unref();
  }

  #pollOnce(): void {
    this.#background = this.#background.then(() =>
      this.#inBackground('reading the lists that are due', async () => {
        await this.#readAll(await takeDue(this.#options.pool, AT_ONCE, REFRESH_SECONDS));
      }),
    );
  }

  async #inBackground(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#abort.signal.aborted) return;
    try {
      await work();
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#options.onError(error, what);
    }
  }

  async #readAll(servers: readonly ServerKey[]): Promise<void> {
    const left = [...servers];
    const work = async (): Promise<void> => {
      for (let key = left.shift(); key !== undefined; key = left.shift()) await this.#readQuietly(key);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  /** Why a server cannot be read stands with the server; it is not an error of ours. */
  async #readQuietly({ workspaceId, serverId }: ServerKey): Promise<void> {
    await this.read(workspaceId, serverId, SYSTEM).catch((error: unknown) => {
      if (error instanceof Undescribed || error instanceof Failure || this.#abort.signal.aborted) return;
      this.#options.onError(error, 'reading the lists of an MCP server');
    });
  }

  /** A server says that its lists changed. One that says so all the time is read only now and then. */
  announced({ workspaceId, id }: StoredServer): void {
    if (this.#abort.signal.aborted) return;
    const now = performance.now();
    const said = this.#announcements.get(id) ?? { left: ANNOUNCED, filledAtMs: now, timer: undefined };
    this.#announcements.set(id, said);
    if (said.timer !== undefined) return;
    said.left = Math.min(ANNOUNCED, said.left + (now - said.filledAtMs) / ANNOUNCED_EVERY_MS);
    said.filledAtMs = now;
    const waitMs = said.left >= 1 ? GATHER_MS : (1 - said.left) * ANNOUNCED_EVERY_MS;
    said.left -= 1;
    said.timer = setTimeout(() => {
      said.timer = undefined;
      void this.#readQuietly({ workspaceId, serverId: id });
    }, waitMs).unref();
  }

  /** One reading of a server at a time; whoever asks during one gets the next. Rejects with Undescribed or a Failure. */
  read(workspaceId: WorkspaceId, serverId: ServerId, actor: string): Promise<RefreshReport> {
    const reading = this.#readings.get(serverId);
    if (reading !== undefined) {
      reading.next ??= reading.running.then(ignore, ignore).then(() => this.#start(workspaceId, serverId, actor));
      return reading.next;
    }
    return this.#start(workspaceId, serverId, actor);
  }

  #start(workspaceId: WorkspaceId, serverId: ServerId, actor: string): Promise<RefreshReport> {
    const running = this.#read(workspaceId, serverId, actor);
    const reading: Reading = { running, next: undefined };
    this.#readings.set(serverId, reading);
    const forget = (): void => {
      if (this.#readings.get(serverId) === reading && reading.next === undefined) this.#readings.delete(serverId);
    };
    running.then(forget, forget);
    return running;
  }

  async #read(workspaceId: WorkspaceId, serverId: ServerId, actor: string): Promise<RefreshReport> {
    const { pool, live: servers, limits } = this.#options;
    const server = await findServer(pool, workspaceId, serverId);
    if (server === undefined) throw serverNotFound(serverId);
    if (server.status !== 'active') throw serverDisabled(server.namespace);
    const live = servers.of(server);
    if (live === undefined) throw new Undescribed('the gateway is shutting down');
    const { connection } = live;
    try {
      const discovered = await discover(connection, server.settings.transport, limits, this.#abort.signal);
      const report = await this.#apply(server, discovered, actor);
      connection.watch(discovered.description);
      return report;
    } catch (error) {
      if (error instanceof Undescribed && !this.#abort.signal.aborted)
        await updateError(pool, server, error.message, RETRY_SECONDS);
      throw error;
    } finally {
      // The process that was asked is not the one that serves calls. Nobody waits for its end.
      if (server.settings.transport === 'stdio') void connection.endAffinity(GATEWAY_AFFINITY);
    }
  }

  async #apply(server: StoredServer, discovered: Discovered, actor: string): Promise<RefreshReport> {
    const { pool, log } = this.#options;
    const { workspaceId, id } = server;
    const { description } = discovered;
    const rows = await readDefinitions(pool, workspaceId, id);
    const changes = changesBetween({ server, rows }, discovered);
    if (changes.length === 0 && server.discoveredAt !== null && sameDescription(server.description, description)) {
      await updateDescription(pool, server, description);
      return reportOf(discovered, changes);
    }
    const change: Change = async (transaction, held) => {
      if (held.server.revision !== server.revision || held.server.status !== 'active')
        throw new Undescribed('its settings changed while its lists were being read');
      standOn(transaction, { kind: 'discovery' });
      await updateDescription(transaction.client, held.server, description);
      recordReading(transaction, held.server, discovered, actor);
      return changesBetween(held, discovered);
    };
    const changed = await changeServer(log, workspaceId, id, actor, change);
    if (changed.published) this.#options.onPublished(workspaceId);
    return reportOf(discovered, changed.definitions);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    clearInterval(this.#poll);
    for (const { timer } of this.#announcements.values()) clearTimeout(timer);
    await Promise.allSettled([...this.#readings.values()].flatMap(({ running, next }) => [running, next]));
    await this.#background;
  }
}

const ignore = (): void => undefined;

function serverDisabled(namespace: string): Failure {
  return new Failure(
    409,
    'server_disabled',
    `The MCP server ${namespace} is disabled.`,
    `Enable it with POST /v1/mcp/servers/${namespace}/enable.`,
  );
}

function changesBetween({ server, rows }: HeldServer, { definitions }: Discovered): readonly ChangedRow[] {
  const { namespace, renameMap, settings } = server;
  const { defaultAccess, trustAnnotations } = settings;
  return reconcile(
    rows,
    definitions,
    { namespace, renameMap, defaultAccess, trustAnnotations },
    server.discoveredAt === null,
  );
}

function sameDescription(one: Description | undefined, other: Description): boolean {
  return one !== undefined && pinOf({ ...one }) === pinOf({ ...other });
}

function recordReading(
  transaction: LoggedTransaction,
  server: StoredServer,
  { description, definitions }: Discovered,
  actor: string,
): void {
  const { namespace, id } = server;
  const before = server.description;
  const about = { kind: 'server.changed', actor, server: namespace, server_id: id } as const;
  if (server.discoveredAt === null)
    transaction.log({ ...about, change: 'discovered', era: description.era, definitions: definitions.length });
  else if (before?.era !== description.era || before.protocolVersion !== description.protocolVersion)
    transaction.log({
      ...about,
      change: 'protocol_changed',
      era: description.era,
      protocol_version: description.protocolVersion,
    });
  const { instructions } = description;
  if (instructions !== before?.instructions)
    transaction.log({
      ...about,
      change: 'instructions_changed',
      ...(instructions === undefined ? {} : { pin: pinOf(instructions) }),
    });
}

function reportOf({ definitions }: Discovered, changes: readonly ChangedRow[]): RefreshReport {
  const names = (...kinds: readonly ChangedRow['change'][]): readonly string[] =>
    changes.flatMap(({ change, row }) => (kinds.includes(change) ? [row.capability] : [])).sort();
  return {
    discovered: definitions.length,
    added: names('discovered', 'new', 'returned'),
    changed: names('changed'),
    gone: names('gone'),
  };
}
