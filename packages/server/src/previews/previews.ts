/** Makes previews: at once where the log is not replayed, and else one after the other beside the work of this node. */
import { type Finding, lintPolicy, type PolicySet } from '@hivekey/policy';
import type { Pool } from 'pg';
import type { Worlds } from '../blast-radius/index.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { RunningLog } from '../log/index.ts';
import type { Logger } from '../observability/index.ts';
import type { Catalogue } from '../upstreams/index.ts';
import type { ControlledTypes } from '../versions/index.ts';
import { previewDocument } from './compute.ts';
import { overlay } from './overlay.ts';
import type { Preview, PreviewDocument } from './preview.ts';
import { replayChange } from './replay.ts';
import { beginRun, failRun, findPreview, keepAlive, type StoredRequest, storePreview, takeUp } from './store.ts';
import type { LaidOperation } from './summary.ts';
import { storedTests } from './tests.ts';
import type { PreviewRequest, Previews } from './types.ts';
import { readWorld, type World } from './world.ts';

export interface PreviewParts {
  readonly pool: Pool;
  /** As the application role, for the thread that reads the log. */
  readonly connectionString: string;
  readonly nodeId: string;
  readonly log: Pick<RunningLog, 'catchUp'>;
  readonly catalogueOf: (workspaceId: WorkspaceId) => Promise<Catalogue>;
  readonly controlled: ControlledTypes;
  readonly worlds: Worlds;
  readonly logger: Logger;
  readonly clock: () => number;
  /** Longest that a replay takes. */
  readonly replayLimitMs?: number;
}

const REPLAY_DAYS = 30;
const REPLAY_LIMIT_MS = 300_000;
const KEEP_ALIVE_MS = 10_000;
/** Roles, and groups of agents, whose numbers are computed while somebody types, and for reviewers. */
const RADIUS_AT_ONCE = 3;
const RADIUS_STORED = 50;

export function createPreviews(parts: PreviewParts): Previews {
  return new PreviewMaker(parts);
}

interface Made {
  readonly before: World;
  readonly after: World;
  readonly document: PreviewDocument;
}

class PreviewMaker implements Previews {
  readonly #parts: PreviewParts;
  readonly #lint = new Map<WorkspaceId, { readonly revision: number; readonly findings: readonly Finding[] }>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #beat: NodeJS.Timeout;
  /** One replay at a time: each takes a core. */
  #queue: Promise<void> = Promise.resolve();

  constructor(parts: PreviewParts) {
    this.#parts = parts;
    this.#beat = setInterval(() => this.#keepAlive(), KEEP_ALIVE_MS).unref();
  }

  async preview(workspaceId: WorkspaceId, request: PreviewRequest): Promise<PreviewDocument> {
    return (await this.#make(workspaceId, request, RADIUS_AT_ONCE)).document;
  }

  async start(workspaceId: WorkspaceId, request: PreviewRequest & { replayDays?: number }): Promise<Preview> {
    const { pool, nodeId, clock } = this.#parts;
    const asked: StoredRequest = { ...request, replayDays: request.replayDays ?? REPLAY_DAYS };
    const made = await this.#make(workspaceId, asked, RADIUS_STORED);
    const id = newId<string>('prv');
    const createdAt = new Date(clock());
    if (asked.replayDays === 0) return storePreview(pool, workspaceId, id, made.document, createdAt);
    await beginRun(pool, nodeId, workspaceId, id, asked, made.document, createdAt);
    this.#run(workspaceId, id, asked, createdAt, made);
    const created = Math.floor(createdAt.getTime() / 1_000);
    return { object: 'preview', id, state: 'running', sha256: null, created, error: null, document: made.document };
  }

  async find(workspaceId: WorkspaceId, id: string): Promise<Preview | undefined> {
    const { pool, nodeId } = this.#parts;
    const found = await findPreview(pool, workspaceId, id);
    if (found?.state !== 'running' || this.#running.has(id)) return found;
    const taken = await takeUp(pool, nodeId, workspaceId, id);
    if (taken !== undefined) this.#run(workspaceId, id, taken.request, taken.createdAt);
    return found;
  }

  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  async close(): Promise<void> {
    clearInterval(this.#beat);
    this.#stop.abort();
    await this.settled();
  }

  #run(workspaceId: WorkspaceId, id: string, request: StoredRequest, createdAt: Date, made?: Made): void {
    const done = this.#queue.then(async () => {
      if (this.#stop.signal.aborted) return;
      const { pool, logger } = this.#parts;
      try {
        // taken up from another node, it is made of the world as it is now
        const { before, after, document } = made ?? (await this.#make(workspaceId, request, RADIUS_STORED));
        const { operations, replayDays } = request;
        const limitMs = this.#parts.replayLimitMs ?? REPLAY_LIMIT_MS;
        const parts = { ...this.#parts, limitMs };
        const replay = await replayChange(parts, workspaceId, before, after, operations, replayDays, this.#stop.signal);
        await storePreview(pool, workspaceId, id, { ...document, replay }, createdAt);
      } catch (error) {
        // a node that stops leaves the run to another
        if (this.#stop.signal.aborted) return;
        logger.warn({ err: error, preview: id }, 'a preview could not be made');
        const why = error instanceof Error ? error.message : 'unknown';
        await failRun(pool, workspaceId, id, `The log could not be replayed: ${why}.`).catch(() => undefined);
      }
    });
    this.#queue = done;
    this.#running.set(
      id,
      done.finally(() => this.#running.delete(id)),
    );
  }

  #keepAlive(): void {
    const { pool, nodeId, logger } = this.#parts;
    if (this.#running.size === 0) return;
    keepAlive(pool, nodeId, [...this.#running.keys()]).catch((error: unknown) =>
      logger.debug({ err: error }, 'previews could not be kept'),
    );
  }

  async #make(workspaceId: WorkspaceId, { operations, tests }: PreviewRequest, radiusOf: number): Promise<Made> {
    const { pool, catalogueOf, worlds, clock } = this.#parts;
    const [before, laid, stored, { world: radius }] = await Promise.all([
      readWorld(pool, catalogueOf, workspaceId),
      this.#lay(workspaceId, operations),
      storedTests(pool, workspaceId),
      worlds.read(workspaceId),
    ]);
    const after = overlay(before, operations);
    const sent = (tests ?? []).map((test) => ({ ...test, source: 'change' as const }));
    const document = await previewDocument({
      before,
      after,
      laid,
      tests: [...stored.map((test) => ({ ...test, source: 'workspace' as const })), ...sent],
      lintBefore: this.#lintOf(workspaceId, before.set),
      // the same policy, read at another time: its numbers are known already
      radius: radius.set.revision === before.set.revision ? radius : { ...radius, set: before.set },
      radiusOf,
      atMs: clock(),
    });
    return { before, after, document };
  }

  async #lay(workspaceId: WorkspaceId, operations: PreviewRequest['operations']): Promise<readonly LaidOperation[]> {
    const { pool, controlled } = this.#parts;
    const names = await namesOf(pool, workspaceId, operations);
    return Promise.all(
      operations.map(async (operation) => ({
        operation,
        before: await controlled.get(operation.type)?.read(pool, workspaceId, operation.id),
        name: names.get(operation.id) ?? operation.id,
      })),
    );
  }

  #lintOf(workspaceId: WorkspaceId, set: PolicySet): readonly Finding[] {
    const held = this.#lint.get(workspaceId);
    if (held?.revision === set.revision) return held.findings;
    const findings = lintPolicy(set);
    this.#lint.set(workspaceId, { revision: set.revision, findings });
    return findings;
  }
}

/** What people call agents and people, by id. */
async function namesOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  operations: PreviewRequest['operations'],
): Promise<ReadonlyMap<string, string>> {
  const ids = operations.flatMap(({ type, id }) => (type === 'assignment' || type === 'person_authority' ? [id] : []));
  if (ids.length === 0) return new Map();
  const { rows } = await pool.query<{ id: string; name: string }>(
    `SELECT id, handle AS name FROM agents WHERE workspace_id = $1 AND id = ANY($2)
     UNION ALL SELECT id, email FROM people WHERE workspace_id = $1 AND id = ANY($2)`,
    [workspaceId, ids],
  );
  return new Map(rows.map(({ id, name }) => [id, name]));
}
