/** A stop against fifty callers on two nodes of one database. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Permit } from '../../src/path/types.ts';
import type { StopSignal } from '../../src/stop-signal.ts';
import { type Node, type Nodes, openNodes } from './nodes.ts';

const AGENTS = 10;
const CALLS_EACH = 5;
const WORK_MS = 3;

let nodes: Nodes;
let a: Node;
let b: Node;
let tokens: string[];

beforeEach(async () => {
  nodes = await openNodes();
  a = await nodes.add();
  await nodes.role('billing', ['payments.pay']);
  tokens = [];
  for (let i = 0; i < AGENTS; i += 1) {
    await nodes.agent(`agent-${i}`, ['billing']);
    tokens.push(await nodes.token(`agent-${i}`));
  }
});
afterEach(() => nodes.close());

interface Load {
  readonly permits: Permit[];
  /** How many of them the second node gave. */
  ofSecond: number;
  /** Calls begun after the stop had returned, and refused. */
  refused: number;
  isStopped: boolean;
  isOver: boolean;
  finished: Promise<unknown>;
}

/** Each caller asks, works a moment unless it is aborted, settles, and asks again until it is refused after the stop. */
function startLoad(): Load {
  const load: Load = {
    permits: [],
    ofSecond: 0,
    refused: 0,
    isStopped: false,
    isOver: false,
    finished: Promise.resolve(),
  };
  const caller = async (token: string, node: Node): Promise<void> => {
    while (!load.isOver) {
      const { isStopped } = load;
      const result = await node.act(token, 'payments.pay');
      if (result.kind === 'permit') {
        load.permits.push(result);
        if (node === b) load.ofSecond += 1;
        await working(result.signal);
        await node.path.settle(result, { result: result.signal.aborted ? 'unknown' : 'success' });
      } else if (isStopped) {
        load.refused += 1;
        return;
      }
    }
  };
  load.finished = Promise.all(
    tokens.flatMap((token) => Array.from({ length: CALLS_EACH }, (_, i) => caller(token, i % 2 === 0 ? a : b))),
  );
  return load;
}

function working(signal: StopSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, WORK_MS);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * Allowed calls in blocks that came after the block of the order. A recording transaction shares the lock that
 * the order takes for itself, so one that ended before the order has an earlier time, by the one clock of the database.
 */
async function allowedAfterOrder(eventId: string, handles: readonly string[]): Promise<number> {
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
  const order = blocks.findIndex((records) => records.some((record) => record.event_id === eventId));
  expect(order).toBeGreaterThan(0);
  return blocks
    .slice(order + 1)
    .flat()
    .filter(({ kind, verdict, agent }) => kind === 'tool.call' && verdict === 'allow' && handles.includes(agent))
    .length;
}

// Where the other node is deaf, only the database keeps its callers from beginning anything.
it.each([
  { scope: 'agent', target: 'agent-0', covers: 1, listens: true },
  { scope: 'agent', target: 'agent-0', covers: 1, listens: false },
  { scope: 'role', target: 'billing', covers: AGENTS, listens: true },
  { scope: 'owner', target: 'dana@acme.example', covers: AGENTS, listens: false },
  { scope: 'tool', target: 'payments.pay', covers: AGENTS, listens: true },
  { scope: 'tool', target: 'payments.pay', covers: AGENTS, listens: false },
  { scope: 'workspace', target: '*', covers: AGENTS, listens: false },
] as const)(
  'no call begins after a stop of the $scope (the other node listens: $listens)',
  async ({ scope, target, covers, listens }) => {
    b = await nodes.add({ listens });
    const load = startLoad();
    await vi.waitFor(() => expect(Math.min(load.ofSecond, load.permits.length - load.ofSecond)).toBeGreaterThan(50), {
      timeout: 20_000,
      interval: 1,
    });

    const { receipt } = await a.stop({ scope, target }).catch((error: unknown) => {
      load.isOver = true;
      throw error;
    });
    const known = load.permits.length;
    load.isStopped = true;
    await vi.waitFor(() => expect(load.refused).toBe(covers * CALLS_EACH), { timeout: 20_000, interval: 1 });
    load.isOver = true;
    await load.finished;

    const handles = Array.from({ length: covers }, (_, i) => `agent-${i}`);
    expect(await allowedAfterOrder(receipt.event_id, handles)).toBe(0);
    // Where the other node did not hear, its callers may yet be handed what was recorded before the stop.
    const late = load.permits.slice(known).filter(({ principal }) => handles.includes(principal.agent));
    if (listens) expect(late.filter(({ signal }) => !signal.aborted)).toEqual([]);

    expect(receipt.first_refusal_ms).toBeGreaterThan(0);
    expect(Date.parse(receipt.effective_at ?? '')).toBeGreaterThanOrEqual(Date.parse(receipt.committed_at ?? ''));
    expect(Date.parse(receipt.committed_at ?? '')).toBeGreaterThanOrEqual(Date.parse(receipt.ordered_at));
    expect(receipt.agents.map(({ name }) => name)).toEqual(scope === 'tool' ? [] : handles);
    expect(receipt.calls.every(({ capability }) => capability === 'payments.pay')).toBe(true);
    expect(receipt.nodes).toEqual([
      { node: 'node-1', effective_at: expect.any(String) },
      { node: 'node-2', effective_at: listens ? expect.any(String) : null },
    ]);
  },
);
