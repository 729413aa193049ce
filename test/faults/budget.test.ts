import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Administration,
  administer,
  eventually,
  type TestAgent,
} from '../../packages/server/test/actions/workspace.ts';
import { download, entriesOf, verify } from '../../packages/server/test/audit/archive.ts';
import { modern, send } from '../../packages/server/test/gateway-mcp/wire-client.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { prepare } from './load.ts';
import type { ServerProcess } from './process.ts';
import { chargeOf, startUpstream, type Upstream } from './upstream.ts';

const CALLS = 5_000;
const AT_ONCE = 500;
const CAP_CENTS = 300_000;
/** Answered calls after which one of the nodes is killed. */
const KILL_AFTER = 1_000;

let upstream: Upstream;
let fleet: Fleet;
let administration: Administration;
let agents: TestAgent[];

/** Three nodes on one database, and agents that share one cap. */
beforeAll(async () => {
  upstream = await startUpstream();
  fleet = await startFleet('budget', 3);
  administration = await prepare(fleet.node(0), upstream);
  await administration.capability('tally.pay', {
    impact: { usd: { field: 'amount', currency: 'USD', settle: { field: 'charged', errors: 'release' } } },
  });
  const cap = {
    id: 'till-cap',
    action: 'tally.pay',
    when: { field: 'sum(usd, 24h)', lte: CAP_CENTS / 100, scope: 'role' },
  };
  await administration.role('payer', ['tally.pay'], [{ ...cap, effect: 'allow' }]);
  agents = await Promise.all(Array.from({ length: 10 }, (_, n) => administration.agent(`payer-${n}`, 'payer')));
});
afterAll(async () => {
  await fleet.close();
  await upstream.close();
});

type Fate =
  | { readonly kind: 'answered' }
  | { readonly kind: 'refused'; readonly text: string; readonly meta: Record<string, unknown> }
  /** Let through, and the upstream was not reached, or did not answer. */
  | { readonly kind: 'failed' }
  /** No answer: the node is gone. */
  | { readonly kind: 'broken' };

async function pay(node: ServerProcess, agent: TestAgent, id: string, cents: number): Promise<Fate> {
  const request = modern(agent.token, 'tools/call', { name: 'pay', arguments: { id, amount: cents / 100 } });
  try {
    const { json, events } = await send(node.port, { ...request, path: '/mcp/tally' });
    const text = JSON.stringify(events.at(-1) ?? json);
    if (text.includes(`paid ${id}`) || text.includes(`declined ${id}`)) return { kind: 'answered' };
    const { result } = JSON.parse(text);
    if (result?._meta?.['hivekey/verdict'] === 'allow') return { kind: 'failed' };
    return { kind: 'refused', text: String(result?.content?.[0]?.text ?? text), meta: result?._meta ?? {} };
  } catch {
    return { kind: 'broken' };
  }
}

/** Cents of a call: from 1 to 399, and no two runs of them alike. */
function centsOf(n: number): number {
  return 1 + ((n * 7919) % 399);
}

async function budget(): Promise<{ used: number; left: number }> {
  const { body } = await administration.done('GET', '/v1/budgets?role=payer', undefined);
  return body.data[0];
}

/** What the log says of each payment: reserved, given back, and how it ended. */
async function logged() {
  const { body } = await administration.done('GET', '/v1/audit/key', undefined);
  const files = await download(fleet.node(0).url, fleet.node(0).adminKey);
  expect(await verify(files, body.key)).toMatchObject({ isVerified: true, isWhole: true });
  const payments = new Map<string, { id: string; charged: number; credited: number; outcomes: string[] }>();
  const sum = (parts: unknown): number =>
    Array.isArray(parts) ? parts.reduce((total, { amount }) => total + Number(amount), 0) : 0;
  for (const { record } of entriesOf(files)) {
    if (record.kind === 'tool.call' && record.verdict === 'allow')
      payments.set(record.event_id, {
        id: JSON.parse(JSON.stringify(record.args)).id,
        charged: sum(record.charges),
        credited: 0,
        outcomes: [],
      });
    const call = record.kind === 'tool.result' ? payments.get(String(record.call_event_id)) : undefined;
    call?.outcomes.push(String(record.outcome));
    if (call !== undefined) call.credited += sum(record.credits);
  }
  return [...payments.values()];
}

it(`spends to the last cent and not beyond in ${CALLS} calls over three nodes, one of them killed`, {
  timeout: 120_000,
}, async () => {
  const fates = new Map<string, Fate>();
  let next = 0;
  let answered = 0;
  let killed: Promise<void> | undefined;
  async function work(): Promise<void> {
    for (let n = next++; n < CALLS; n = next++) {
      const id = `pay-${n}`;
      const agent = agents[n % agents.length];
      if (agent === undefined) throw new Error('there are no agents');
      fates.set(id, await pay(fleet.node(n % fleet.nodes.length), agent, id, centsOf(n)));
      answered += 1;
      if (answered === KILL_AFTER) killed = fleet.node(2).kill('SIGKILL');
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await killed;
  // The node comes back and tells the fate of what it had in flight.
  await fleet.restart(2);
  administration = administer(fleet.node(0));
  const payments = await eventually(async () => {
    const found = await logged();
    return found.every(({ outcomes }) => outcomes.length > 0) ? found : undefined;
  });

  const refused = [...fates.values()].filter((fate) => fate.kind === 'refused');
  expect(refused.length).toBeGreaterThan(CALLS / 4);
  for (const { text, meta } of refused) {
    expect(meta).toMatchObject({
      'hivekey/verdict': 'deny',
      'hivekey/reason_class': 'cap',
      'hivekey/rule': 'till-cap',
    });
    expect(meta['hivekey/retry_after_seconds']).toBeGreaterThan(0);
    // The cap is shared, so nobody is told what the others have used.
    expect(meta['hivekey/remaining']).toBeUndefined();
    expect(text).toContain('does not fit into what is left of $3000.00 in any 24 hours per role');
  }
  expect([...fates.values()].some(({ kind }) => kind === 'broken')).toBe(true);

  // The log, the counter, and what the upstream itself has charged.
  const { used } = await budget();
  expect(used).toBeLessThanOrEqual(CAP_CENTS);
  const spent = payments.reduce((sum, { charged, credited }) => sum + charged - credited, 0);
  expect(spent).toBe(used);
  const unknown = payments.filter(({ outcomes }) => outcomes.every((outcome) => outcome === 'unknown'));
  for (const { id, charged, credited, outcomes } of payments) {
    const cents = centsOf(Number(id.slice(4)));
    expect(charged).toBe(cents);
    // What is not known counts as spent; what is known counts as the upstream has it.
    const known = outcomes.find((outcome) => outcome !== 'unknown');
    expect(charged - credited).toBe(known === undefined ? cents : known === 'not_attempted' ? 0 : chargeOf(id, cents));
    if (known === 'success' || known === 'error') expect(upstream.charged.get(id)).toBe(chargeOf(id, cents));
    if (known === 'not_attempted') expect(upstream.charged.has(id)).toBe(false);
  }
  const tally = [...upstream.charged.values()].reduce((sum, cents) => sum + cents, 0);
  const inDoubt = unknown.reduce((sum, { id, charged }) => sum + charged - (upstream.charged.get(id) ?? 0), 0);
  expect(used - tally).toBe(inDoubt);
  const { body: check } = await administration.done('GET', '/v1/budgets/check', undefined);
  expect(check).toMatchObject({ differences: [] });
  expect(check.entries).toBeGreaterThan(0);

  // Greedy: whoever wants the rest gets exactly that.
  const [agent] = agents;
  if (agent === undefined) throw new Error('there are no agents');
  const { left } = await budget();
  expect(left).toBe(CAP_CENTS - used);
  if (left > 0) expect(await pay(fleet.node(2), agent, 'rest-0', left)).toEqual({ kind: 'answered' });
  expect(await budget()).toMatchObject({ used: CAP_CENTS, left: 0 });
  expect(await pay(fleet.node(1), agent, 'rest-1', 1)).toMatchObject({ kind: 'refused' });
});
