/**
 * Holds the numbers against what was accepted whenever policy, roles or owners have changed, and has a certificate made
 * once they have been quiet for a while. Any number of nodes look; what is told is told once, by the row that says so.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { RadiusChange } from '@hivekey/policy';
import { administratorsOf } from '../identity/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { Logger } from '../observability/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { type Acceptance, listAccepted, passed, readAcceptance } from './acceptances.ts';
import { type CertifyContext, certify } from './certificates.ts';
import { nameAccepted } from './subjects.ts';

const LOOK_EVERY_MS = 2_000;
/** A policy that is still being edited gets its certificate when that is over, */
const QUIET_MS = 30_000;
/** or after this long. */
const CERTIFY_AFTER_MS = 300_000;
/** A node that died over a certificate is not waited for any longer. */
const CLAIMED_SECONDS = 600;
/** Numbers on one record, which has at most 64 KiB. */
const MAX_NUMBERS = 50;

export type WatchContext = CertifyContext & {
  readonly logger: Logger;
  readonly clock: () => number;
  /** In place of `QUIET_MS`. */
  readonly quietMs?: number;
};

interface Seen {
  /** As of which acceptances were judged. */
  judged: string | undefined;
  basis: string;
  sinceMs: number;
  /** Of the first change that no certificate covers. */
  changedMs: number | undefined;
  covered: string | undefined;
}

export function watchBlastRadius(context: WatchContext): Rounds {
  const seen = new Map<WorkspaceId, Seen>();
  return startRounds(
    LOOK_EVERY_MS,
    async () => {
      const { rows } = await context.pool.query<{ id: WorkspaceId }>('SELECT id FROM workspaces');
      for (const { id } of rows) await lookAt(context, id, seen);
    },
    (error) => context.logger.warn({ err: error }, 'blast radii could not be watched'),
  );
}

async function lookAt(context: WatchContext, workspaceId: WorkspaceId, seen: Map<WorkspaceId, Seen>): Promise<void> {
  const nowMs = context.clock();
  const basis = await context.worlds.basis(workspaceId);
  const last = seen.get(workspaceId) ?? {
    judged: undefined,
    basis,
    sinceMs: nowMs,
    changedMs: nowMs,
    covered: undefined,
  };
  if (last.basis !== basis) Object.assign(last, { basis, sinceMs: nowMs });
  seen.set(workspaceId, last);
  const accepted = await listAccepted(context.pool, workspaceId);
  for (const acceptance of accepted)
    if (acceptance.status === 'expired' && acceptance.expired_at === null)
      await tellExpired(context, workspaceId, acceptance);
  if (accepted.length > 0) last.judged = await judge(context, workspaceId, accepted, last.judged);
  if (last.covered === basis) return;
  last.changedMs ??= nowMs;
  if (nowMs - last.sinceMs < (context.quietMs ?? QUIET_MS) && nowMs - last.changedMs < CERTIFY_AFTER_MS) return;
  if (await certifyOnce(context, workspaceId, basis)) Object.assign(last, { covered: basis, changedMs: undefined });
}

/** What was judged, so that the same is not judged again. */
async function judge(
  context: WatchContext,
  workspaceId: WorkspaceId,
  accepted: readonly Acceptance[],
  judged: string | undefined,
): Promise<string> {
  const read = await context.worlds.read(workspaceId);
  const now = JSON.stringify([read.basis, read.containment.seconds, accepted.map(({ id }) => id)]);
  if (now === judged) return now;
  for (const acceptance of accepted) {
    const { subject_kind, subject_id, subject_name, exceeded_at } = acceptance;
    const named = nameAccepted(read, subject_kind, subject_id, subject_name);
    const { result } = await readAcceptance(context.pool, workspaceId, acceptance.id);
    const larger = named === undefined ? [] : passed(result, await context.worlds.radius(workspaceId, read, named));
    if (larger.length > 0 && exceeded_at === null) await tellExceeded(context, workspaceId, acceptance, larger);
    if (larger.length === 0 && exceeded_at !== null)
      await context.pool.query(
        'UPDATE blast_radius_acceptances SET exceeded_at = NULL WHERE workspace_id = $1 AND id = $2',
        [workspaceId, acceptance.id],
      );
    // Between two subjects calls are served.
    await breathe();
  }
  return now;
}

function tellExceeded(
  { log }: WatchContext,
  workspaceId: WorkspaceId,
  acceptance: Acceptance,
  larger: readonly RadiusChange[],
): Promise<void> {
  return tell(log, workspaceId, acceptance, 'exceeded_at', {
    cause: 'passed',
    numbers: larger
      .slice(0, MAX_NUMBERS)
      .map(({ unit, horizon, line, before, after }) => ({ unit, horizon, line, accepted: before, now: after })),
    numbers_count: larger.length,
    sentence: larger[0]?.sentence,
  });
}

function tellExpired({ log }: WatchContext, workspaceId: WorkspaceId, acceptance: Acceptance): Promise<void> {
  return tell(log, workspaceId, acceptance, 'expired_at', { cause: 'expired' });
}

/** Whoever marks the row writes the record. */
function tell(
  log: WatchContext['log'],
  workspaceId: WorkspaceId,
  { id, subject_kind, subject_id, subject_name, person, until }: Acceptance,
  mark: 'exceeded_at' | 'expired_at',
  facts: Readonly<Record<string, unknown>>,
): Promise<void> {
  return log.transact(workspaceId, async ({ client, log: record }: LoggedTransaction) => {
    const { rowCount } = await client.query(
      `UPDATE blast_radius_acceptances SET ${mark} = clock_timestamp()
        WHERE workspace_id = $1 AND id = $2 AND ended_at IS NULL AND ${mark} IS NULL`,
      [workspaceId, id],
    );
    if (rowCount === 0) return;
    record({
      kind: 'blast_radius.exceeded',
      actor: 'system',
      severity: 'high',
      to: [...new Set([person, ...(await administratorsOf(client, workspaceId))])],
      acceptance: id,
      subject: { kind: subject_kind, id: subject_id, name: subject_name },
      person,
      until: new Date(until * 1000).toISOString(),
      ...facts,
    });
  });
}

/** By one node. Whether the certificate stands: one that fails is tried again when its claim has run out. */
async function certifyOnce(context: WatchContext, workspaceId: WorkspaceId, basis: string): Promise<boolean> {
  const { pool, worlds } = context;
  await pool.query('INSERT INTO blast_radius_watch (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING', [workspaceId]);
  const { rowCount } = await pool.query(
    `UPDATE blast_radius_watch SET claimed_until = now() + make_interval(secs => ${CLAIMED_SECONDS})
      WHERE workspace_id = $1 AND certified IS DISTINCT FROM $2 AND (claimed_until IS NULL OR claimed_until < now())`,
    [workspaceId, basis],
  );
  if (rowCount === 0) {
    const { rows } = await pool.query<{ certified: string | null }>(
      'SELECT certified FROM blast_radius_watch WHERE workspace_id = $1',
      [workspaceId],
    );
    return rows[0]?.certified === basis;
  }
  const read = await worlds.read(workspaceId);
  await certify(context, workspaceId, 'system', read);
  await pool.query('UPDATE blast_radius_watch SET certified = $2, claimed_until = NULL WHERE workspace_id = $1', [
    workspaceId,
    read.basis,
  ]);
  return read.basis === basis;
}
