/** A company with a bit of everything that evidence is about, in a period that is over. */
import { type ChangesWorld, openChanges, type Person } from '../changes/world.ts';

export interface EvidenceWorld extends ChangesWorld {
  /** `from=…&to=…` of a period in which all of it happened, and which is over. */
  readonly period: string;
  readonly lee: Person;
  readonly erin: Person;
  readonly ids: Readonly<Record<'crm' | 'pay' | 'gone' | 'asleep' | 'old', string>>;
  /** Approvals by what was decided. */
  readonly approvals: Readonly<Record<'approved' | 'denied' | 'cancelled' | 'pending', string>>;
  /** As objects, all of them. */
  rows(report: string, table?: string, period?: string, key?: string): Promise<Record<string, unknown>[]>;
  file(report: string, format: string, table?: string, period?: string): Promise<Buffer>;
}

/** Where each kind of file takes something for more than a text. */
const HOSTILE = `=HYPERLINK("http://evil.example","x"),<script>alert(1)</script>\u202Egpj.exe "';]]>`;

const PAYMENT = {
  access: 'write',
  impact: { usd: { field: 'amount', currency: 'USD' } },
};

export async function openEvidence(): Promise<EvidenceWorld> {
  const world = await openChanges();
  await world.capability('crm.read', { access: 'read' });
  await world.capability('crm.delete', { access: 'write', destructive: true });
  await world.capability('payments.pay', PAYMENT);
  await world.role('support', ['crm.read']);
  await world.role(
    'payer',
    ['payments.pay', 'crm.read'],
    [
      { id: 'ask', action: 'payments.pay', when: { field: 'amount', gt: 10 }, effect: 'review' },
      {
        id: 'day',
        action: 'payments.pay',
        when: { field: 'sum(usd, 24h)', lte: 1000 },
        effect: 'allow',
        otherwise: 'deny',
      },
    ],
  );
  const lee = await world.person('lee', ['approver', 'reviewer'], {
    authority: [{ capability: 'payments.*', max: { usd: 50_000 } }],
  });
  const erin = await world.person('erin', ['author', 'operator', 'admin']);

  // Gone before the period begins.
  const { id: old } = await world.agent('old-bot');
  await world.ok('POST', '/v1/containments', { scope: 'agent', target: 'old-bot', reason: 'its work is done' });
  await new Promise((resolve) => setTimeout(resolve, 5));
  const from = new Date().toISOString();

  const { id: crm } = await world.agent('crm-bot', {
    description: `${HOSTILE}${'A'.repeat(1_800)}`,
    metadata: { data_classes: 'customer, internal', team: 'support' },
    attributes: { model: 'm-1', prompt_version: '12', tools: ['crm'] },
    risk_tier: 'low',
  });
  const { id: pay } = await world.agent('pay-bot', { role: 'payer' });
  const { id: gone } = await world.agent('gone-bot');
  const { id: asleep } = await world.agent('asleep-bot');
  await world.act(await world.token('crm-bot'), 'crm.read');
  await world.act(await world.token('crm-bot'), 'crm.delete');
  await world.ok('POST', '/v1/agents/asleep-bot/suspend', { reason: HOSTILE });
  await world.ok('POST', '/v1/containments', { scope: 'agent', target: 'gone-bot', reason: HOSTILE });
  await world.call('POST', '/v1/actions', {
    key: `hk_agt_${'0'.repeat(43)}`,
    body: { action: 'crm.read', arguments: {} },
  });

  // What was counted in memory is written down when somebody asks.
  await world.ok('GET', '/v1/unregistered-identities');

  const token = await world.token('pay-bot');
  const hold = async (amount: number): Promise<string> =>
    (
      await world.call('POST', '/v1/actions', {
        key: token,
        body: { action: 'payments.pay', arguments: { amount, to: `V-${amount}`, note: HOSTILE } },
        headers: { prefer: 'respond-async' },
      })
    ).body.approval.id;
  const approved = await hold(100);
  const denied = await hold(101);
  const pending = await hold(102);
  const { hash } = await world.ok('GET', `/v1/approvals/${approved}`, undefined, { key: lee.key });
  await world.ok('POST', `/v1/approvals/${approved}/opened`, {}, { key: lee.key });
  await world.ok(
    'POST',
    `/v1/approvals/${approved}/decide`,
    { decision: 'approve', hash, reason: HOSTILE },
    { key: lee.key },
  );
  await world.ok(
    'POST',
    `/v1/approvals/${denied}/decide`,
    { decision: 'deny', reason: 'new bank account' },
    { key: lee.key },
  );
  const ran = await world.call('POST', '/v1/actions', {
    key: token,
    body: { action: 'payments.pay', arguments: { amount: 100, to: 'V-100', note: HOSTILE } },
  });
  await world.ok('POST', `/v1/actions/${ran.body.permit.id}/outcome`, { result: 'success' }, { key: token });
  const cancelled = await hold(103);
  await world.ok('POST', `/v1/approvals/${cancelled}/cancel`, { reason: 'not wanted' });

  await world.settings({ types: ['role'] });
  const change = await world.submitted(erin, {
    title: HOSTILE.slice(0, 150),
    ticket: 'T-1',
    justification: 'less',
    operations: [{ type: 'role', id: 'support', document: roleOf('support', ['crm.read'], 'reads customers') }],
  });
  await world.approve(lee, change);
  await world.post(erin, change, 'activate');
  await new Promise((resolve) => setTimeout(resolve, 5));
  const period = `from=${from}&to=${new Date().toISOString()}`;

  return Object.assign(world, {
    period,
    lee,
    erin,
    ids: { crm, pay, gone, asleep, old },
    approvals: { approved, denied, cancelled, pending },
    rows: async (report: string, table?: string, of = period, key?: string) => {
      const found: Record<string, unknown>[] = [];
      for (let cursor = ''; ; ) {
        const page = await world.ok(
          'GET',
          `/v1/evidence/reports/${report}/rows?${of}&limit=50${table ? `&table=${table}` : ''}${cursor}`,
          undefined,
          key === undefined ? {} : { key },
        );
        for (const row of page.rows)
          found.push(Object.fromEntries(page.columns.map((name: string, i: number) => [name, row[i]])));
        if (page.next_cursor === null) return found;
        cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
      }
    },
    file: async (report: string, format: string, table?: string, of = period) => {
      const url = `${world.server.url}/v1/evidence/reports/${report}/file?${of}&format=${format}${table ? `&table=${table}` : ''}`;
      const answer = await fetch(url, { headers: { authorization: `Bearer ${world.server.adminKey}` } });
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (answer.status !== 200) throw new Error(bytes.toString());
      return bytes;
    },
  });
}

function roleOf(name: string, allow: readonly string[], description: string) {
  return {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Role',
    metadata: { name, description },
    scope: { allow },
    guards: [],
  };
}
