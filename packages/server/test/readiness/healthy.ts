/** Two days in which every control of the workspace operated, and nothing deviated. */
import { type Company, Log, PERIOD, POLICY, WORKSPACE } from './company.ts';

const DAY_ONE = '2026-07-01';
export const at = (time: string, day = DAY_ONE): string => `${day}T${time}Z`;
const HASH = 'c'.repeat(64);
export const PIN = `sha256:${HASH}`;

/** A call of the agent, in the order of its numbers. */
export const CALL = {
  agent: 'ap-bot',
  agent_id: 'agt_1',
  owner: 'dana@acme.example',
  action: 'pay.send',
  namespace: 'pay',
  access: 'write',
  roles: ['payer'],
  verdict: 'allow',
  policy: POLICY,
  definition_pin: PIN,
  args_digest: 'hmac-sha256:aa',
};

const FREEZE = {
  apiVersion: 'policy.hivekey.ai/v1',
  kind: 'Freeze',
  metadata: { name: 'night' },
  time_zone: 'UTC',
  starts: '2026-07-01T20:00:00',
  ends: '2026-07-01T22:00:00',
  scope: { actions: ['deploy.*'] },
};

/** A policy by which the role grants this, which spends that, without a limit. */
export function policy(revision: number, capability?: string, access = 'read', unit?: string) {
  const granted = capability === undefined ? [] : [capability];
  return {
    revision,
    policy_hash: revision === 1 ? POLICY : PIN,
    actor: 'key:ops',
    created_at: at(`0${revision}:00:00`),
    document: {
      revision,
      roles: [{ name: 'payer', description: '', revision, allow: granted, guards: [] }],
      workspaceGuards: [],
      capabilities: granted.map((name) => ({
        ...{ name, description: '', access, destructive: false },
        impact: unit === undefined ? {} : { [unit]: { kind: 'constant', amount: 1 } },
      })),
    },
  };
}

export async function writeHealthy(company: Company): Promise<Log> {
  const log = new Log(company);
  await writePeople(company);
  writeEntries(log);
  await log.flush();
  await writeAgents(company);
  await writePolicy(company);
  await writeChanges(company);
  await writeStops(company);
  await writeReviews(company);
  await writeMonitoring(company);
  return log;
}

async function writePeople(company: Company): Promise<void> {
  const { client } = company;
  await client.query(`INSERT INTO workspaces (id, name, created_at) VALUES ($1, 'acme', '2026-06-01')`, [WORKSPACE]);
  await client.query('INSERT INTO workspace_state (workspace_id) VALUES ($1)', [WORKSPACE]);
  for (const [id, email, active] of [
    ['per_dana', 'dana@acme.example', true],
    ['per_lee', 'lee@acme.example', true],
    ['per_omar', 'omar@acme.example', false],
  ] as const)
    await company.insert('people', { id, email, active, user_name: email });
  await company.insert('scim_connections', {
    ...{
      id: 'scm_1',
      name: 'directory',
      scopes: ['users'],
      created_at: at('00:00:00', '2026-06-01'),
      created_by: 'key:ops',
    },
    last_seen_at: at('23:00:00', '2026-07-02'),
  });
  await company.insert('transfer_tasks', {
    ...{ id: 'ttk_1', person_id: 'per_omar', cause: 'scim', actor: 'scim:directory', status: 'done', node: 'n1' },
    ...{ ordered_at: at('08:00:00'), committed_at: at('08:00:00'), effective_at: at('08:00:01'), event_id: 'evt_0001' },
    ...{ opened_at: at('08:00:00'), due_at: at('08:00:00', '2026-07-15'), remind_at: at('08:00:00', '2026-07-04') },
    ...{ escalate_at: at('08:00:00', '2026-07-08'), closed_at: at('12:00:00') },
  });
}

function writeEntries(log: Log): void {
  log.add('tool.changed', at('00:00:01'), { capability: 'pay.send', change: 'approved', approved_pin: PIN });
  log.add('person.left', at('08:00:00'), { person_id: 'per_omar', person: 'omar@acme.example' });
  log.add('tool.call', at('09:00:00'), { ...CALL, agent_seq: 1, impact: { usd: 100 } });
  log.add('approval.granted', at('10:00:00'), { approval_id: 'apr_1', binds: 'hmac-sha256:aa' });
  log.add('tool.call', at('10:00:05'), { ...CALL, agent_seq: 2, approval_id: 'apr_1', impact: { usd: 5000 } });
  log.add('containment.ordered', at('11:00:00'), { containment_id: 'stop_1' });
  log.add('tool.call', at('11:00:01'), { ...CALL, agent_id: 'agt_2', agent: 'mailer', agent_seq: 1, verdict: 'deny' });
  log.add('tool.call', at('21:00:00'), {
    ...CALL,
    agent_seq: 3,
    action: 'deploy.run',
    namespace: undefined,
    verdict: 'deny',
  });
  for (let hour = 0; hour < 48; hour += 1)
    log.add('drift.checked', new Date(Date.parse(PERIOD.from) + hour * 3_600_000 + 60_000).toISOString(), {
      objects: 3,
    });
}

async function writeAgents(company: Company): Promise<void> {
  for (const [n, handle] of [
    [1, 'ap-bot'],
    [2, 'mailer'],
  ] as const) {
    const id = `agt_${n}`;
    await company.insert('agent_requests', {
      ...{
        id: `arq_${n}`,
        status: 'approved',
        handle,
        owner: 'dana@acme.example',
        wanted: {},
        reason: 'invoices',
        source: 'api',
      },
      ...{
        requested_by: 'person:dana@acme.example',
        requested_by_id: 'per_dana',
        credential_id: 'key_1',
        requested_at: at('01:00:00'),
      },
      ...{ expires_at: at('01:00:00', '2026-07-14'), decided_by: 'person:lee@acme.example', decided_by_id: 'per_lee' },
      ...{ decided_at: at('02:00:00'), agent_id: id, owner_id: 'per_dana' },
    });
    await company.insert('agents', {
      ...{ id, handle, owner_id: 'per_dana', created_at: at('02:00:00'), created_by: 'person:dana@acme.example' },
      ...{
        request_id: `arq_${n}`,
        requested_at: at('01:00:00'),
        approved_at: at('02:00:00'),
        approved_by: 'lee@acme.example',
      },
      ...{ first_credential_at: at('02:30:00'), first_action_at: at('09:00:00') },
    });
    await company.insert('agent_state', { agent_id: id, owner_id: 'per_dana', status: n === 1 ? 'active' : 'revoked' });
    await company.insert('ownership_history', {
      agent_id: id,
      number: n,
      to_id: 'per_dana',
      at: at('02:00:00'),
      actor: 'key:ops',
    });
    await company.insert('agent_role_history', {
      ...{ agent_id: id, number: n, role: 'payer', granted_at: at('02:00:00'), granted_by: 'key:ops' },
    });
  }
  // What is left of a stopped agent tries again, and is refused.
  await company.insert('unregistered_identities', sighting('retired_token', 'agt_2'));
}

export function sighting(kind: 'token' | 'retired_token', agentId: string | null) {
  return {
    ...{ id: `unr_${kind}`, kind, identity: 'hk_agt_…', source: '10.0.0.9', agent_id: agentId, count: 1 },
    ...{ first_seen: at('12:00:00'), last_seen: at('12:00:00') },
  };
}

async function writePolicy(company: Company): Promise<void> {
  await company.insert('policy_revisions', policy(1));
  await company.insert('blast_radius_certificates', certificate('brc_1', []));
  await company.insert('segregation_sets', {
    ...{ id: 'sod_1', name: 'pay and approve', roles: ['payer', 'approver'], reason: 'four eyes' },
    ...{ created_at: at('00:00:00'), created_by: 'key:ops' },
  });
  await company.insert('mcp_servers', {
    ...{
      id: 'mcp_1',
      namespace: 'pay',
      transport: 'http',
      created_by: 'key:ops',
      created_at: at('00:00:00'),
      refresh_at: at('00:00:00'),
    },
    ...{ environment: {}, capabilities: {} },
  });
  await company.insert('tie_outs', {
    ...{
      id: 'tie_1',
      tool: 'pay',
      capabilities: [],
      period_from: PERIOD.from,
      period_to: PERIOD.to,
      source: { kind: 'csv' },
    },
    ...{
      sha256: HASH,
      bytes: 10,
      rows_count: 2,
      rows_counted: 2,
      left_out: {},
      through_seq: 50,
      compared_by: 'reference',
      matched: 2,
    },
    ...{
      totals: {},
      differences: 0,
      reason: '',
      imported_by: 'key:ops',
      imported_at: at('00:00:00', '2026-07-04'),
      event_id: 'evt_0001',
    },
  });
}

export function certificate(id: string, differing: readonly { computed: string; asked: string }[]) {
  return {
    ...{
      id,
      policy_hash: POLICY,
      policy_revision: 1,
      numbers_digest: PIN,
      sweep_digest: PIN,
      agents: 1,
      role_sets: 1,
      cells: 1,
    },
    ...{
      inputs: 3,
      differences: differing.length,
      version: '0.1.0',
      actor: 'system',
      took_ms: 1,
      made_at: at('03:00:00'),
    },
    ...{ event_id: 'evt_0001', differing: JSON.stringify(differing) },
  };
}

export function version(id: string, number: number, basis: string, changeId: string | null) {
  return {
    ...{
      object_type: 'role',
      object_id: 'payer',
      version: number,
      sha256: PIN,
      document: {},
      basis,
      change_id: changeId,
    },
    ...{ author: 'person:dana@acme.example', authored_at: at('04:00:00'), activated_at: at('05:00:00'), event_id: id },
  };
}

export function change(id: string, number: number, rest: Readonly<Record<string, string>> = {}) {
  return {
    ...{
      id,
      number,
      status: 'activated',
      class: 'normal',
      title: 'Raise a cap',
      justification: 'more invoices',
      operations: [{}],
    },
    ...{ content_hash: PIN, author_id: 'per_dana', author: 'person:dana@acme.example', created_at: at('04:00:00') },
    ...{
      updated_at: at('05:00:00'),
      submitted_at: at('04:10:00'),
      submitted_by: 'dana',
      risk: 'low',
      preview_id: 'prv_1',
    },
    ...{ preview_hash: PIN, approved_at: at('04:30:00'), activated_at: at('05:00:00'), activated_by: 'dana', ...rest },
  };
}

function review(changeId: string, person: string, stage: 'before' | 'after', when: string) {
  return {
    ...{
      change_id: changeId,
      person_id: `per_${person}`,
      person: `${person}@acme.example`,
      decision: 'approve',
      stage,
      round: 1,
      groups: [],
    },
    ...{
      comment: '',
      content_hash: PIN,
      preview_hash: PIN,
      actor: `person:${person}@acme.example`,
      credential_id: 'key_2',
    },
    ...{ method: 'key', idp_groups: [], channel: 'api', authenticated_at: when, at: when, event_id: 'evt_0001' },
  };
}

async function writeChanges(company: Company): Promise<void> {
  await company.insert('object_adoptions', { adopted_at: at('00:00:00'), objects: 1 });
  await company.insert('changes', change('chg_1', 1));
  await company.insert('change_edits', {
    ...{
      change_id: 'chg_1',
      edit: 1,
      what: 'edit',
      person_id: 'per_dana',
      actor: 'person:dana@acme.example',
      credential_id: 'key_1',
    },
    ...{ content_hash: PIN, at: at('04:00:00') },
  });
  await company.insert('change_reviews', review('chg_1', 'lee', 'before', at('04:30:00')));
  await company.insert('changes', change('chg_2', 2, { ...EMERGENCY, emergency_review: 'passed' }));
  await company.insert('change_reviews', review('chg_2', 'lee', 'after', at('07:00:00')));
  await company.insert('object_versions', version('evt_0002', 1, 'change', 'chg_1'));
  await company.insert('object_versions', {
    ...version('evt_0003', 1, 'change', 'chg_1'),
    ...{ object_type: 'freeze', object_id: 'night', document: FREEZE },
  });
}

export const EMERGENCY = { class: 'emergency', review_due_at: at('08:00:00'), activated_at: at('06:00:00') };

async function writeStops(company: Company): Promise<void> {
  await company.insert('containments', {
    ...{
      id: 'stop_1',
      scope: 'agent',
      target: 'agt_2',
      reason: 'drill',
      actor: 'key:ops',
      ordered_at: at('11:00:00.000'),
    },
    ...{ effective_at: at('11:00:00.300'), committed_at: at('11:00:00.200'), node: 'n1', event_id: 'evt_0006' },
  });
  await company.insert('containment_agents', { containment_id: 'stop_1', agent_id: 'agt_2', tokens_ended: 1 });
  await company.insert('rehearsals', rehearsal('reh_1', 'passed'));
  await company.insert('approvals', approval('apr_1', 'evt_0005'));
  await company.insert('approval_decisions', {
    ...{
      approval_id: 'apr_1',
      person_id: 'per_lee',
      person: 'lee@acme.example',
      groups: ['finance'],
      decision: 'approve',
      reason: 'ok',
    },
    ...{
      key_id: 'key_2',
      key_name: 'lee',
      channel: 'api',
      authenticated_at: at('10:00:00'),
      decided_at: at('10:00:00'),
      event_id: 'evt_0004',
    },
  });
}

function rehearsal(id: string, status: string) {
  return {
    ...{
      id,
      agent_id: 'agt_1',
      agent: 'ap-bot',
      actor: 'key:ops',
      node: 'n1',
      target_ms: 1000,
      started_at: at('12:00:00'),
    },
    ...{ ended_at: at('12:00:02'), status, result: { slowest_ms: 200 } },
  };
}

export function approval(id: string, callEventId: string) {
  return {
    ...{
      id,
      status: 'finished',
      agent_id: 'agt_1',
      agent: 'ap-bot',
      owner_id: 'per_dana',
      owner: 'dana@acme.example',
      roles: ['payer'],
    },
    ...{
      token_id: 'tok_1',
      entrance: 'mcp',
      capability: 'pay.send',
      tool: 'pay.send',
      impact: { usd: 5000 },
      reason: 'above 1000',
    },
    ...{
      call_digest: id,
      binding: {},
      hash: PIN,
      policy_revision: 1,
      people: 1,
      groups: ['finance'],
      wrapped_key: Buffer.alloc(1),
    },
    ...{ ciphertext: Buffer.alloc(1), event_id: 'evt_0004', requested_at: at('09:50:00'), expires_at: at('20:00:00') },
    ...{
      decided_at: at('10:00:00'),
      released_at: at('10:00:05'),
      call_event_id: callEventId,
      outcome: 'success',
      ended_at: at('10:00:06'),
    },
  };
}

async function writeReviews(company: Company): Promise<void> {
  await company.insert('review_policies', {
    ...{
      version: 1,
      document: { cycle: 'quarterly' },
      reason: '',
      author: 'key:ops',
      created_at: at('00:00:00', '2026-06-01'),
    },
    event_id: 'evt_0001',
  });
  await company.insert('review_campaigns', {
    ...{
      id: 'AR-2026-Q2',
      kind: 'scheduled',
      cause: {},
      scope: {},
      policy_version: 1,
      policy: {},
      owner_id: 'per_lee',
    },
    ...{
      owner: 'lee@acme.example',
      launched_by: 'system',
      snapshot_at: at('00:00:00', '2026-06-20'),
      snapshot_sha256: HASH,
    },
    ...{ due_at: at('12:00:00'), status: 'closed', closed_at: at('11:00:00'), closed_by: 'lee', event_id: 'evt_0001' },
  });
  await company.insert('review_items', reviewItem(1, { decision: 'keep', decided_at: at('10:00:00') }));
}

export function reviewItem(number: number, rest: Readonly<Record<string, string>>) {
  return {
    ...{
      campaign_id: 'AR-2026-Q2',
      number,
      id: `AR-2026-Q2-00${number}`,
      item_type: 'assignment',
      subject: `assignment:${number}`,
    },
    ...{
      title: 'ap-bot wears payer',
      tier: 'low',
      privileged: false,
      facts: {},
      barred: { per_dana: 'owns the agent' },
      ...rest,
    },
  };
}

async function writeMonitoring(company: Company): Promise<void> {
  await company.client.query(
    `INSERT INTO log_checkpoints (workspace_id, tree_size, root, note, created_at)
     SELECT $1, 50, '\\x00', '', t FROM generate_series($2::timestamptz + interval '59 minutes', $3::timestamptz, '1 hour') t`,
    [WORKSPACE, PERIOD.from, PERIOD.to],
  );
  await company.insert('checkpoint_copies', {
    destination: 'file',
    tree_size: 50,
    updated_at: at('23:59:00', '2026-07-02'),
  });
  await company.insert('sinks', {
    ...{
      id: 'snk_1',
      name: 'siem',
      kind: 'webhook',
      format: 'flat',
      settings: {},
      raw: false,
      compact: false,
      omit: [],
      leave_out: [],
    },
    ...{
      required: true,
      limits: {},
      objective_seconds: 60,
      status: 'active',
      alerted: [],
      created_at: at('00:00:00', '2026-06-01'),
    },
    ...{ created_by: 'key:ops', updated_at: at('00:00:00'), updated_by: 'key:ops' },
  });
  await company.insert('sink_streams', {
    ...{
      id: 'sst_1',
      sink_id: 'snk_1',
      purpose: 'live',
      from_seq: 1,
      cursor_seq: 50,
      counts: {},
      checkpoints: 0,
      status: 'running',
    },
    ...{ last_success_at: at('23:50:00', '2026-07-02'), created_by: 'key:ops', created_at: at('00:00:00') },
  });
  await company.insert('sink_ledger', { sink_id: 'snk_1', day: DAY_ONE, produced: 30, accepted: 30 });
  await company.insert('detection_evaluators', { fence: 1, next_seq: 51, saved_at: at('23:00:00', '2026-07-02') });
  await company.insert('detection_live_tests', liveTest('tst_1', 'passed'));
  await company.insert('alerts', alert('alr_1', at('13:05:00')));
  await company.insert(
    'incidents',
    incident('inc_1', { decision: 'contained', decided_by: 'lee', decided_at: at('15:00:00') }),
  );
}

function liveTest(id: string, status: string) {
  return {
    ...{
      id,
      detection: 'denials',
      rule_version: '1',
      file_digest: PIN,
      kind: 'attack',
      status,
      node: 'n1',
      started_by: 'key:ops',
    },
    ...{
      started_at: at('14:00:00'),
      wait_until: at('14:10:00'),
      event_ids: [],
      arrivals: {},
      ended_at: at('14:01:00'),
    },
  };
}

export function alert(id: string, acknowledgedAt: string) {
  return {
    ...{
      id,
      source: 'detection',
      rule: 'denials',
      severity: 'high',
      severity_floor: 'high',
      subject_kind: 'agent',
      subject_id: 'agt_1',
    },
    ...{
      subject_name: 'ap-bot',
      title: 'Many denials',
      facts: {},
      evidence: [],
      evidence_count: 1,
      synthetic: false,
      status: 'closed',
    },
    ...{
      opened_at: at('13:00:00'),
      last_found_at: at('13:00:00'),
      event_id: 'evt_0001',
      acknowledged_by: 'lee',
      acknowledged_at: acknowledgedAt,
    },
    ...{
      acknowledge_due_at: at('14:00:00'),
      close_due_at: at('13:00:00', '2026-07-04'),
      closed_by: 'lee',
      closed_at: at('15:00:00'),
    },
    ...{ triaged_by: 'lee', triaged_at: at('14:00:00'), disposition: 'benign', reason: 'a test of the bank' },
  };
}

export function incident(id: string, rest: Readonly<Record<string, string>>) {
  return {
    ...{
      id,
      title: 'A strange transfer',
      summary: '',
      severity: 'high',
      status: 'open',
      synthetic: false,
      lead_id: 'per_lee',
    },
    ...{ lead: 'lee@acme.example', opened_at: at('13:30:00'), opened_by: 'lee', event_id: 'evt_0001', ...rest },
  };
}
