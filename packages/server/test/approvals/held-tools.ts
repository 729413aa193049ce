/** An office whose worker may call one tool over MCP, and has to ask before each call. */
import type { JsonObject } from '@hivekey/policy';
import { startUpstream, type Upstream } from '../../../../test/faults/upstream.ts';
import { eventually, type TestAgent } from '../actions/workspace.ts';
import { type Answer, modern, type Sent } from '../gateway-mcp/wire-client.ts';
import { type Decider, type Office, openOffice } from './office.ts';

type Args = { readonly id: string } & JsonObject;

export interface HeldTools {
  readonly office: Office;
  readonly upstream: Upstream;
  readonly bot: TestAgent;
  readonly erin: Decider;
  readonly port: number;
  /** Arguments that no other call has. */
  newCall(more?: JsonObject): Args;
  /** How often the upstream was called with these arguments. */
  arrivals(args: Args): number;
  /** The approval of a call, once it is held. */
  approvalOf(args: Args): Promise<string>;
  statusOf(approval: string): Promise<string>;
  /** A call of the tool, in 2026-07-28. */
  ask(args: JsonObject, more?: JsonObject, options?: { token?: string; meta?: JsonObject }): Sent;
  close(): Promise<void>;
}

export async function openHeldTools(settings: Parameters<typeof openOffice>[0]): Promise<HeldTools> {
  const upstream = await startUpstream();
  const office = await openOffice(settings);
  await office.done('POST', '/v1/mcp/servers', {
    namespace: 'work',
    endpoint: upstream.url,
    allow_private: true,
    default_access: 'read-write',
  });
  const { body } = await office.call('GET', '/v1/mcp/servers/work/definitions');
  for (const { capability, pin } of body.data)
    await office.done('POST', `/v1/mcp/servers/work/definitions/${capability}/approve`, { pin, access: 'write' });
  const guard = { id: 'ask', action: 'work.act', when: { field: 'id', exists: true }, effect: 'review' };
  await office.role('worker', ['work.act', 'work.pay'], [guard]);
  const bot = await office.agent('worker-bot', 'worker');
  let calls = 0;
  return {
    office,
    upstream,
    bot,
    erin: await office.person('erin'),
    port: Number(new URL(office.server.url).port),
    newCall: (more = {}) => {
      calls += 1;
      return { id: `call-${calls}`, ...more };
    },
    arrivals: ({ id }) => upstream.tally.filter((each) => each.id === id).length,
    approvalOf: ({ id }) =>
      eventually(async () => {
        const { body: list } = await office.call('GET', '/v1/approvals?limit=200');
        for (const { id: approval } of list.data) {
          const { body: whole } = await office.call('GET', `/v1/approvals/${approval}`);
          if (whole.view.arguments.id === id) return approval;
        }
        return undefined;
      }),
    statusOf: async (approval) => (await office.call('GET', `/v1/approvals/${approval}`)).body.status,
    ask: (args, more = {}, { token = bot.token, meta } = {}) =>
      modern(token, 'tools/call', { name: 'work__act', arguments: args, ...more }, meta === undefined ? {} : { meta }),
    close: async () => {
      await office.close();
      await upstream.close();
    },
  };
}

/** The result or error of an answer, however it came. */
export function resultOf({ json, events }: Pick<Answer, 'json' | 'events'>): JsonObject {
  const message = events.find((event) => event.result !== undefined || event.error !== undefined) ?? json;
  return (message.result ?? message.error) as JsonObject;
}

export function textOf(result: JsonObject): string {
  return ((result.content as JsonObject[])[0] as JsonObject).text as string;
}
