/** A stop while the log cannot be written. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readContainment } from '../../src/containment/containment.ts';
import { hearMissedStops } from '../../src/containment/hear.ts';
import { confirmProposal } from '../../src/containment/propose.ts';
import type { Scope } from '../../src/containment/standing.ts';
import { orderStop } from '../../src/containment/stop.ts';
import { Failure } from '../../src/errors.ts';
import { newId, type PersonId } from '../../src/ids.ts';
import { LogUnavailable } from '../../src/log/types.ts';
import { type Node, type Nodes, openNodes } from './nodes.ts';

let nodes: Nodes;
let node: Node;
let id: string;
let token: string;

beforeAll(async () => {
  nodes = await openNodes();
  node = await nodes.add();
  await nodes.role('billing', ['payments.pay']);
  id = await nodes.agent('biller', ['billing']);
  token = await nodes.token('biller');
});
afterAll(() => nodes.close());

async function codeOf(promise: Promise<unknown>): Promise<[number, string] | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => (error instanceof Failure ? [error.status, error.code] : Promise.reject(error)),
  );
}

/** The node, with a log that takes no change. What it has recorded, and what it reads, is real. */
function withoutLog(): Node {
  const { log } = node;
  const broken: Node['log'] = Object.create(log, {
    transact: { value: () => Promise.reject(new LogUnavailable('the disk is full')) },
  });
  return { ...node, log: broken };
}

const targets: [Scope, () => string][] = [
  ['agent', () => id],
  ['agent', () => 'biller'],
  ['role', () => 'billing'],
  ['owner', () => 'dana@acme.example'],
  ['tool', () => 'payments.pay'],
  ['workspace', () => '*'],
];

describe.each(targets)('a stop of the %s that cannot be recorded', (scope, target) => {
  it('says so, claims nothing, and still aborts what runs here', async () => {
    const permit = await node.act(token, 'payments.pay');
    if (permit.kind !== 'permit') throw new Error(permit.kind);
    let isClosed = false;
    const forget = node.path.onStop(nodes.who.workspaceId, permit.principal.agentId, () => {
      isClosed = true;
    });
    const ended = new Promise<void>((resolve) => permit.signal.addEventListener('abort', () => resolve())).then(() =>
      node.path.settle(permit, { result: 'unknown', errorCode: 'aborted_by_stop' }),
    );
    const order = { scope, target: target(), reason: '' };
    expect(await codeOf(orderStop(withoutLog(), nodes.who, order))).toEqual([503, 'stop_not_recorded']);
    await ended;
    forget();
    expect(isClosed).toBe(scope !== 'tool');
    const { rows } = await nodes.database.pool.query('SELECT FROM containments');
    expect(rows).toEqual([]);
  });
});

it('that another person confirms and cannot be recorded aborts what runs here', async () => {
  const { pool } = nodes.database;
  const { workspaceId } = nodes.who;
  const { rows } = await pool.query<{ id: PersonId }>(
    `INSERT INTO people (workspace_id, id, email, display_name) VALUES ($1, 'per_lee', 'lee@acme.example', 'Lee') RETURNING id`,
    [workspaceId],
  );
  await pool.query(
    `INSERT INTO containment_proposals (workspace_id, id, kind, scope, target, reason, proposed_by, proposed_by_id, answer_by)
     SELECT $1, 'prp_one', 'kill', 'agent', 'biller', '', 'key:dana', p.id, now() + interval '1 hour'
       FROM people p WHERE p.workspace_id = $1 AND p.email = 'dana@acme.example'`,
    [workspaceId],
  );
  const lee = {
    ...nodes.who,
    actor: 'key:lee',
    person: { id: rows[0]?.id ?? newId('per'), email: 'lee@acme.example' },
  };
  const permit = await node.act(token, 'payments.pay');
  if (permit.kind !== 'permit') throw new Error(permit.kind);
  // Nobody's order by themselves: whoever may not confirm cuts nothing.
  expect(await codeOf(confirmProposal(withoutLog(), nodes.who, 'prp_one'))).toEqual([503, 'stop_not_recorded']);
  expect(permit.signal.aborted).toBe(false);
  permit.signal.addEventListener('abort', () => node.path.settle(permit, { result: 'unknown' }));
  expect(await codeOf(confirmProposal(withoutLog(), lee, 'prp_one'))).toEqual([503, 'stop_not_recorded']);
  expect(permit.signal.aborted).toBe(true);
});

it('waits for nothing but the grace: a call that never ends is told as unknown', async () => {
  const permit = await node.act(token, 'payments.pay');
  if (permit.kind !== 'permit') throw new Error(permit.kind);
  const started = performance.now();
  const { receipt } = await node.stop({ scope: 'agent', target: 'biller' });
  expect(performance.now() - started).toBeLessThan(4_000);
  expect(permit.signal.aborted).toBe(true);
  expect(receipt.calls).toEqual([
    { event_id: permit.eventId, agent: 'biller', capability: 'payments.pay', fate: 'unknown' },
  ]);
  // The refusal was measured before the call's fate was known.
  expect(receipt.first_refusal_ms).toBeLessThan(2_000);
  await node.path.settle(permit, { result: 'unknown' });
});

it('is answered while every connection of the pool is busy', async () => {
  await nodes.agent('starved', ['billing']);
  const pool = new pg.Pool({ connectionString: nodes.database.url, max: 1, connectionTimeoutMillis: 30_000 });
  const busy = await pool.connect();
  const started = performance.now();
  const { receipt } = await orderStop({ ...node, pool }, nodes.who, { scope: 'agent', target: 'starved', reason: '' });
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(receipt).toMatchObject({ agents: [{ name: 'starved' }], first_refusal_ms: expect.any(Number) });
  busy.release();
  await pool.end();
});

it('a node that missed the notice follows the stop when it hears again, and says what it aborted', async () => {
  const deaf = await nodes.add({ listens: false });
  await nodes.agent('elsewhere', ['billing']);
  const permit = await deaf.act(await nodes.token('elsewhere'), 'payments.pay');
  if (permit.kind !== 'permit') throw new Error(permit.kind);
  const stop = await node.stop({ scope: 'agent', target: 'elsewhere' });
  expect(stop.receipt.nodes).toContainEqual({ node: deaf.nodeId, effective_at: null });
  expect(permit.signal.aborted).toBe(false);

  permit.signal.addEventListener('abort', () => void deaf.path.settle(permit, { result: 'not_attempted' }));
  await hearMissedStops(deaf);
  expect(permit.signal.aborted).toBe(true);
  const { receipt } = await readContainment(nodes.database.pool, nodes.who.workspaceId, stop.id);
  expect(receipt.nodes).toContainEqual({ node: deaf.nodeId, effective_at: expect.any(String) });
  expect(receipt.calls).toEqual([
    { event_id: permit.eventId, agent: 'elsewhere', capability: 'payments.pay', fate: 'aborted_before_upstream' },
  ]);
});

it('a receipt that was lost with its node is completed by the same order', async () => {
  await nodes.agent('other', ['billing']);
  const { id: stop } = await node.stop({ scope: 'agent', target: 'other' });
  await nodes.database.pool.query(
    'UPDATE containments SET committed_at = NULL, effective_at = NULL, first_refusal_ms = NULL WHERE id = $1',
    [stop],
  );
  const again = await node.stop({ scope: 'agent', target: 'other' });
  expect(again.id).toBe(stop);
  expect(again.receipt.first_refusal_ms).toBeGreaterThan(0);
});
