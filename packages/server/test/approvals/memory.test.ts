/** Conditions with memory against real approvals: order of steps, first use, and what nobody approved. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startSecondNode, type TestAgent, type Workspace } from '../actions/workspace.ts';
import type { Answer } from '../api/client.ts';
import { type Decider, type Office, openOffice } from './office.ts';

let office: Office;
let other: Workspace;
let ops: TestAgent;
let payer: TestAgent;
let erin: Decider;
let builds = 0;

beforeAll(async () => {
  office = await openOffice();
  for (const name of ['review', 'deploy']) await office.capability(name, {});
  await office.capability('payments.pay', { impact: { usd: { field: 'amount', currency: 'USD' } } });
  const reviewed = { field: 'approved(review)', within: '24h', scope: 'workspace', bind: { build_id: 'build' } };
  await office.role(
    'ops',
    ['review', 'deploy'],
    [
      { id: 'ask', action: 'review', when: { field: 'build_id', exists: true }, effect: 'review' },
      { id: 'reviewed', action: 'deploy', when: reviewed, effect: 'allow' },
    ],
  );
  await office.role(
    'billing',
    ['payments.pay'],
    [
      { id: 'new-payee', action: 'payments.pay', when: { field: 'first_use(payee)', within: '90d' }, effect: 'review' },
      {
        id: 'unattended',
        action: 'payments.pay',
        when: { field: 'sum(payments, 24h)', lte: '$2000', unattended: true },
        effect: 'allow',
        otherwise: 'review',
      },
      { id: 'cap', action: 'payments.pay', when: { field: 'sum(payments, 24h)', lte: '$9000' }, effect: 'allow' },
    ],
  );
  ops = await office.agent('ops-bot', 'ops');
  payer = await office.agent('billing-bot', 'billing');
  erin = await office.person('erin');
  other = await startSecondNode(office);
});
afterAll(async () => {
  await other.close();
  await office.close();
});

function ask(
  { token }: TestAgent,
  action: string,
  args: object,
  on: Pick<Workspace, 'call'> = office,
): Promise<Answer> {
  const headers = { prefer: 'respond-async' };
  return on.call('POST', '/v1/actions', { key: token, body: { action, arguments: args }, headers });
}

/** Held, approved, and asked for again; gives the answer that lets it run. */
async function approved(agent: TestAgent, action: string, args: object): Promise<Answer> {
  const held = await ask(agent, action, args);
  expect(held).toMatchObject({ status: 202 });
  expect((await erin.approve(held.body.approval.id)).body.status).toBe('approved');
  const run = await ask(agent, action, args);
  expect(run.body).toMatchObject({ verdict: 'allow', decision: { reason: 'approved by erin@acme.example' } });
  return run;
}

async function report({ token }: TestAgent, { body }: Answer, result: string): Promise<void> {
  const path = `/v1/actions/${body.permit.id}/outcome`;
  expect((await office.call('POST', path, { key: token, body: { result } })).status).toBe(200);
}

function newBuild(): number {
  builds += 1;
  return builds;
}

describe('a deploy that needs an approved review of its build', () => {
  const deploy = (build: number | string, on?: Workspace) => ask(ops, 'deploy', { build }, on);
  const refused = { status: 403, body: { decision: { rule: 'reviewed' } } };

  it('is refused while the review waits, and when it was denied', async () => {
    const build = newBuild();
    const held = await ask(ops, 'review', { build_id: build });
    expect(await deploy(build)).toMatchObject(refused);
    await erin.deny(held.body.approval.id, 'no');
    expect(await deploy(build)).toMatchObject(refused);
  });

  it('is refused when the review was approved and not released: nobody has looked at it for this agent yet', async () => {
    const build = newBuild();
    const held = await ask(ops, 'review', { build_id: build });
    await erin.approve(held.body.approval.id);
    expect(await deploy(build)).toMatchObject(refused);
    await ask(ops, 'review', { build_id: build });
    expect((await deploy(build)).status).toBe(200);
  });

  it('is allowed once, for that build alone, whatever the agent says became of the review', async () => {
    const build = newBuild();
    await approved(ops, 'review', { build_id: build });
    expect(await deploy(newBuild())).toMatchObject(refused);
    expect(await deploy(String(build))).toMatchObject(refused);
    expect(await deploy(build, other)).toMatchObject({ status: 200, body: { verdict: 'allow' } });
    expect(await deploy(build)).toMatchObject(refused);
    expect(await deploy(build, other)).toMatchObject(refused);
  });

  it('is refused when the review is over', async () => {
    const build = newBuild();
    await approved(ops, 'review', { build_id: build });
    await owner(`UPDATE prerequisites SET approved_at = approved_at - interval '24 hours' WHERE used_by IS NULL`);
    expect(await deploy(build)).toMatchObject(refused);
  });

  it('is one deploy for one review, of all that are asked for at once on two nodes', async () => {
    const build = newBuild();
    await approved(ops, 'review', { build_id: build });
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, i) => deploy(build, i % 2 === 0 ? office : other)),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 15 }, () => 403)]);
  });
});

describe('payments', () => {
  let spent = 0;
  const pay = (payee: string, amount: number, on?: Workspace) => {
    spent += 1;
    return {
      args: { payee, amount, note: spent },
      ask: () => ask(payer, 'payments.pay', { payee, amount, note: spent }, on),
    };
  };

  it('to a new payee take a person once; what the agent says then counts, as a person had allowed it', async () => {
    const first = pay('acme', 10);
    const run = await approved(payer, 'payments.pay', first.args);
    // released, and not carried out yet
    expect(await pay('acme', 10).ask()).toMatchObject({ status: 202, body: { decision: { rule: 'new-payee' } } });
    await report(payer, run, 'success');
    expect(await pay('acme', 10).ask()).toMatchObject({ status: 200, body: { verdict: 'allow' } });
    expect(
      await eventually(async () => {
        const answer = await pay('acme', 10, other).ask();
        return answer.status === 200 ? answer.body.verdict : undefined;
      }),
    ).toBe('allow');
    expect(await pay('ACME', 10).ask()).toMatchObject({ status: 202 });

    const failed = pay('beta', 10);
    await report(payer, await approved(payer, 'payments.pay', failed.args), 'error');
    expect(await pay('beta', 10).ask()).toMatchObject({ status: 202, body: { decision: { rule: 'new-payee' } } });
  });

  it('that people approved do not count against what runs unattended', async () => {
    const budget = async (rule: string): Promise<{ used: number; unattended: boolean }> =>
      (await office.call('GET', '/v1/budgets?agent=billing-bot')).body.data.find(
        (each: { rule: string }) => each.rule === rule,
      );
    const start = (await budget('unattended')).used;
    const all = (await budget('cap')).used;
    // the first payments of the test above were approved
    expect(start).toBeLessThan(all);

    // up to the limit exactly
    expect((await pay('acme', 2_000 - start / 100).ask()).status).toBe(200);
    expect(await budget('unattended')).toMatchObject({ used: 200_000, left: 0, unattended: true });
    const beyond = pay('acme', 1);
    expect(await ask(payer, 'payments.pay', beyond.args)).toMatchObject({
      status: 202,
      body: { decision: { rule: 'unattended', reason_class: 'cap', remaining: 0 } },
    });
    // approved, it leaves the unattended sum as it is and is in the cap
    const capBefore = (await budget('cap')).used;
    await approved(payer, 'payments.pay', beyond.args);
    expect(await budget('unattended')).toMatchObject({ used: 200_000 });
    expect(await budget('cap')).toMatchObject({ used: capBefore + 100, unattended: false });
    // a large one that people approve does not hold everything after it
    await approved(payer, 'payments.pay', pay('acme', 3_000).args);
    expect(await budget('unattended')).toMatchObject({ used: 200_000 });
    // and the cap that denies counts it
    expect(await pay('acme', 9_000).ask()).toMatchObject({ status: 403, body: { decision: { rule: 'cap' } } });
  });
});

async function owner(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: office.server.ownerUrl });
  await client.connect();
  await client.query(sql);
  await client.end();
}
