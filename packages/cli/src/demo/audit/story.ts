/** What happened at Acme in the quarter beside the daily work: somebody left, agents ended, releases were frozen, one agent was steered. */
import type { Agent, Containment, FreezeOverride, IncidentDetail, List } from '@hivekey/sdk';
import type { ChangeDesk } from './changes.ts';
import { emailOf } from './company.ts';
import { mint } from './found.ts';
import { personOf, type Sample } from './stage.ts';
import type { Work } from './work.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Then something that is waited for does not come. */
const LOOKS = 3_000;

const FREEZE = 'august-release-freeze';

export function tell(sample: Sample, work: Work, desk: ChangeDesk): void {
  const { agenda } = sample;
  agenda.on('2026-08-11T14:02:00Z', () => leave(sample, work));
  desk.at('2026-08-18T09:00:00Z', {
    title: 'Nothing goes to production over the long weekend',
    justification: 'Nobody of the platform team is at work.',
    ticket: 'OPS-690',
    ...{ author: 'sre', reviewer: 'eva' },
    operations: () => [
      {
        type: 'freeze',
        id: FREEZE,
        document: {
          apiVersion: 'policy.hivekey.ai/v1',
          kind: 'Freeze',
          metadata: { name: FREEZE, description: 'Nothing goes to production' },
          ...{ time_zone: 'UTC', starts: '2026-08-21T18:00', ends: '2026-08-24T06:00' },
          scope: { actions: ['deploy.production'] },
        },
      },
    ],
  });
  for (const at of ['2026-08-21T19:30:00Z', '2026-08-22T08:10:00Z', '2026-08-23T16:45:00Z'])
    agenda.on(at, async () => {
      await deploy(work, 'deploy-bot');
    });
  agenda.on('2026-08-22T11:00:00Z', () => override(sample, work));
  agenda.on('2026-09-14T10:31:04Z', () => retire(sample, work, 'lead-mailer', 'The campaign has ended.'));
  agenda.on('2026-09-15T15:12:00Z', () => retire(sample, work, 'old-importer', 'Nobody uses it any more.'));
  agenda.on('2026-09-18T02:41:00Z', () => steer(sample, work));
}

/** Omar leaves: his agents stop in the same transaction; one is given to somebody else, the other stays suspended. */
async function leave(sample: Sample, work: Work): Promise<void> {
  const { admin, clock, agenda } = sample;
  const agents = ['refund-helper', 'refund-helper-eu'];
  for (const agent of agents) work.agents.delete(agent);
  await admin.request('PATCH', `/v1/people/${emailOf('omar')}`, { body: { active: false } });
  for (const agent of agents) await work.call(agent, { action: 'crm.read', arguments: { segment: 'orders', rows: 1 } });
  agenda.at(clock.now() + 3 * HOUR, async () => {
    const { data } = await admin.request<List<{ id: string }>>('GET', '/v1/transfer-tasks', {
      query: { status: 'open' },
    });
    const { data: offers } = await admin.request<List<{ id: string }>>(
      'POST',
      `/v1/transfer-tasks/${data[0]?.id}/propose`,
      { body: { to: emailOf('mia'), agents: ['refund-helper-eu'], reason: 'Refunds of Europe go on.' } },
    );
    await clock.moveTo(clock.now() + 40 * MINUTE);
    await personOf(sample, 'mia').request('POST', `/v1/ownership-transfers/${offers[0]?.id}/accept`, {
      body: { reason: 'Agreed with the team.' },
    });
    const agent = await admin.request<Agent>('GET', '/v1/agents/refund-helper-eu');
    if (agent.status !== 'active')
      await admin.request('POST', '/v1/agents/refund-helper-eu/restore', {
        body: { reason: 'It has an owner again.' },
      });
    await mint(sample, 'refund-helper-eu');
    work.resume('refund-helper-eu');
  });
}

/** Stopped for good; what still holds its token tries again, and is refused. */
async function retire(sample: Sample, work: Work, agent: string, reason: string): Promise<void> {
  const { clock } = sample;
  await work.call(agent, { action: 'crm.read', arguments: { segment: 'customers', rows: 1 } });
  work.agents.delete(agent);
  await clock.moveTo(clock.now() + 2 * SECOND);
  await personOf(sample, 'soc1').request<Containment>('POST', `/v1/agents/${agent}/revoke`, { body: { reason } });
  await work.call(agent, { action: 'crm.read', arguments: { segment: 'customers', rows: 1 } });
}

async function deploy(work: Work, agent: string): Promise<void> {
  await work.call(agent, { action: 'deploy.production', arguments: { service: 'billing', version: '1.80.2' } });
}

/** Two people lift the freeze for half an hour; the call is held all the same, and a person approves it. */
async function override(sample: Sample, work: Work): Promise<void> {
  const { clock, agenda } = sample;
  await deploy(work, 'release-train');
  const asked = await personOf(sample, 'sre').request<FreezeOverride>('POST', `/v1/freezes/${FREEZE}/overrides`, {
    body: { reason: 'Billing charges twice; the fix cannot wait.', minutes: 60 },
  });
  await clock.moveTo(clock.now() + 6 * MINUTE);
  await personOf(sample, 'ciso').request('POST', `/v1/freezes/${FREEZE}/overrides/${asked.id}/approve`, { body: {} });
  await clock.moveTo(clock.now() + MINUTE);
  await work.call(
    'release-train',
    { action: 'deploy.production', arguments: { service: 'billing', version: '1.80.3' } },
    { decision: 'approve', inMs: 4 * MINUTE },
  );
  agenda.at(clock.now() + 2 * HOUR, () => deploy(work, 'release-train'));
}

/** An agent that reads a poisoned record asks for what it was never granted. It is found, stopped, and looked into. */
async function steer(sample: Sample, work: Work): Promise<void> {
  const { clock, agenda } = sample;
  const agent = 'event-invites';
  const wanted = [
    'crm.export',
    'hr.read',
    'payments.transfer',
    'crm.delete',
    'warehouse.query',
    'hr.update',
    'ledger.read',
    'deploy.production',
    'refunds.issue',
    'tickets.reply',
    'crm.export',
    'hr.read',
  ];
  await work.call(agent, { action: 'crm.read', arguments: { segment: 'leads', rows: 20 } });
  for (const action of wanted) {
    await clock.moveTo(clock.now() + 9 * SECOND);
    await work.call(agent, { action, arguments: {} });
  }
  work.agents.delete(agent);
  const soc = personOf(sample, 'soc1');
  const alerts = await until(async () => {
    await clock.follow();
    const { data } = await soc.request<List<{ id: string; rule: string }>>('GET', '/v1/alerts', {
      query: { status: 'open', subject: agent },
    });
    return data.length > 0 ? data : undefined;
  });
  await clock.moveTo(clock.now() + 3 * MINUTE);
  for (const { id } of alerts)
    await soc.request('POST', `/v1/alerts/${id}/acknowledge`, { body: { reason: 'Looking at it.' } });
  await soc.request('POST', `/v1/agents/${agent}/revoke`, {
    body: { reason: 'It asks for tools that it was never granted.' },
  });
  const incident = await soc.request<IncidentDetail>('POST', '/v1/incidents', {
    body: {
      title: 'event-invites was steered by a lead record',
      summary: 'A lead carried instructions; the agent asked for twelve tools that it has not.',
      ...{ severity: 'high', lead: emailOf('soc1'), alerts: alerts.map(({ id }) => id) },
      began_at: new Date(clock.now() - 6 * MINUTE).toISOString(),
      reason: 'Denials of many tools within two minutes.',
    },
  });
  const path = `/v1/incidents/${incident.id}`;
  await soc.request('POST', `${path}/links`, { body: { kind: 'agent', ref: agent, reason: 'The agent concerned.' } });
  await soc.request('PATCH', path, {
    body: { status: 'contained', reason: 'The agent is revoked; nothing left the company.' },
  });
  await work.call(agent, { action: 'crm.read', arguments: { segment: 'leads', rows: 1 } });
  agenda.on('2026-09-18T09:30:00Z', async () => {
    for (const { id } of alerts)
      await soc.request('POST', `/v1/alerts/${id}/triage`, {
        body: { disposition: 'true_positive', reason: 'Every call was refused; the agent is revoked.', close: true },
      });
    await soc.request('POST', `${path}/notes`, {
      body: { text: 'The lead record came from a web form. It was removed.' },
    });
  });
  agenda.on('2026-09-22T13:00:00Z', async () => {
    await soc.request('PATCH', path, {
      body: {
        decision: 'No notice is owed: nothing was read or sent that the agent was not granted.',
        root_cause: 'Fields of the web form reached the prompt unmarked.',
        reason: 'The review of the incident.',
      },
    });
    const followUp = await soc.request<{ id: string }>('POST', `${path}/follow-ups`, {
      body: {
        title: 'Mark fields of the web form as untrusted',
        owner: emailOf('kim'),
        due_at: '2026-10-15T00:00:00Z',
        reason: 'So that guards can see it.',
      },
    });
    await soc.request('PATCH', `${path}/follow-ups/${followUp.id}`, {
      body: { status: 'done', reason: 'The form is marked.' },
    });
  });
  agenda.on('2026-09-25T10:00:00Z', () =>
    personOf(sample, 'ciso').request<void>('POST', `${path}/close`, {
      body: { reason: 'Decided, and its follow-up is done.' },
    }),
  );
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let looks = 0; looks < LOOKS; looks += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('no alert came of what was refused');
}
