import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Administration, eventually, type TestAgent } from '../../packages/server/test/actions/workspace.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { act, type Fate, type Load, prepare, startLoad } from './load.ts';
import { allowed, expectIntents, verifiedCalls } from './log-check.ts';
import type { ServerProcess } from './process.ts';
import { startUpstream, type Upstream } from './upstream.ts';

const IN_FLIGHT = 50;
const ANSWER_AFTER_MS = 5;

let upstream: Upstream;
let fleet: Fleet;
let administration: Administration;

beforeAll(async () => {
  upstream = await startUpstream(ANSWER_AFTER_MS);
  fleet = await startFleet('faults', 2);
  administration = await prepare(fleet.node(0), upstream);
});
afterAll(async () => {
  await fleet.close();
  await upstream.close();
});

interface Attack {
  readonly agent: TestAgent;
  readonly load: Load;
  readonly held: readonly string[];
  readonly fates: Promise<readonly Fate[]>;
}

/** Calls that wait at the upstream, and others that come all the time. */
async function attack(node: ServerProcess, name: string): Promise<Attack> {
  const agent = await administration.agent(name, 'actor');
  const held = Array.from({ length: IN_FLIGHT }, (_, n) => `${name}-held-${n}`);
  const fates = Promise.all(held.map((id) => act(node.port, agent.token, id, true)));
  await eventually(async () => (held.every((id) => upstream.tally.some((each) => each.id === id)) ? true : undefined));
  const load = startLoad(node.port, agent.token, `${name}-load`, 16);
  await eventually(async () => (load.count('done') > 50 ? true : undefined));
  return { agent, load, held, fates };
}

/** After the order was answered: nothing begins, what was in flight is gone, everything later is refused and recorded. */
async function expectStopped(
  { agent, load, held, fates }: Attack,
  node: ServerProcess,
  orderedMs: number,
  returnedMs: number,
) {
  const sentLater = (): readonly string[] => load.sent.filter(({ atMs }) => atMs > returnedMs).map(({ id }) => id);
  await eventually(async () => (sentLater().filter((id) => load.fates.has(id)).length > 30 ? true : undefined));
  await load.stop();
  upstream.release();
  expect((await fates).filter(({ kind }) => kind === 'done')).toEqual([]);

  const mine = upstream.tally.filter(({ id }) => id.startsWith(agent.name));
  // A request that had left before may be read by the upstream later; then its caller is gone already.
  expect(mine.filter(({ atMs, abandoned }) => atMs > returnedMs && !abandoned)).toEqual([]);
  const late = new Set(sentLater());
  expect(mine.filter(({ id }) => late.has(id))).toEqual([]);
  for (const id of late)
    expect(load.fates.get(id)).toMatchObject({ kind: 'refused', status: 401, code: 'agent_revoked' });

  const calls = await verifiedCalls(node);
  expectIntents(upstream, calls);
  expect(allowed(calls).filter(({ results }) => results.length === 0)).toEqual([]);
  for (const id of held) expect(calls.get(id)?.[0]?.results).toEqual(['unknown']);
  return { calls, took: returnedMs - orderedMs };
}

async function revoke(agent: TestAgent) {
  const orderedMs = performance.now();
  const { body } = await administration.done('POST', `/v1/agents/${agent.name}/revoke`, { reason: 'drill' });
  return { receipt: body.receipt, orderedMs, returnedMs: performance.now() };
}

it(`lets no call begin after a revoke has returned, with ${IN_FLIGHT} in flight`, async () => {
  const attacked = await attack(fleet.node(0), 'alpha');
  const { receipt, orderedMs, returnedMs } = await revoke(attacked.agent);
  await expectStopped(attacked, fleet.node(0), orderedMs, returnedMs);
  // The receipt lists what was in flight, with its fate.
  const listed: { capability: string; fate: string }[] = receipt.calls;
  expect(listed.length).toBeGreaterThanOrEqual(IN_FLIGHT);
  expect(listed.filter(({ fate }) => fate === 'unknown').length).toBeGreaterThanOrEqual(IN_FLIGHT);
  expect(receipt.first_refusal_ms).toBeGreaterThan(0);
});

it('binds the other node too', async () => {
  const attacked = await attack(fleet.node(1), 'beta');
  const { receipt, orderedMs, returnedMs } = await revoke(attacked.agent);
  await expectStopped(attacked, fleet.node(1), orderedMs, returnedMs);
  expect(receipt.nodes).toHaveLength(2);
});
