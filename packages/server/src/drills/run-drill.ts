/**
 * Runs drills. A time that is due is taken in the transaction that makes the shadow agent, by moving the drill on to its
 * next time; so of several nodes one runs it, once. A node that dies over it leaves a rehearsal that failed as lost.
 */
import type { ClientBase } from 'pg';
import { type Agent, readAgent } from '../agents/index.ts';
import { expireProposals, readSettings } from '../containment/index.ts';
import { type AgentId, newId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { type DrillDocument, drillDocument, nextTime, readDrill } from './drill.ts';
import { lostRehearsals, nothingMeasured, type Rehearsal, readRehearsal } from './rehearsal.ts';
import { type RehearseContext, rehearseWith } from './rehearse.ts';
import { endRehearsal, makeShadow, type Occasion, type Shadow } from './shadow.ts';

const LOOK_EVERY_MS = 1_000;

interface Due {
  readonly workspaceId: WorkspaceId;
  readonly name: string;
  readonly document: unknown;
  /** As PostgreSQL writes it, to the microsecond. */
  readonly at: string;
}

const DUE = `
SELECT workspace_id AS "workspaceId", name, document, next_at::text AS at FROM drills
 WHERE next_at <= clock_timestamp() ORDER BY next_at LIMIT 20`;

/** Also records what nobody confirmed in time, and rehearsals whose node is gone. */
export function watchDrills(context: RehearseContext): Rounds {
  return startRounds(
    LOOK_EVERY_MS,
    () => look(context),
    (error) => context.logger.warn({ err: error }, 'drills could not be looked after'),
  );
}

async function look(context: RehearseContext): Promise<void> {
  const { pool, log, logger } = context;
  await expireProposals(context);
  for (const { workspaceId, id } of await lostRehearsals(pool))
    await endRehearsal(log, { workspaceId, actor: 'system' }, id, false, nothingMeasured('node_lost')).catch(
      (error: unknown) =>
        logger.warn({ err: error, workspaceId, rehearsal: id }, 'a lost rehearsal could not be ended'),
    );
  const { rows } = await pool.query<Due>(DUE);
  // One that fails is due again in the next round, and keeps nobody else's from being held.
  for (const due of rows)
    await runDue(context, due).catch((error: unknown) =>
      logger.warn({ err: error, workspaceId: due.workspaceId, drill: due.name }, 'a drill could not be held'),
    );
}

/** Undefined where another node has taken it. */
async function runDue(context: RehearseContext, due: Due): Promise<Rehearsal | undefined> {
  const { workspaceId, name, at } = due;
  const document = drillDocument.parse(due.document);
  const who = { workspaceId, actor: `drill:${name}` };
  const taken = await context.log.transact(workspaceId, async (transaction) => {
    const next = nextTime(name, document, transaction.now.getTime());
    const { rowCount } = await transaction.client.query(
      'UPDATE drills SET next_at = $4 WHERE workspace_id = $1 AND name = $2 AND next_at = $3::timestamptz',
      [workspaceId, name, at, next === undefined ? null : new Date(next)],
    );
    return rowCount === 0 ? undefined : begin(transaction, context, { ...who, drill: name }, document);
  });
  return taken === undefined ? undefined : finish(context, who, taken);
}

/** Now, whenever it is due. Throws `drill_not_found`. */
export async function runDrill(
  context: RehearseContext,
  who: Pick<Occasion, 'workspaceId' | 'actor'>,
  name: string,
): Promise<Rehearsal> {
  const begun = await context.log.transact(who.workspaceId, async (transaction) => {
    const { object: _, ...drill } = await readDrill(transaction.client, who.workspaceId, name);
    return begin(transaction, context, { ...who, drill: name }, drill);
  });
  return finish(context, who, begun);
}

/** A shadow to rehearse with, or the id of a rehearsal that failed for want of an agent. */
type Begun =
  | { readonly kind: 'shadow'; readonly shadow: Shadow }
  | { readonly kind: 'failed'; readonly id: string; readonly failure: string };

async function begin(
  transaction: LoggedTransaction,
  { nodeId, keys }: RehearseContext,
  occasion: Omit<Occasion, 'nodeId'>,
  { agent: wanted }: Pick<DrillDocument, 'agent'>,
): Promise<Begun> {
  const { client } = transaction;
  const { workspaceId, actor, drill } = occasion;
  const agent = await agentFor(client, workspaceId, wanted);
  if (agent !== undefined)
    return { kind: 'shadow', shadow: await makeShadow(transaction, { ...occasion, nodeId }, agent, keys.pepper) };
  const { target_ms: targetMs } = await readSettings(client, workspaceId);
  const id = newId<string>('reh');
  await client.query(
    `INSERT INTO rehearsals (workspace_id, id, agent, drill, actor, node, target_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [workspaceId, id, wanted, drill ?? null, actor, nodeId, targetMs],
  );
  return { kind: 'failed', id, failure: wanted === null ? 'nobody_active' : 'agent_not_active' };
}

async function agentFor(
  client: ClientBase,
  workspaceId: WorkspaceId,
  wanted: string | null,
): Promise<Agent | undefined> {
  const { rows } = await client.query<{ id: AgentId }>(
    `SELECT a.id FROM agents a JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
      WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL AND s.status = 'active'
        AND ($2::text IS NULL OR a.id = $2 OR lower(a.handle) = lower($2)) ORDER BY random() LIMIT 1`,
    [workspaceId, wanted],
  );
  return rows[0] && readAgent(client, workspaceId, rows[0].id);
}

async function finish(
  context: RehearseContext,
  who: Pick<Occasion, 'workspaceId' | 'actor'>,
  begun: Begun,
): Promise<Rehearsal> {
  if (begun.kind === 'shadow') return rehearseWith(context, who, begun.shadow);
  await endRehearsal(context.log, who, begun.id, false, nothingMeasured(begun.failure));
  return readRehearsal(context.pool, who.workspaceId, begun.id);
}
