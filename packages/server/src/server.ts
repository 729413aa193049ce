/** Composition root: everything is made and wired here and nowhere else. */
import { once } from 'node:events';
import { renameSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { join, resolve } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { BrowserSignIn, watchAgentAuth } from './agent-auth/index.ts';
import { watchAgentRequests } from './agent-requests/index.ts';
import { watchAgents } from './agents/index.ts';
import { adoptAlerts, watchAlerts } from './alerts/index.ts';
import { createApi, servedHosts } from './api/index.ts';
import { type ApiContext, Reads, type SystemState } from './api/route.ts';
import { createApprovals } from './approvals/index.ts';
import { Worlds, watchBlastRadius } from './blast-radius/index.ts';
import { watchBreakers } from './breakers/index.ts';
import { refuseFrozenEdit, watchChanges } from './changes/index.ts';
import { startChannels } from './channels/index.ts';
import type { Config } from './config.ts';
import { CONTROLLED_TYPES, renewCapabilities } from './controlled-types.ts';
import { openDatabase, startEmbeddedPostgres } from './database/index.ts';
import { watchDepartures } from './departures/index.ts';
import { watchDetections, watchRuleTests } from './detections/index.ts';
import { createProvenPolicy, watchDrift } from './drift/index.ts';
import { watchDrills } from './drills/index.ts';
import { watchEngagements } from './engagements/index.ts';
import { Failure } from './errors.ts';
import { watchBundles } from './evidence-bundles/index.ts';
import { createHttpEntrance } from './gateway/http/index.ts';
import { createMcpEntrance } from './gateway/mcp/index.ts';
import { ambiguityOf } from './gateway/one-reading.ts';
import { createHttpApis } from './http-apis/index.ts';
import { ensureLiveKey, loadServerKeys, writePrivateFile } from './identity/index.ts';
import { newId } from './ids.ts';
import { watchUse } from './least-privilege/index.ts';
import { createActionLog, inTurn } from './log/index.ts';
import { hearNotices, lockNode, nodeIdOf, prepareDataFolder } from './node/index.ts';
import { createLogger, createMetrics, type Logger } from './observability/index.ts';
import { createActionPath } from './path/index.ts';
import { createPermits } from './permits/index.ts';
import { createPrerequisites } from './prerequisites/index.ts';
import { createPreviews } from './previews/index.ts';
import { watchReadiness } from './readiness/index.ts';
import { watchRetention } from './retention/index.ts';
import { watchReviews } from './reviews/index.ts';
import { noticePolicyDrift } from './roles/index.ts';
import { createSaml } from './saml/index.ts';
import type { Secret } from './secret.ts';
import { startSinks } from './siem/index.ts';
import { createSignIn } from './sign-in/index.ts';
import { createUnregistered } from './unregistered/index.ts';
import { createSecretStore, createUpstreams, openVault } from './upstreams/index.ts';
import { adoptObjects, keepVersions } from './versions/index.ts';
import { startWebhooks } from './webhooks/index.ts';
import { ensurePolicy, ensureWorkspace } from './workspace/index.ts';

/** Longer than the idle time of common proxies, so that none reuses a connection while it is being closed. */
const KEEP_ALIVE_MS = 75_000;
/** A request that does not arrive within this time is cut off: it holds a connection and what was read of its body. */
const HEADERS_MS = 15_000;
const REQUEST_MS = 30_000;
const IDLE_SWEEP_MS = 100;

export interface RunningServer {
  /** Origin that people and agents use. */
  readonly url: string;
  /** Origin of the address it listens on, e.g. `http://127.0.0.1:7420`. */
  readonly localUrl: string;
  /** An admin key, when this start made one: the first, or one where none was live any more. */
  readonly newAdminKey: Secret | undefined;
  /** Finishes or records what is in flight, seals the log, stops the embedded database. */
  close(): Promise<void>;
}

/** Starts everything. Throws a Failure that says what is wrong; what had been started by then is stopped again. */
export async function startServer(config: Config): Promise<RunningServer> {
  const logger = createLogger(config.log_level);
  const closers = new Closers(logger);
  try {
    return await start(config, logger, closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function start(config: Config, logger: Logger, closers: Closers): Promise<RunningServer> {
  const startedAtMs = Date.now();
  prepareDataFolder(config.data);
  const keys = loadServerKeys(config.data, config.secretKey);
  const nodeId = nodeIdOf(config.data);
  const { version } = manifest;

  let ownerUrl = config.databaseUrl?.reveal();
  const isEmbedded = ownerUrl === undefined;
  if (ownerUrl === undefined) {
    const embedded = await startEmbeddedPostgres(config.data);
    ownerUrl = embedded.url;
    // Locked before anything else: another HiveKey may be working on this database, and only whoever holds the lock may stop it.
    const lock = await lockNode(new URL('/postgres', ownerUrl).href, nodeId, config.data);
    closers.add('embedded database', embedded.stop);
    closers.add('node lock', lock.release);
  }
  const database = await openDatabase({ ownerUrl, roleKey: keys.databaseRole });
  closers.add('database', database.close);
  if (!isEmbedded) closers.add('node lock', (await lockNode(database.url, nodeId, config.data)).release);

  const doors = await openDoors(config);
  closers.add('doors', doors.close);
  const url = config.public_url === undefined ? doors.url : new URL(config.public_url).origin;

  const { pool } = database;
  const { id: workspaceId, previousEnvironment } = await ensureWorkspace(pool, config.environment);
  const metrics = createMetrics();
  const log = await createActionLog({
    pool,
    connectionString: database.url,
    nodeId,
    signingKey: keys.signing,
    checkpointFile: config.checkpoint_file ?? join(config.data, 'checkpoints'),
    ...(config.witness_url === undefined ? {} : { witnessUrl: config.witness_url }),
    logger,
    observe: metrics.log,
    beforeCommit: inTurn(noticePolicyDrift(pool), keepVersions(pool, CONTROLLED_TYPES, refuseFrozenEdit), adoptAlerts),
  });
  closers.add('log', () => log.close());
  let isStarted = false;
  closers.add('stopped record', async () => {
    if (isStarted) await log.record(workspaceId, { kind: 'system.stopped', actor: 'system', node: nodeId, version });
  });
  if (previousEnvironment !== undefined) {
    const { environment } = config;
    const change = { change: 'environment', environment, previous: previousEnvironment };
    await log.record(workspaceId, { kind: 'workspace.changed', actor: 'system', ...change });
  }
  await adoptObjects(pool, log, CONTROLLED_TYPES);
  await ensurePolicy(log, workspaceId, previousEnvironment !== undefined);
  const newAdminKey = await ensureLiveKey(log, keys.pepper, workspaceId, (text) => keepAdminKey(config.data, text));

  const clock = Date.now;
  const approvals = createApprovals({ pool, log, key: keys.envelope, logger });
  closers.add('approvals', () => approvals.close());
  const prerequisites = createPrerequisites(pool, logger);
  closers.add('prerequisites', async () => prerequisites.close());
  const unregistered = createUnregistered({ pool, log, pepper: keys.pepper, workspaceId, logger, clock });
  closers.add('unregistered identities', () => unregistered.close());
  const provenPolicy = createProvenPolicy(pool, log);
  const path = createActionPath({
    pool,
    log,
    pepper: keys.pepper,
    digest: keys.digest,
    holds: approvals.holds,
    prerequisites,
    unregistered,
    proofs: { key: keys.state, url },
    observe: metrics.path,
    provenPolicy,
  });
  const vault = openVault(config);
  const secrets = createSecretStore({ pool, log, key: keys.envelope, config, vault, logger });
  closers.add('secrets', () => secrets.close());
  const upstreams = createUpstreams({ pool, log, secrets, config, folder: config.data, version, logger });
  closers.add('upstreams', () => upstreams.close());
  const httpApis = createHttpApis({ pool, log, secrets, config, version, logger });
  closers.add('http apis', () => httpApis.close());
  const mcp = createMcpEntrance({
    path,
    upstreams,
    approvals,
    config: {
      stateKey: keys.state,
      version,
      url,
      allowedHosts: servedHosts({ config, url }),
      maxBodyBytes: config.body_limit_bytes,
      requestsPerMinute: config.requests_per_minute,
      holdMs: config.hold_seconds * 1000,
      approvalPointers: config.approval_pointers,
    },
    logger,
    observe: metrics.mcp,
  });
  closers.add('mcp entrance', () => mcp.close());
  const http = createHttpEntrance({
    url,
    path,
    httpApis,
    approvals,
    config: { allowedHosts: servedHosts({ config, url }), requestsPerMinute: config.requests_per_minute },
    logger,
    clock,
  });
  closers.add('http entrance', async () => http.close());
  const permits = createPermits({ pool, log, path, nodeId, seconds: config.permit_seconds, logger, clock });
  const webhooks = startWebhooks({
    pool,
    log,
    secrets,
    nodeId,
    version,
    allowedHosts: config.upstream_allow,
    logger,
    clock,
  });
  closers.add('webhooks', () => webhooks.close());
  const channels = startChannels({
    pool,
    log,
    secrets,
    approvals,
    nodeId,
    url,
    allowedHosts: config.upstream_allow,
    logger,
    clock,
  });
  closers.add('channels', () => channels.close());
  const sinks = startSinks({
    pool,
    log,
    secrets,
    nodeId,
    version,
    allowedHosts: config.upstream_allow,
    filesFolder: config.sink_files === undefined ? undefined : resolve(config.sink_files),
    logger,
    observe: metrics.sinks,
    clock,
  });
  closers.add('sinks', () => sinks.close());
  const listener = await hearNotices({
    databaseUrl: database.url,
    nodeId,
    clock: Date.now,
    pool,
    path,
    secrets,
    upstreams,
    httpApis,
    approvals,
    logger,
  });
  closers.add('notices', () => listener.close());

  let isStopping = false;
  const state: SystemState = {
    startedAtMs,
    database: isEmbedded ? 'embedded' : 'external',
    isStopping: () => isStopping,
    isListening: () => listener.connected,
    mcp: () => mcp.stats(),
  };
  metrics.gauge('hivekey_mcp_sessions', 'Open MCP sessions.', () => mcp.stats().sessions);
  metrics.gauge('hivekey_mcp_streams', 'Open MCP streams.', () => mcp.stats().streams);
  metrics.gauge('hivekey_mcp_in_flight', 'MCP requests being answered.', () => mcp.stats().inFlight);
  metrics.gauge('hivekey_database_connections', 'Connections of the pool.', () => pool.totalCount);
  metrics.gauge('hivekey_database_waiting', 'Requests waiting for a connection.', () => pool.waitingCount);
  metrics.gauge('hivekey_nodes_heard', '1 while notices of other nodes arrive.', () => (listener.connected ? 1 : 0));
  const worlds = new Worlds(pool);
  const previews = createPreviews({
    pool,
    connectionString: database.url,
    nodeId,
    log,
    catalogueOf: (id) => upstreams.catalogue(id),
    controlled: CONTROLLED_TYPES,
    worlds,
    logger,
    clock,
  });
  closers.add('previews', () => previews.close());
  const controlled = CONTROLLED_TYPES;
  const drift = await watchDrift({ pool, log, path, controlled, nodeId, logger, metrics }, provenPolicy);
  closers.add('drift', () => drift.close());
  const detections = watchDetections({ pool, log, path, nodeId, logger, metrics, clock });
  closers.add('detections', () => detections.close());
  const reads = new Reads(log, clock);
  closers.add('reads of the log', () => reads.close());
  const context: ApiContext = {
    pool,
    log,
    reads,
    path,
    secrets,
    signIn: createSignIn({ pool, log, secrets, keys, config, url, logger, saml: createSaml(url) }),
    browserSignIn: new BrowserSignIn({ pool, log, path, keys, config, url, logger }),
    upstreams,
    httpApis,
    approvals,
    permits,
    unregistered,
    webhooks,
    channels,
    sinks,
    controlled,
    drift,
    detections,
    renewCapabilities,
    previews,
    worlds,
    keys,
    config,
    logger,
    metrics,
    version,
    nodeId,
    url,
    clock,
  };
  const watch = watchBreakers(context);
  closers.add('breakers', () => watch.close());
  const alerts = watchAlerts(context);
  closers.add('alerts', () => alerts.close());
  const drills = watchDrills(context);
  closers.add('drills', () => drills.close());
  const departures = watchDepartures(context);
  const ruleTests = watchRuleTests(context);
  closers.add('tests of detections', () => ruleTests.close());
  const changes = watchChanges(context);
  closers.add('changes', () => changes.close());
  const agentRequests = watchAgentRequests(context);
  const agents = watchAgents(context);
  const agentAuth = watchAgentAuth(context);
  const blastRadius = watchBlastRadius(context);
  closers.add('blast radius', () => blastRadius.close());
  const engagements = watchEngagements(context);
  closers.add('engagements', () => engagements.close());
  const retention = watchRetention(context);
  closers.add('retention', () => retention.close());
  const readiness = watchReadiness(context);
  closers.add('readiness', () => readiness.close());
  const bundles = await watchBundles(context, database.url);
  closers.add('bundles of evidence', () => bundles.close());
  const reviews = watchReviews(context);
  closers.add('access reviews', () => reviews.close());
  const use = watchUse(context);
  closers.add('use', () => use.close());
  closers.add('agent authentication', () => agentAuth.close());
  closers.add('agents', () => agents.close());
  closers.add('departures', () => departures.close());
  closers.add('requests for agents', () => agentRequests.close());
  const api = await createApi(context, state);
  closers.add('api', () => api.close());
  closers.add('calls in flight', () => path.close(config.shutdown_seconds * 1000));
  // Permits stay good while HiveKey is down: nothing waits for them.
  closers.add('permits', () => permits.close());
  closers.add('new requests', async () => {
    isStopping = true;
    doors.shut();
  });

  await log.record(workspaceId, { kind: 'system.started', actor: 'system', node: nodeId, version });
  isStarted = true;
  doors.serve((req, res) => {
    if (isMcp(req.url)) mcp.handle(req, res);
    else if (isHttp(req.url)) http.handle(req, res);
    else api.routing(req, res);
  });
  logger.info({ url, node: nodeId, version }, 'HiveKey is running');
  return { url, localUrl: doors.url, newAdminKey, close: () => closers.close() };
}

function isMcp(url: string | undefined): boolean {
  return url === '/mcp' || url?.startsWith('/mcp/') === true || url?.startsWith('/mcp?') === true;
}

function isHttp(url: string | undefined): boolean {
  return url === '/http' || url?.startsWith('/http/') === true || url?.startsWith('/http?') === true;
}

/** Replaces a key file that an earlier database left behind. */
function keepAdminKey(folder: string, text: Secret): void {
  const path = join(folder, 'admin.key');
  rmSync(`${path}.new`, { force: true });
  writePrivateFile(`${path}.new`, `${text.reveal()}\n`);
  renameSync(`${path}.new`, path);
}

/** What was started, to be closed in the opposite order. One failure does not keep the rest open. */
class Closers {
  readonly #logger: Logger;
  readonly #steps: { readonly what: string; readonly close: () => Promise<void> }[] = [];
  #closed: Promise<void> | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(what: string, close: () => Promise<void>): void {
    this.#steps.push({ what, close });
  }

  close(): Promise<void> {
    this.#closed ??= this.#closeAll();
    return this.#closed;
  }

  async #closeAll(): Promise<void> {
    for (const { what, close } of this.#steps.toReversed()) {
      const startedAt = performance.now();
      try {
        await close();
        this.#logger.debug({ ms: Math.round(performance.now() - startedAt) }, `closed: ${what}`);
      } catch (error) {
        this.#logger.error({ err: error }, `could not close: ${what}`);
      }
    }
  }
}

/** The port, taken before anything is written, and answered with 503 until everything behind it is ready. */
interface Doors {
  readonly url: string;
  serve(listener: RequestListener): void;
  /** Takes no new connections and lets idle ones go. */
  shut(): void;
  /** Cuts what is still connected. */
  close(): Promise<void>;
}

async function openDoors({ host, port }: Config): Promise<Doors> {
  let listener: RequestListener = (_req, res) => {
    const starting = new Failure(503, 'starting', 'HiveKey is starting.', 'Try again in a moment.');
    res.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' });
    res.end(JSON.stringify(starting.body(newId('req'))));
  };
  let closed: Promise<unknown> | undefined;
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS },
    (req, res) => {
      // A connection that was busy when the doors were shut can bring another request; that is its last.
      if (closed !== undefined) res.shouldKeepAlive = false;
      const ambiguity = ambiguityOf(req);
      if (ambiguity === undefined) listener(req, res);
      else refuseAmbiguous(res, ambiguity);
    },
  );
  await bind(server, host, port);
  const shut = (): void => {
    if (closed !== undefined) return;
    // Node.js lets go of what is idle now; what becomes idle later is ours to close.
    const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS).unref();
    closed = new Promise((resolve) => server.close(resolve)).finally(() => clearInterval(sweep));
  };
  return {
    url: originOf(server, host),
    serve: (next) => {
      listener = next;
    },
    shut,
    close: async () => {
      shut();
      server.closeAllConnections();
      await closed;
    },
  };
}

function refuseAmbiguous(res: ServerResponse, ambiguity: string): void {
  const failure = new Failure(
    400,
    'request_ambiguous',
    `The request cannot be served: ${ambiguity}.`,
    'Send it once, to a path.',
  );
  res.writeHead(400, { 'content-type': 'application/json', connection: 'close' });
  res.end(JSON.stringify(failure.body(newId('req'))));
}

async function bind(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'EADDRINUSE')
      throw new Failure(
        500,
        'port_in_use',
        `Port ${port} of ${host} is in use by another program.`,
        'Stop that program, or set HIVEKEY_PORT.',
      );
    throw new Failure(
      500,
      'address_unusable',
      `HiveKey cannot listen on port ${port} of ${host} (${code}).`,
      'Check HIVEKEY_HOST and HIVEKEY_PORT; ports below 1024 need a privilege.',
    );
  }
}

/** Where people find a server that listens on every address is on its loopback. */
function originOf(server: Server, host: string): string {
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  if (host === '0.0.0.0' || host === '::') return `http://127.0.0.1:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
