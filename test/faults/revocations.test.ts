/** Three gateways on one database under load, and revoke after revoke: none lets a call through once its revoke has returned. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Administration, eventually } from '../../packages/server/test/actions/workspace.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { type Load, prepare, startLoad } from './load.ts';
import { expectIntents, verifiedCalls } from './log-check.ts';
import { startUpstream, type Upstream } from './upstream.ts';

const NODES = 3;
const REVOCATIONS = 9;
const AT_ONCE = 2;
const CALLERS_A_NODE = 3;
const ANSWER_AFTER_MS = 5;
/** Refused calls behind each revoke, so that a late one would be seen. */
const REFUSALS = 12;

let upstream: Upstream;
let fleet: Fleet;
let administration: Administration;

beforeAll(async () => {
  upstream = await startUpstream(ANSWER_AFTER_MS);
  fleet = await startFleet('revocations', NODES);
  administration = await prepare(fleet.node(0), upstream);
}, 120_000);
afterAll(async () => {
  await fleet.close();
  await upstream.close();
});

interface Revoked {
  readonly name: string;
  readonly loads: readonly Load[];
  readonly returnedMs: number;
  /** Ids of calls that were sent after the revoke had returned. */
  readonly late: readonly string[];
}

/** An agent that calls through every node at once, and its revoke. */
async function revokeOne(name: string): Promise<Revoked> {
  const agent = await administration.agent(name, 'actor');
  const loads: Load[] = fleet.nodes.map(({ port }, n) => startLoad(port, agent.token, `${name}-n${n}`, CALLERS_A_NODE));
  const each = (look: (load: Load) => boolean) => eventually(async () => (loads.every(look) ? true : undefined));
  await each((load) => load.count('done') > 5);
  await administration.done('POST', `/v1/agents/${name}/revoke`, { reason: 'drill' });
  const returnedMs = performance.now();
  const sentLater = (load: Load) => load.sent.filter(({ atMs }) => atMs > returnedMs).map(({ id }) => id);
  await each((load) => sentLater(load).filter((id) => load.fates.has(id)).length > REFUSALS / NODES);
  await Promise.all(loads.map((load) => load.stop()));
  for (const load of loads)
    for (const id of sentLater(load))
      expect(load.fates.get(id)).toMatchObject({ kind: 'refused', status: 401, code: 'agent_revoked' });
  return { name, loads, returnedMs, late: loads.flatMap(sentLater) };
}

it(`begins no call after any of ${REVOCATIONS} revokes has returned, on ${NODES} nodes`, async () => {
  const bystander = await administration.agent('bystander', 'actor');
  const background = fleet.nodes.map(({ port }, n) => startLoad(port, bystander.token, `bystander-${n}`, 2));
  const revoked: Revoked[] = [];
  const names = Array.from({ length: REVOCATIONS }, (_, n) => `victim-${n}x`);
  const work = async (): Promise<void> => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) revoked.push(await revokeOne(name));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await Promise.all(background.map((load) => load.stop()));

  expect(revoked).toHaveLength(REVOCATIONS);
  for (const { name, loads, returnedMs, late } of revoked) {
    const mine = upstream.tally.filter(({ id }) => id.startsWith(`${name}-`));
    expect(mine.length).toBeGreaterThan(15);
    // A request that had left before may be read by the upstream later; then its caller is gone already.
    const readLater = mine.filter(({ atMs }) => atMs > returnedMs);
    expect(readLater.filter(({ abandoned }) => !abandoned)).toEqual([]);
    for (const { id } of readLater) for (const load of loads) expect(load.fates.get(id)?.kind, id).not.toBe('done');
    const sent = new Set(late);
    expect(mine.filter(({ id }) => sent.has(id))).toEqual([]);
  }
  expect(background.reduce((sum, load) => sum + load.count('done'), 0)).toBeGreaterThan(20);
  for (const load of background) expect(load.count('refused') + load.count('failed')).toBe(0);
  expectIntents(upstream, await verifiedCalls(fleet.node(0)));
}, 120_000);
