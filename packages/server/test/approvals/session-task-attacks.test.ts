/** A task that waits for people keeps nothing alive that ended meanwhile. */
import type { JsonObject } from '@hivekey/policy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../actions/workspace.ts';
import { initialize, legacy, send } from '../gateway-mcp/wire-client.ts';
import { type HeldTools, openHeldTools, resultOf } from './held-tools.ts';

let tools: HeldTools;
beforeAll(async () => {
  tools = await openHeldTools({ hold_seconds: 1 });
});
afterAll(() => tools.close());

async function begin(args: JsonObject, token: string, session: string): Promise<void> {
  const answer = await send(
    tools.port,
    legacy(token, session, { id: 1, method: 'tools/call', params: { name: 'work__act', arguments: args, task: {} } }),
  );
  expect(resultOf(answer).task).toMatchObject({ status: 'working' });
}

describe('a held task', () => {
  it('does not run when its token was revoked before people approved', async () => {
    const { body } = await tools.office.done('POST', '/v1/tokens', { agent: 'worker-bot' });
    const token: string = body.token;
    const { session } = await initialize(tools.port, token);
    const args = tools.newCall();
    await begin(args, token, session);
    const approval = await tools.approvalOf(args);
    await tools.office.done('POST', `/v1/tokens/${body.id}/revoke`, {});
    await tools.erin.approve(approval);
    // what was approved after it has run by then
    const later = tools.newCall();
    await begin(later, tools.bot.token, (await initialize(tools.port, tools.bot.token)).session);
    const second = await tools.approvalOf(later);
    await tools.erin.approve(second);
    await eventually(async () => (await tools.statusOf(second)) === 'finished' || undefined);
    expect(tools.arrivals(later)).toBe(1);
    expect([await tools.statusOf(approval), tools.arrivals(args)]).toEqual(['approved', 0]);
  });
});
