/** Somebody leaves while their agents call, on two nodes of one database; and a node that dies over it. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { completeLost } from '../../src/departures/complete.ts';
import { leave, withDepartures } from '../../src/departures/index.ts';
import { readTask } from '../../src/departures/task.ts';
import type { PersonId } from '../../src/ids.ts';
import type { Permit } from '../../src/path/types.ts';
import { type Node, type Nodes, openNodes } from '../containment/nodes.ts';

const LEAVER = 'dana@acme.example';
const AGENTS = 3;
const CALLS_EACH = 6;

let nodes: Nodes;
let a: Node;
let b: Node;
let tokens: string[];
let leaver: { id: PersonId; email: string };

beforeEach(async () => {
  nodes = await openNodes();
  a = await nodes.add();
  await nodes.role('billing', ['payments.pay']);
  tokens = [];
  for (let i = 0; i < AGENTS; i += 1) {
    await nodes.agent(`agent-${i}`, ['billing'], LEAVER);
    tokens.push(await nodes.token(`agent-${i}`));
  }
  await nodes.agent('bystander', ['billing'], 'lee@acme.example');
  const { rows } = await a.pool.query<{ id: PersonId }>('SELECT id FROM people WHERE email = $1', [LEAVER]);
  leaver = { id: rows[0]?.id ?? ('' as PersonId), email: LEAVER };
});
afterEach(() => nodes.close());

interface Load {
  readonly permits: Permit[];
  readonly ofSecond: () => number;
  hasLeft: boolean;
  isOver: boolean;
  refusedAfter: number;
  finished: Promise<unknown>;
}

/** Each caller asks, works a moment unless it is aborted, settles, and asks again until it is refused after the departure. */
function startLoad(): Load {
  let second = 0;
  const load: Load = {
    permits: [],
    ofSecond: () => second,
    hasLeft: false,
    isOver: false,
    refusedAfter: 0,
    finished: Promise.resolve(),
  };
  const caller = async (token: string, node: Node): Promise<void> => {
    while (!load.isOver) {
      const { hasLeft } = load;
      const result = await node.act(token, 'payments.pay');
      if (result.kind === 'permit') {
        load.permits.push(result);
        if (node === b) second += 1;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 3);
          result.signal.addEventListener('abort', () => {
            clearTimeout(timer);
            resolve();
          });
        });
        await node.path.settle(result, { result: result.signal.aborted ? 'unknown' : 'success' });
      } else if (hasLeft) {
        load.refusedAfter += 1;
        return;
      }
    }
  };
  load.finished = Promise.all(
    tokens.flatMap((token) => Array.from({ length: CALLS_EACH }, (_, i) => caller(token, i % 2 === 0 ? a : b))),
  );
  return load;
}

async function busy(load: Load): Promise<void> {
  await vi.waitFor(() => expect(Math.min(load.ofSecond(), load.permits.length - load.ofSecond())).toBeGreaterThan(20), {
    timeout: 20_000,
    interval: 1,
  });
}

/** Allowed calls of the leaver's agents in blocks behind the one that holds the departure, by the one clock of the database. */
async function allowedAfter(): Promise<number> {
  const { rows } = await nodes.database.pool.query<{ records: Buffer }>(
    'SELECT records FROM log_blocks WHERE workspace_id = $1 ORDER BY committed_at',
    [nodes.who.workspaceId],
  );
  const blocks = rows.map(({ records }) =>
    records
      .toString()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );
  const departure = blocks.findIndex((records) => records.some(({ kind }) => kind === 'person.left'));
  expect(departure).toBeGreaterThan(0);
  return blocks
    .slice(departure + 1)
    .flat()
    .filter(({ kind, verdict, owner }) => kind === 'tool.call' && verdict === 'allow' && owner === LEAVER).length;
}

async function onlyTask() {
  const { rows } = await a.pool.query<{ id: string }>('SELECT id FROM transfer_tasks');
  expect(rows).toHaveLength(1);
  return readTask(a.pool, nodes.who.workspaceId, rows[0]?.id ?? '');
}

// Where the other node is deaf, only the database keeps its callers from beginning anything, and the answer waits.
it.each([true, false])('no call begins after the answer (the other node listens: %s)', async (listens) => {
  b = await nodes.add({ listens });
  const load = startLoad();
  await busy(load);
  const startedAt = performance.now();
  expect(await leave(a, nodes.who, leaver, 'scim')).toBe(true);
  const answeredAt = performance.now();
  const known = load.permits.length;
  load.hasLeft = true;
  await vi.waitFor(() => expect(load.refusedAfter).toBe(AGENTS * CALLS_EACH), { timeout: 20_000, interval: 1 });
  load.isOver = true;
  await load.finished;

  expect(await allowedAfter()).toBe(0);
  const late = load.permits.slice(known).filter(({ beginByMs }) => (beginByMs ?? 0) > answeredAt);
  expect(late.filter(({ signal }) => !signal.aborted)).toEqual([]);

  const { status, agents, receipt, first_refusal_ms: firstRefusalMs } = await onlyTask();
  expect(status).toBe('open');
  expect(agents.map(({ agent, status: now, tokens_ended }) => [agent, now, tokens_ended])).toEqual(
    Array.from({ length: AGENTS }, (_, i) => [`agent-${i}`, 'suspended', 1]),
  );
  expect(firstRefusalMs).toBeGreaterThan(0);
  expect(firstRefusalMs).toBeLessThanOrEqual(answeredAt - startedAt);
  expect(Date.parse(receipt.committed_at ?? '')).toBeGreaterThanOrEqual(Date.parse(receipt.ordered_at ?? ''));
  expect(receipt.nodes).toEqual([
    { node: 'node-1', effective_at: expect.any(String) },
    { node: 'node-2', effective_at: listens ? expect.any(String) : null },
  ]);
  expect(receipt.calls.every(({ capability }) => capability === 'payments.pay')).toBe(true);
  // Nobody who had nothing to do with it was stopped.
  expect((await a.act(await nodes.token('bystander'), 'payments.pay')).kind).toBe('permit');
});

it('a node that dies between the commit and the rest leaves nothing alive, and the next one completes it', async () => {
  b = await nodes.add({ listens: true });
  const load = startLoad();
  await busy(load);
  // As far as the commit, and no further.
  const dying = { ...a, path: { ...a.path, stop: () => new Promise<never>(() => undefined) }, nodeId: 'node-dying' };
  void withDepartures(dying as Node, nodes.who.workspaceId, async (_, leaving) => leaving(nodes.who, leaver, 'scim'));
  await vi.waitFor(async () => expect(await onlyTask()).toMatchObject({ status: 'open' }), { interval: 1 });
  load.hasLeft = true;
  await vi.waitFor(() => expect(load.refusedAfter).toBe(AGENTS * CALLS_EACH), { timeout: 20_000, interval: 1 });
  load.isOver = true;
  await load.finished;
  expect(await allowedAfter()).toBe(0);
  for (const token of tokens)
    expect(await b.path.authenticate(token, { tool: 'probe' })).toEqual({
      kind: 'unauthenticated',
      code: 'agent_suspended',
    });
  expect((await onlyTask()).receipt).toMatchObject({ committed_at: null, effective_at: null });

  await completeLost(b);
  expect((await onlyTask()).receipt.committed_at).toBeNull();
  await nodes.database.pool.query("UPDATE transfer_tasks SET opened_at = opened_at - interval '1 minute'");
  await completeLost(b);
  expect((await onlyTask()).receipt).toMatchObject({ committed_at: expect.any(String), first_refusal_ms: null });
});
