/** How the system is: alive, ready, its metrics, and all of it in one answer. */
import { z } from 'zod';
import type { McpEntranceStats } from '../gateway/mcp/index.ts';
import type { LogHealth } from '../log/index.ts';
import type { ApiContext, Routes } from './context.ts';

/** What only the composition root knows. */
export interface SystemState {
  readonly startedAtMs: number;
  readonly database: 'embedded' | 'external';
  isStopping(): boolean;
  /** Hears the other nodes. */
  isListening(): boolean;
  mcp(): McpEntranceStats;
}

/** A copy that lacks a checkpoint for longer than this no longer shows a cut of the database's tail. */
const STALE_AFTER_SECONDS = 60;
const ANSWERS_WITHIN_MS = 2_000;

interface Health {
  readonly databaseVersion: string | undefined;
  readonly log: LogHealth | undefined;
  /** Codes of why actions cannot be recorded; empty when they can. */
  readonly problems: readonly string[];
}

async function health({ pool, log, nodeId }: ApiContext, state: SystemState): Promise<Health> {
  const [version, logHealth] = await Promise.all([
    answerOf(pool.query<{ version: string }>("SELECT current_setting('server_version') AS version")),
    answerOf(log.health()),
  ]);
  // Other nodes' files are their own affair.
  const isOurs = (destination: string) => !destination.startsWith('file/') || destination === `file/${nodeId}`;
  const isStale = logHealth?.copies.some(
    ({ destination, behindSeconds }) => isOurs(destination) && behindSeconds > STALE_AFTER_SECONDS,
  );
  const problems = [
    ...(state.isStopping() ? ['shutting_down'] : []),
    ...(version === undefined ? ['database_unreachable'] : []),
    ...(logHealth?.writable === true ? [] : ['log_not_writable']),
    ...(isStale === true ? ['checkpoint_copies_stale'] : []),
  ];
  return { databaseVersion: version?.rows[0]?.version, log: logHealth, problems };
}

/** Undefined when it failed or takes too long: then it is not there. */
async function answerOf<T>(question: Promise<T>): Promise<T | undefined> {
  const { promise: tooLate, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ANSWERS_WITHIN_MS);
  try {
    return await Promise.race([question.catch(() => undefined), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

const readySchema = z.object({ ready: z.boolean(), problems: z.array(z.string()) });

/** Routes for everybody: they tell nothing about the workspace. */
export function healthRoutes(state: SystemState): Routes {
  return (api, context) => {
    api.get(
      '/healthz',
      {
        config: { anyHost: true },
        schema: {
          summary: 'Whether the process lives',
          tags: ['system'],
          response: { 200: z.object({ ok: z.literal(true) }) },
        },
      },
      async () => ({ ok: true as const }),
    );

    api.get(
      '/readyz',
      {
        config: { anyHost: true },
        schema: {
          summary: 'Whether actions can be recorded',
          tags: ['system'],
          response: { 200: readySchema, 503: readySchema },
        },
      },
      async (_request, reply) => {
        const { problems } = await health(context, state);
        return reply
          .code(problems.length === 0 ? 200 : 503)
          .send({ ready: problems.length === 0, problems: [...problems] });
      },
    );

    api.get(
      '/metrics',
      {
        config: { anyHost: true },
        schema: {
          summary: 'Metrics for Prometheus',
          tags: ['system'],
          response: {
            200: { description: 'Text exposition format.', content: { 'text/plain': { schema: z.string() } } },
          },
        },
      },
      async (_request, reply) =>
        reply
          .type(context.metrics.registry.contentType)
          .serializer(String)
          .send(await context.metrics.registry.metrics()),
    );
  };
}

const systemSchema = z
  .object({
    object: z.literal('system'),
    version: z.string(),
    node: z.string(),
    uptime_seconds: z.int(),
    ready: z.boolean(),
    problems: z.array(z.string()),
    database: z.object({
      ok: z.boolean(),
      kind: z.enum(['embedded', 'external']),
      version: z.string().nullable(),
      connections: z.object({ open: z.int(), idle: z.int(), waiting: z.int() }),
    }),
    log: z.object({
      writable: z.boolean(),
      checkpoint: z.object({ tree_size: z.int(), created_at: z.iso.datetime() }).nullable(),
      copies: z.array(
        z.object({
          destination: z.string(),
          tree_size: z.int(),
          behind_seconds: z.number(),
          last_error: z.string().nullable(),
        }),
      ),
    }),
    upstreams: z.array(z.object({ namespace: z.string(), status: z.string(), last_error: z.string().nullable() })),
    gateway: z.object({ sessions: z.int(), streams: z.int(), in_flight: z.int() }),
    nodes_heard: z.boolean().meta({ description: 'Whether notices of other nodes arrive.' }),
  })
  .meta({ id: 'System' });

export function systemRoutes(state: SystemState): Routes {
  return (api, context) => {
    const { pool, log, upstreams, version, nodeId, clock } = context;
    api.get(
      '/v1/system',
      { schema: { summary: 'How the system is', tags: ['system'], response: { 200: systemSchema } } },
      async ({ administrator: { workspaceId } }) => {
        const [{ databaseVersion, log: logHealth, problems }, checkpoint, servers] = await Promise.all([
          health(context, state),
          log.checkpoint(workspaceId),
          upstreams.listServers(workspaceId),
        ]);
        const { sessions, streams, inFlight } = state.mcp();
        return {
          object: 'system' as const,
          version,
          node: nodeId,
          uptime_seconds: Math.floor((clock() - state.startedAtMs) / 1000),
          ready: problems.length === 0,
          problems: [...problems],
          database: {
            ok: databaseVersion !== undefined,
            kind: state.database,
            version: databaseVersion ?? null,
            connections: { open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount },
          },
          log: {
            writable: logHealth?.writable ?? false,
            checkpoint:
              checkpoint === undefined
                ? null
                : { tree_size: checkpoint.treeSize, created_at: checkpoint.createdAt.toISOString() },
            copies: (logHealth?.copies ?? [])
              .filter((copy) => copy.workspaceId === workspaceId)
              .map(({ destination, treeSize, behindSeconds, lastError }) => ({
                destination,
                tree_size: treeSize,
                behind_seconds: behindSeconds,
                last_error: lastError,
              })),
          },
          upstreams: servers.map(({ namespace, status, last_error }) => ({ namespace, status, last_error })),
          gateway: { sessions, streams, in_flight: inFlight },
          nodes_heard: state.isListening(),
        };
      },
    );
  };
}
