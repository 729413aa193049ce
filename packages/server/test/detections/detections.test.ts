/** Rules over the log of a whole server: what they find, what is set about them, what they do, and who may say so. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startWorkspace, type TestAgent, type Workspace } from '../actions/workspace.ts';
import { addWorkspace } from '../agents/second-workspace.ts';
import { REVIEWED } from '../changes/world.ts';

let workspace: Workspace;
/** Of somebody who administers, and of somebody who looks. */
let admin: string;
let viewer: string;

beforeAll(async () => {
  workspace = await startWorkspace();
  await workspace.capability('crm.read', { access: 'read' });
  await workspace.capability('crm.wipe', { destructive: true });
  await workspace.capability('payments.pay', {
    impact: { usd: { field: 'amount', currency: 'USD' } },
    external: true,
    about: { payee: 'vendor.account', resource: 'invoice' },
  });
  await workspace.role('Support', ['crm.read']);
  await workspace.role(
    'Payer',
    ['payments.pay'],
    [{ id: 'big', action: 'payments.pay', when: { field: 'amount', lte: 500 }, effect: 'allow', otherwise: 'review' }],
  );
  admin = await keyOf('lee', ['admin']);
  viewer = await keyOf('kim', ['viewer']);
});
afterAll(() => workspace.close());

async function keyOf(name: string, roles: readonly string[]): Promise<string> {
  const email = `${name}@acme.example`;
  await workspace.done('POST', '/v1/people', { email });
  await workspace.done('PATCH', `/v1/people/${email}`, { roles });
  return (await workspace.done('POST', '/v1/keys', { name, person: email })).body.key;
}

const get = async (path: string) => (await workspace.done('GET', path, undefined)).body;
const put = (rule: string, document: object, key = admin) =>
  workspace.call('PUT', `/v1/detections/${rule}`, { key, body: document });
const set = async (rule: string, document: object) => {
  const { status, body } = await put(rule, document);
  expect({ status, code: body.error?.code }).toEqual({ status: 200, code: undefined });
  return body;
};

async function ask(agent: TestAgent, action: string, times = 1, args: object = {}): Promise<void> {
  for (let n = 0; n < times; n += 1)
    await workspace.call('POST', '/v1/actions', {
      key: agent.token,
      body: { action, arguments: args },
      headers: { prefer: 'respond-async' },
    });
}

interface Finding {
  readonly id: string;
  readonly detection: string;
  readonly alert: string;
  readonly severity: string;
  readonly evidence: readonly string[];
  readonly count: number;
  readonly acted: { readonly kind: string; readonly id?: string; readonly refused?: string } | null;
  readonly settings_version: number | null;
  readonly closed_at: number | null;
}

const findingsOf = async (detection: string, agent: TestAgent): Promise<readonly Finding[]> =>
  (await get(`/v1/detections/findings?detection=${detection}&agent=${agent.name}`)).data;

const found = (detection: string, agent: TestAgent): Promise<Finding> =>
  eventually(async () => (await findingsOf(detection, agent))[0]);

/** Once the evaluator has passed all that is on the log now. */
async function evaluated(): Promise<void> {
  const { head_seq: head } = await get('/v1/detections/evaluator');
  await eventually(async () => ((await get('/v1/detections/evaluator')).next_seq > head ? true : undefined));
}

const eventsOf = async (query: string) => (await get(`/v1/audit/events?${query}&limit=200`)).data;

describe('a rule that is shipped', () => {
  it('finds what it says on the log, once, and opens an alert with its evidence', async () => {
    const agent = await workspace.agent('denied-bot', 'Support');
    await ask(agent, 'vault.get', 12);
    const finding = await found('D01', agent);
    expect(finding).toMatchObject({ count: 10, acted: null, settings_version: null, severity: 'high' });
    const alert = await get(`/v1/alerts/${finding.alert}`);
    expect(alert).toMatchObject({ source: 'detection', rule: 'D01', severity: 'high', evidence_count: 10 });
    expect(alert.evidence).toEqual(finding.evidence);
    const record = await eventually(async () => (await eventsOf(`kind=detection.fired&agent=${agent.name}`))[0]);
    expect(record).toMatchObject({ finding_id: finding.id, alert_id: finding.alert, actor: 'detection:D01' });
    await evaluated();
    expect(await findingsOf('D01', agent)).toHaveLength(1);

    await workspace.call('POST', `/v1/alerts/${finding.alert}/triage`, {
      key: admin,
      body: { disposition: 'benign', reason: 'a client without patience' },
    });
    await workspace.call('POST', `/v1/alerts/${finding.alert}/close`, { key: admin, body: { reason: 'mended' } });
    await eventually(async () => (await findingsOf('D01', agent))[0]?.closed_at ?? undefined);
    const closed = await eventually(async () => (await eventsOf('kind=detection.closed'))[0]);
    expect(closed).toMatchObject({ finding_id: finding.id, alert_id: finding.alert });
  });

  it('is in force as it is set from its own record on', async () => {
    await set('D02', { enabled: false });
    const silent = await workspace.agent('unseen-bot', 'Support');
    for (const tool of ['a.a', 'a.b', 'a.c', 'a.d', 'a.e', 'a.f']) await ask(silent, tool);
    const changed = await set('D02', { severity: 'critical', suppression_seconds: 0 });
    expect(changed).toMatchObject({ enabled: true, level: 'critical', settings_version: 2 });
    const seen = await workspace.agent('seen-bot', 'Support');
    for (const tool of ['b.a', 'b.b', 'b.c', 'b.d', 'b.e']) await ask(seen, tool);
    expect(await found('D02', seen)).toMatchObject({ severity: 'critical', settings_version: 2 });
    expect(await findingsOf('D02', silent)).toEqual([]);
    await workspace.call('DELETE', '/v1/detections/D02', { key: admin });
    expect(await get('/v1/detections/D02')).toMatchObject({ enabled: true, level: 'high', settings_version: null });
  });
});

describe('what is set to be done', () => {
  const denied = async (name: string): Promise<{ agent: TestAgent; finding: Finding }> => {
    const agent = await workspace.agent(name, 'Support');
    await ask(agent, 'vault.get', 10);
    return { agent, finding: await found('D01', agent) };
  };

  it('is a quarantine', async () => {
    await set('D01', { action: { kind: 'quarantine', expires_in_seconds: 3600 } });
    const { agent, finding } = await denied('held-bot');
    expect(finding.acted).toMatchObject({ kind: 'quarantine', id: expect.stringMatching(/^qua_/) });
    const quarantine = await get(`/v1/quarantines/${finding.acted?.id}`);
    expect(quarantine).toMatchObject({ agent: agent.name, actor: 'detection:D01', ended_at: null });
    expect(quarantine.reason).toContain(finding.id);
  });

  it('is a risk signal', async () => {
    await set('D01', { action: { kind: 'risk', level: 'critical' } });
    const { agent, finding } = await denied('risky-bot');
    const { data } = await get('/v1/risks?active=true');
    expect(data).toContainEqual(
      expect.objectContaining({ id: finding.acted?.id, level: 'critical', source: 'detection:D01' }),
    );
    expect(data.find(({ id }: { id: string }) => id === finding.acted?.id).subject.id).toBe(agent.id);
  });

  it('is a breaker that trips', async () => {
    await workspace.done('PUT', '/v1/breakers/on-finding', {
      signal: 'spend',
      unit: 'usd',
      threshold: 1e9,
      window_seconds: 60,
    });
    await set('D01', { action: { kind: 'breaker', breaker: 'on-finding' } });
    const { agent, finding } = await denied('tripped-bot');
    expect(finding.acted).toEqual({ kind: 'breaker', id: 'on-finding' });
    const { agents } = await get('/v1/breakers/on-finding');
    expect(agents).toMatchObject([{ agent: agent.name, state: 'open' }]);
  });

  it('is a stop that a person confirms', async () => {
    await set('D01', { action: { kind: 'stop_proposal' } });
    const { agent, finding } = await denied('doomed-bot');
    const path = `/v1/containment-proposals/${finding.acted?.id}`;
    expect(await get(path)).toMatchObject({
      target: agent.name,
      status: 'proposed',
      proposed_by_person: 'detection:D01',
    });
    expect((await get(`/v1/agents/${agent.name}`)).status).toBe('active');
    expect((await workspace.call('POST', `${path}/confirm`, { key: admin, body: {} })).status).toBe(200);
    expect((await get(`/v1/agents/${agent.name}`)).status).toBe('revoked');
  });

  it('is nothing beyond that, and never of what is learned', async () => {
    await set('D01', { action: { kind: 'none' } });
    const { agent, finding } = await denied('free-bot');
    expect(finding.acted).toBeNull();
    expect(await eventsOf(`kind=quarantine.entered&agent=${agent.name}`)).toEqual([]);
    for (const [rule, action, code] of [
      ['D05', { kind: 'quarantine' }, 'detection_invalid'],
      ['D14', { kind: 'risk', level: 'high' }, 'detection_invalid'],
      ['D01', { kind: 'breaker', breaker: 'nobody' }, 'breaker_not_found'],
      ['D01', { kind: 'quarantine', role: 'Nobody' }, 'role_not_found'],
    ] as const)
      expect({ rule, code: (await put(rule, { action })).body.error?.code }).toEqual({ rule, code });
  });
});

describe('a rule of the workspace’s own', () => {
  const SIGMA = `title: A wipe of the CRM
id: 6b0c9d6e-8a31-4c43-9f0a-0e6b4b5d0001
logsource: { product: hivekey, service: action }
detection:
  selection: { kind: tool.call, action: crm.wipe }
  condition: selection
level: low
`;

  it('runs beside those that are shipped', async () => {
    const made = await set('wipes', { sigma: SIGMA, owner: 'soc@acme.example' });
    expect(made).toMatchObject({ shipped: false, title: 'A wipe of the CRM', level: 'low', owner: 'soc@acme.example' });
    const agent = await workspace.agent('wiping-bot', 'Support');
    await ask(agent, 'crm.wipe');
    expect(await found('wipes', agent)).toMatchObject({ severity: 'low', count: 1 });
  });

  it.each([
    ['a field that no record has', { sigma: SIGMA.replace('action: crm.wipe', 'acton: crm.wipe') }],
    ['no rule', {}],
    ['parameters', { sigma: SIGMA, parameters: { denials: 5 } }],
  ])('is refused with %s', async (_, document) => {
    expect((await put('broken', document)).body.error.code).toBe('detection_invalid');
  });

  it('takes no name of a shipped one', async () => {
    expect((await put('D01', { sigma: SIGMA })).body.error.code).toBe('detection_invalid');
    expect((await put('D01', { parameters: { denials: 0 } })).body.error.code).toBe('detection_invalid');
    expect((await put('D01', { parameters: { nothing: 1 } })).body.error.code).toBe('detection_invalid');
  });
});

describe('what records say for rules', () => {
  it('is where the owner is, what the call is about, and from which amount on people are asked', async () => {
    const agent = await workspace.agent('paying-bot', 'Payer');
    await workspace.done('PATCH', '/v1/workspace', { time_zone: 'Asia/Kathmandu' });
    await ask(agent, 'payments.pay', 1, { amount: 20, vendor: { account: 'vendor:8871' }, invoice: 'inv-1' });
    const call = await eventually(async () => (await eventsOf(`kind=tool.call&agent=${agent.name}`))[0]);
    const there = new Date(Date.parse(call.ts) + (5 * 60 + 45) * 60_000);
    expect(call).toMatchObject({
      external: true,
      payee: 'vendor:8871',
      resource: 'inv-1',
      approval_threshold: 50_000,
      mode: 'enforce',
      local_hour: there.getUTCHours(),
      local_dow: there.getUTCDay() === 0 ? 7 : there.getUTCDay(),
    });
    await workspace.done('PATCH', '/v1/people/dana@acme.example', { time_zone: 'Pacific/Kiritimati' });
    await ask(agent, 'payments.pay', 1, { amount: 20 });
    const east = await eventually(async () => {
      const [newest] = await eventsOf(`kind=tool.call&agent=${agent.name}`);
      return newest.event_id === call.event_id ? undefined : newest;
    });
    expect(east.local_hour).toBe(new Date(Date.parse(east.ts) + 14 * 3_600_000).getUTCHours());
    const refused = await workspace.call('PATCH', '/v1/workspace', { body: { time_zone: 'Europe/Atlantis' } });
    expect(refused.status).toBe(400);
  });

  it('is how long an approver looked, by the server’s clock from the first opening', async () => {
    const approver = await keyOf('max', ['approver']);
    const agent = await workspace.agent('asking-bot', 'Payer');
    await ask(agent, 'payments.pay', 1, { amount: 9000 });
    const { id, hash } = await eventually(async () => (await get(`/v1/approvals?agent=${agent.name}`)).data[0]);
    expect((await workspace.call('POST', `/v1/approvals/${id}/opened`, { key: viewer })).status).toBe(403);
    const first = await workspace.call('POST', `/v1/approvals/${id}/opened`, { key: approver });
    const again = await workspace.call('POST', `/v1/approvals/${id}/opened`, { key: approver });
    expect(again.body).toEqual(first.body);
    const decision = { decision: 'approve', hash };
    expect((await workspace.call('POST', `/v1/approvals/${id}/decide`, { key: approver, body: decision })).status).toBe(
      200,
    );
    const granted = await eventually(async () => (await eventsOf(`kind=approval.granted&agent=${agent.name}`))[0]);
    expect(granted).toMatchObject({ approver: 'max@acme.example', binds: expect.stringMatching(/^hmac-sha256:/) });
    expect(granted.dwell_ms).toBeGreaterThanOrEqual(0);
    expect(granted.dwell_ms).toBeLessThan(60_000);
  });

  it('is who wrote a policy, and whether it lets more through', async () => {
    await workspace.role('Loose', ['crm.read']);
    await workspace.role('Loose', ['crm.read', 'crm.wipe']);
    await workspace.role('Loose', []);
    const roles = await eventually(async () => {
      const list = (await eventsOf('kind=role.changed')).filter(({ role }: { role: string }) => role === 'Loose');
      return list.length === 3 ? list : undefined;
    });
    expect(roles.map(({ loosens }: { loosens: boolean }) => loosens)).toEqual([false, true, true]);
    expect(roles[0]).toMatchObject({ basis: 'direct', review_required: false });
    expect(roles[0].reviewer).toBeUndefined();
  });
});

describe('who may not', () => {
  it('an agent mark its own calls, nor anybody by an argument or a header', async () => {
    const agent = await workspace.agent('marking-bot', 'Support');
    await workspace.call('POST', '/v1/actions', {
      key: agent.token,
      body: { action: 'crm.read', arguments: { synthetic: true } },
      headers: { 'hivekey-synthetic': 'true' },
    });
    await workspace.call('POST', '/v1/actions', {
      key: agent.token,
      body: { action: 'crm.read', arguments: {}, synthetic: true },
    });
    await ask(agent, 'vault.get', 10);
    const finding = await found('D01', agent);
    expect(finding).toMatchObject({ synthetic: false });
    const calls = await eventually(async () => {
      const read = await eventsOf(`kind=tool.call&agent=${agent.name}`);
      return read.length >= 11 ? read : undefined;
    });
    expect(calls.filter((call: object) => 'synthetic' in call)).toEqual([]);
  });

  it('a viewer switch a rule off, fire a test or rebuild', async () => {
    for (const [method, path, body] of [
      ['PUT', '/v1/detections/D01', { enabled: false }],
      ['DELETE', '/v1/detections/D01', undefined],
      ['POST', '/v1/detections/D01/live-tests', {}],
      ['POST', '/v1/detections/evaluator/rebuild', { reason: 'to hide' }],
      ['POST', '/v1/detections/test-reports', {}],
    ] as const) {
      const answer = await workspace.call(method, path, { key: viewer, ...(body === undefined ? {} : { body }) });
      expect({ path, status: answer.status, code: answer.body.error.code }).toEqual({
        path,
        status: 403,
        code: 'role_missing',
      });
    }
    expect(await get('/v1/detections/D01')).toMatchObject({ enabled: true });
  });

  it('another workspace read or change anything of it', async () => {
    const stranger = await addWorkspace(workspace.server);
    const [finding] = (await get('/v1/detections/findings')).data;
    const answers = await Promise.all(
      [
        ['GET', `/v1/detections/findings/${finding.id}`],
        ['GET', '/v1/detections/wipes'],
        ['DELETE', '/v1/detections/wipes'],
      ].map(([method = '', path = '']) => workspace.call(method, path, { key: stranger })),
    );
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
    const list = await workspace.call('GET', '/v1/detections/findings', { key: stranger });
    expect(list.body.data).toEqual([]);
    const settings = await workspace.call('GET', '/v1/detections', { key: stranger });
    expect(settings.body.data.filter(({ shipped }: { shipped: boolean }) => !shipped)).toEqual([]);
  });
});

it('makes the state again from the log, and tells nothing twice', async () => {
  const before = (await get('/v1/detections/findings?limit=200')).data.map(({ id }: { id: string }) => id);
  const state = await get('/v1/detections/evaluator');
  await workspace.call('POST', '/v1/detections/evaluator/rebuild', { key: admin, body: { reason: 'a drill' } });
  await eventually(async () => ((await get('/v1/detections/evaluator')).next_seq > state.head_seq ? true : undefined));
  const after = (await get('/v1/detections/findings?limit=200')).data.map(({ id }: { id: string }) => id);
  expect(after).toEqual(before);
});

it('is changed by a reviewed change alone where changes are reviewed', async () => {
  await keyOf('rob', ['admin', 'author']);
  await keyOf('rev', ['reviewer']);
  const settings = await workspace.call('PUT', '/v1/change-settings', { key: admin, body: REVIEWED });
  expect({ status: settings.status, error: settings.body.error }).toMatchObject({ status: 200 });
  const off = await put('D01', { enabled: false });
  expect({ status: off.status, code: off.body.error.code }).toEqual({ status: 409, code: 'change_required' });
  expect(await get('/v1/detections/D01')).toMatchObject({ enabled: true });
});
