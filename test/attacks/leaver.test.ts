/** The directory deactivates somebody while three of their agents call a real MCP server. */
import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startUpstream, type Upstream } from '../faults/upstream.ts';
import { openWorld, type World } from './world.ts';

const LEAVER = 'leaver@acme.example';
const AGENTS = 3;
const CALLERS_EACH = 3;

let world: World;
let upstream: Upstream;
beforeAll(async () => {
  // As long as a quick tool takes: calls are on their way whenever the directory speaks.
  upstream = await startUpstream(4);
  world = await openWorld();
  await world.done('POST', '/v1/mcp/servers', {
    namespace: 'tally',
    endpoint: upstream.url,
    default_access: 'read-write',
    trust_annotations: true,
  });
  await world.role('teller', ['tally.act']);
});
afterAll(async () => {
  await world.close();
  await upstream.close();
});

async function scim(
  token: string,
  method: string,
  path: string,
  body: unknown,
): Promise<{ readonly status: number; readonly body: { readonly id: string; readonly active: boolean } }> {
  const answer = await fetch(`${world.server.url}/scim/v2${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: JSON.parse(await answer.text()) };
}

it('no call begins after the answer; the time is on record, and a task is open', async () => {
  const { body: connection } = await world.done('POST', '/v1/scim-connections', { name: 'entra' });
  const { body: user } = await scim(connection.token, 'POST', '/Users', {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: LEAVER,
  });
  const tokens: string[] = [];
  for (let i = 0; i < AGENTS; i += 1) {
    await world.done('POST', '/v1/agents', { name: `teller-${i}`, role: 'teller', owner: LEAVER });
    tokens.push((await world.done('POST', '/v1/tokens', { agent: `teller-${i}` })).body.token);
  }

  let calls = 0;
  let answeredAtMs = Number.POSITIVE_INFINITY;
  const refused: number[] = [];
  const caller = async (token: string): Promise<void> => {
    for (;;) {
      const begunAtMs = performance.now();
      const id = `call-${calls}`;
      calls += 1;
      // A call that is cut off gets no answer.
      const answer = await world.tool('tally__act', { id }, token).catch(() => undefined);
      if (begunAtMs <= answeredAtMs) continue;
      // Begun when the directory had its answer.
      refused.push(answer?.status ?? 0);
      return;
    }
  };
  const callers = tokens.flatMap((token) => Array.from({ length: CALLERS_EACH }, () => caller(token)));
  await vi.waitFor(() => expect(upstream.tally.length).toBeGreaterThan(60), { timeout: 20_000, interval: 1 });

  const askedAtMs = performance.now();
  const { status, body } = await scim(connection.token, 'PATCH', `/Users/${user.id}`, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'Replace', path: 'active', value: 'False' }],
  });
  answeredAtMs = performance.now();
  expect([status, body.active]).toEqual([200, false]);
  const before = upstream.tally.length;
  expect(before).toBeGreaterThan(60);
  await Promise.all(callers);

  expect(refused).toHaveLength(AGENTS * CALLERS_EACH);
  expect(refused.every((code) => code === 401 || code === 403)).toBe(true);
  expect(upstream.tally.filter(({ atMs }) => atMs > answeredAtMs)).toEqual([]);

  const { body: tasks } = await world.done('GET', `/v1/transfer-tasks?person=${LEAVER}`, undefined);
  expect(tasks.data).toMatchObject([{ status: 'open', cause: 'scim', actor: 'scim:entra', agents_total: AGENTS }]);
  const { body: task } = await world.done('GET', `/v1/transfer-tasks/${tasks.data[0].id}`, undefined);
  expect(task.agents.map(({ agent, status: now }: { agent: string; status: string }) => [agent, now])).toEqual(
    Array.from({ length: AGENTS }, (_, i) => [`teller-${i}`, 'suspended']),
  );
  expect(task.first_refusal_ms).toBeGreaterThan(0);
  expect(task.first_refusal_ms).toBeLessThanOrEqual(answeredAtMs - askedAtMs);
  expect(Date.parse(task.receipt.effective_at)).toBeGreaterThanOrEqual(Date.parse(task.receipt.ordered_at));
});
