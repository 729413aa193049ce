/** What a stop would cover, told before it is ordered. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, startWorkspace, type TestAgent, type Workspace } from '../actions/workspace.ts';

let workspace: Workspace;
let payer: TestAgent;

beforeAll(async () => {
  workspace = await startWorkspace();
  await workspace.capability('crm.read', { access: 'read' });
  await workspace.capability('payments.pay', {});
  const held = [{ id: 'hold', action: 'payments.pay', when: { field: 'amount', gt: 1 }, effect: 'review' }];
  await workspace.role('payer', ['crm.read', 'payments.pay'], held);
  await workspace.role('reader', ['crm.read']);
  payer = await workspace.agent('payer-bot', 'payer', 'reader');
  await workspace.agent('reader-bot', 'reader');
  const ask = (action: string, args: object) =>
    workspace.call('POST', '/v1/actions', {
      key: payer.token,
      body: { action, arguments: args },
      headers: { prefer: 'respond-async' },
    });
  // One permit that is out, and one call that waits for people.
  expect((await ask('crm.read', {})).status).toBe(200);
  expect((await ask('payments.pay', { amount: 5 })).status).toBe(202);
});
afterAll(() => workspace.close());

const reach = (scope: string, target: string) =>
  workspace.call('GET', `/v1/containment-reach?scope=${scope}&target=${encodeURIComponent(target)}`);

it.each([
  ['agent', 'payer-bot', { agents: 1, calls: 1, approvals: 1 }],
  ['agent', 'reader-bot', { agents: 1, calls: 0, approvals: 0 }],
  ['role', 'payer', { agents: 1, calls: 1, approvals: 1 }],
  ['role', 'reader', { agents: 2, calls: 1, approvals: 1 }],
  ['tool', 'crm.read', { agents: 2, calls: 1, approvals: 0 }],
  ['tool', 'payments.pay', { agents: 1, calls: 0, approvals: 1 }],
  ['workspace', '*', { agents: 2, calls: 1, approvals: 1 }],
])('of the %s %s', async (scope, target, covered) => {
  await eventually(async () => ((await reach(scope, target)).body.calls === covered.calls ? true : undefined));
  expect((await reach(scope, target)).body).toEqual({
    object: 'containment_reach',
    scope,
    target,
    ...covered,
    standing: null,
  });
});

it('of an owner, and what is stopped already', async () => {
  const { body: agent } = await workspace.done('GET', '/v1/agents/payer-bot', undefined);
  const stop = await workspace.done('POST', '/v1/agents/reader-bot/revoke', {});
  expect((await reach('owner', agent.owner)).body).toMatchObject({ approvals: 1, standing: null });
  expect((await reach('agent', 'reader-bot')).body).toMatchObject({ agents: 1, standing: stop.body.id });
});

it.each([
  ['agent', 'nobody', 'agent_not_found'],
  ['role', 'none', 'role_not_found'],
  ['owner', 'nobody@acme.example', 'person_not_found'],
  ['tool', 'no.tool', 'capability_not_found'],
  ['workspace', 'this', 'target_invalid'],
])('is refused for the %s %s', async (scope, target, code) => {
  expect((await reach(scope, target)).body.error.code).toBe(code);
});
