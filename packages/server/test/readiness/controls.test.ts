/** One deviation turns exactly its control to FAIL, with its record; and what a test rests on cannot be taken away unseen. */
// Loads the folders in their order.
import '../../src/server.ts';
import { CONTROL_IDS, type ControlId, type RunControl, type RunDocument } from '@hivekey/evidence/controls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runDocument } from '../../src/readiness/document.ts';
import type { SourceName } from '../../src/readiness/sources.ts';
import { CONTROL_TESTS } from '../../src/readiness/tests/index.ts';
import { Company, type Log, PERIOD } from './company.ts';
import {
  alert,
  approval,
  at,
  CALL,
  certificate,
  change,
  EMERGENCY,
  incident,
  PIN,
  policy,
  reviewItem,
  sighting,
  version,
  writeHealthy,
} from './healthy.ts';

let company: Company;
let log: Log;
beforeAll(async () => {
  company = await Company.create();
  log = await writeHealthy(company);
});
afterAll(() => company.close());

const ABOUT = {
  id: 'run_1',
  actor: 'system',
  codeVersion: '0.1.0',
  workspace: { name: 'acme', environment: 'prod' },
  isSampleData: false,
  log: { size: 56, checkpoint: null },
};

async function runAfter(seed: () => unknown = () => undefined): Promise<RunDocument> {
  const back = log.mark();
  const run = await company.tried(
    async () => {
      await seed();
      await log.flush();
    },
    (instant) => runDocument(instant, PERIOD, ABOUT),
  );
  back();
  return run;
}

const of = ({ controls }: RunDocument, id: string): RunControl | undefined => controls.find((each) => each.id === id);
const failed = ({ controls }: RunDocument): readonly string[] =>
  controls.filter(({ state }) => state === 'fail').map(({ id }) => id);
const sql = (text: string) => () => company.client.query(text);

const LATE_STOP = {
  ...{ id: 'stop_9', scope: 'agent', target: 'agt_3', reason: 'drill', actor: 'key:ops', ordered_at: at('11:00:00') },
  ...{ effective_at: at('11:00:05'), committed_at: at('11:00:00'), node: 'n1', event_id: 'evt_9001' },
};
const OPEN_TASK = {
  ...{ id: 'ttk_9', person_id: 'per_omar', cause: 'scim', actor: 'scim:directory', status: 'open', node: 'n1' },
  ...{ ordered_at: at('08:00:00'), committed_at: at('08:00:00'), effective_at: at('08:00:01'), event_id: 'evt_9002' },
  ...{ opened_at: at('08:00:00'), due_at: at('18:00:00'), remind_at: at('09:00:00'), escalate_at: at('10:00:00') },
};
const ACCEPTED = {
  ...{
    id: 'bra_9',
    subject_kind: 'agent',
    subject_id: 'agt_1',
    subject_name: 'ap-bot',
    result: {},
    digest: PIN,
    policy_hash: PIN,
  },
  ...{
    person_id: 'per_lee',
    person: 'lee@acme.example',
    reason: 'read only',
    accepted_at: at('04:00:00'),
    until: at('00:00:00', '2026-08-01'),
  },
};

/** Control → what is written, and the record that deviates by it. */
const SEEDS: Readonly<Record<ControlId, () => string | Promise<string>>> = {
  'AG-01': () => {
    log.add('tool.call', at('22:30:00'), { ...CALL, agent_seq: 4, owner: 'omar@acme.example' });
    return 'agt_1';
  },
  'AG-02': () =>
    inserted('agents', 'agt_9', {
      id: 'agt_9',
      handle: 'shadow',
      owner_id: 'per_dana',
      created_at: at('05:00:00'),
      created_by: 'key:ops',
    }),
  'AG-03': () =>
    inserted('blast_radius_certificates', 'brc_9', certificate('brc_9', [{ computed: 'never', asked: 'alone' }])),
  'AG-04': () =>
    inserted('agent_role_history', 'agt_1/sod_1', {
      ...{ agent_id: 'agt_1', number: 9, role: 'approver', granted_at: at('05:00:00'), granted_by: 'key:ops' },
    }),
  'AG-05': () => inserted('review_items', 'AR-2026-Q2-002', reviewItem(2, {})),
  'AG-06': () => inserted('containments', 'stop_9', LATE_STOP),
  'AG-07': () => inserted('transfer_tasks', 'ttk_9', OPEN_TASK),
  'AG-08': () => inserted('object_versions', 'evt_9003', version('evt_9003', 2, 'direct', null)),
  'AG-09': () =>
    inserted('drift_findings', 'drf_9', {
      ...{
        id: 'drf_9',
        what: 'object',
        object_type: 'role',
        object_id: 'payer',
        expected: PIN,
        found: 'none',
        node: 'n1',
      },
      ...{ found_at: at('05:00:00'), event_id: 'evt_9004' },
    }),
  'AG-10': () => inserted('changes', 'chg_9', change('chg_9', 9, { ...EMERGENCY, emergency_review: 'overdue' })),
  'AG-11': () =>
    log.add('tool.call', at('21:30:00'), { ...CALL, agent_seq: 4, action: 'deploy.run', namespace: undefined }),
  'AG-12': () => inserted('approvals', 'apr_9', approval('apr_9', 'evt_0005')),
  'AG-13': () => {
    log.skip();
    return log.add('system.started', at('23:30:00'));
  },
  'AG-14': () => {
    log.forge();
    return log.add('system.started', at('23:30:00'));
  },
  'AG-15': () => log.add('tool.call', at('22:30:00'), { ...CALL, agent_seq: 4, owner: undefined }),
  'AG-16': () => inserted('alerts', 'alr_9', alert('alr_9', at('14:00:01'))),
  'AG-17': () => inserted('incidents', 'inc_9', incident('inc_9', { severity: 'critical' })),
  'AG-18': async () => {
    await company.insert('blast_radius_acceptances', ACCEPTED);
    return inserted('policy_revisions', 'agt_1/records_read', policy(2, 'crm.read', 'read', 'records_read'));
  },
  'AG-19': () =>
    log.add('tool.call', at('22:30:00'), { ...CALL, agent_seq: 4, definition_pin: `sha256:${'d'.repeat(64)}` }),
  'AG-20': () => inserted('policy_revisions', 'agt_1', policy(2, 'pay.send', 'write', 'usd')),
};

async function inserted(table: string, record: string, row: Parameters<Company['insert']>[1]): Promise<string> {
  await company.insert(table, row);
  return record;
}

test('where everything operated and nothing deviated, all pass', async () => {
  const run = await runAfter();
  expect(run.controls.filter(({ state }) => state !== 'pass')).toEqual([]);
  expect(run.headline).toBe('20 pass, 0 fail, 0 not enough data, 0 did not occur, 0 n/a');
  expect(run.criteria.every(({ state }) => state === 'pass')).toBe(true);
});

describe('one deviation', () => {
  test.each(CONTROL_IDS)('turns %s to FAIL, and no other', async (id) => {
    let record = '';
    const run = await runAfter(async () => {
      record = await SEEDS[id]();
    });
    expect(failed(run)).toEqual([id]);
    const control = of(run, id);
    expect(control?.deviations.map(({ record_id }) => record_id)).toEqual([record]);
    expect(control?.deviations[0]?.sentence).not.toBe('');
    expect(run.criteria.filter(({ state }) => state === 'fail').map((each) => each.id)).toEqual(
      control?.criteria.toSorted(byCriteria(run)),
    );
  });
});

test('what nobody was given, and tries to act, is a deviation until somebody has looked at it', async () => {
  const seen = sighting('token', null);
  const run = await runAfter(() => company.insert('unregistered_identities', seen));
  expect(failed(run)).toEqual(['AG-01']);
  expect(of(run, 'AG-01')?.deviations).toMatchObject([{ record_id: seen.id, kind: 'unregistered' }]);
  const looked = { dismissed_at: at('13:00:00'), dismissed_by: 'key:ops', dismissed_reason: 'a scanner' };
  expect(failed(await runAfter(() => company.insert('unregistered_identities', { ...seen, ...looked })))).toEqual([]);
});

function byCriteria({ criteria }: RunDocument): (a: string, b: string) => number {
  const order = criteria.map(({ id }) => id);
  return (a, b) => order.indexOf(a) - order.indexOf(b);
}

describe('a source that is not there', () => {
  /** How each is taken away. */
  const OFF: Readonly<Record<SourceName, string>> = {
    log: 'DELETE FROM log_checkpoints',
    copies: 'DELETE FROM checkpoint_copies',
    agents: 'DELETE FROM agents',
    sweeps: 'DELETE FROM blast_radius_certificates',
    segregation: `UPDATE segregation_sets SET ended_at = '2026-07-02', ended_by = 'key:ops'`,
    reviews: `UPDATE review_policies SET document = '{"cycle": null}'`,
    leavers: `UPDATE scim_connections SET revoked_at = '2026-07-02'`,
    drift: `DELETE FROM actions WHERE kind = 'drift.checked'`,
    versions: 'DELETE FROM object_adoptions',
    sinks: `UPDATE sinks SET status = 'paused'`,
    detections: 'DELETE FROM detection_evaluators',
    tools: 'DELETE FROM mcp_servers',
    tieOuts: 'DELETE FROM tie_outs',
  };

  /** An agent that acted is in no inventory then; and a copy is of a checkpoint that is not there. */
  const ALSO_WRONG = new Set(['agents AG-01', 'log AG-14']);

  test.each(Object.entries(OFF))('%s: what rests on it passes no more', async (source, text) => {
    const run = await runAfter(sql(text));
    const resting = CONTROL_TESTS.filter(({ sources }) => sources.some((each) => each === source)).map(({ id }) => id);
    expect(resting).not.toEqual([]);
    for (const id of resting) {
      const state = ALSO_WRONG.has(`${source} ${id}`) ? 'fail' : 'not_enough_data';
      expect([id, of(run, id)?.state]).toEqual([id, state]);
    }
  });

  test('every control that rests on sources is among them', () => {
    expect(CONTROL_TESTS.filter(({ sources }) => sources.length === 0)).toEqual([]);
  });

  test('one that has been silent for too long counts no more', async () => {
    const run = await runAfter(sql(`UPDATE scim_connections SET last_seen_at = '2026-06-10'`));
    expect(of(run, 'AG-07')?.state).toBe('not_enough_data');
    expect(of(run, 'AG-07')?.reason).toContain('Silent since 2026-06-10');
  });
});

test('a query that fails is NOT ENOUGH DATA with the error, and the others go on', async () => {
  const run = await runAfter(sql('ALTER TABLE incidents RENAME TO elsewhere'));
  expect(of(run, 'AG-17')?.state).toBe('not_enough_data');
  expect(of(run, 'AG-17')?.reason).toContain('relation "incidents" does not exist');
  expect(run.counts).toMatchObject({ pass: 19, fail: 0, not_enough_data: 1 });
});

test('without an occasion a control did not occur, and never passes', async () => {
  const run = await runAfter(sql('DELETE FROM incidents; DELETE FROM freezes; DELETE FROM approvals'));
  expect(of(run, 'AG-17')?.state).toBe('did_not_occur');
  expect(of(run, 'AG-12')?.state).toBe('did_not_occur');
});

describe('a control that was agreed not to apply', () => {
  const EXEMPT = {
    ...{
      id: 'exm_1',
      control: 'AG-17',
      reason: 'no incidents in this workspace',
      expires_at: at('00:00:00', '2026-08-01'),
    },
    ...{
      status: 'approved',
      requested_by_id: 'per_dana',
      requested_by: 'dana@acme.example',
      requested_at: at('00:00:00'),
    },
    ...{ answered_by_id: 'per_lee', answered_by: 'lee@acme.example', answered_at: at('01:00:00') },
  };

  test('is said to be so, with who agreed', async () => {
    const run = await runAfter(() => company.insert('control_exemptions', EXEMPT));
    expect(of(run, 'AG-17')?.state).toBe('not_applicable');
    expect(of(run, 'AG-17')?.reason).toContain('approved by lee@acme.example');
  });

  test('fails all the same where something deviates', async () => {
    const run = await runAfter(async () => {
      await company.insert('control_exemptions', EXEMPT);
      await SEEDS['AG-17']();
    });
    expect(failed(run)).toEqual(['AG-17']);
  });

  test('applies again when that has ended', async () => {
    const run = await runAfter(() =>
      company.insert('control_exemptions', { ...EXEMPT, expires_at: at('12:00:00', '2026-07-02') }),
    );
    expect(of(run, 'AG-17')?.state).toBe('pass');
  });
});

test('a freeze that two people lifted lets through what they lifted it for', async () => {
  const run = await runAfter(async () => {
    await SEEDS['AG-11']();
    await company.insert('freeze_overrides', {
      ...{
        id: 'ovr_1',
        freeze_name: 'night',
        reason: 'hotfix',
        minutes: 60,
        requested_by: 'dana',
        requested_at: at('21:00:00'),
      },
      ...{ answer_by: at('21:10:00'), approved_by: 'lee', starts_at: at('21:05:00'), ends_at: at('22:05:00') },
    });
  });
  expect(failed(run)).toEqual([]);
});

test('what left the log by a signed record of it is no gap', async () => {
  const run = await runAfter(async () => {
    log.skip();
    log.add('system.started', at('23:30:00'));
    await company.insert('log_absences', {
      ...{
        seq: 99,
        event_id: 'evt_0099',
        kind: 'log.pruned',
        entries: '{[57,58)}',
        ts: at('23:40:00'),
        workspace: 'acme',
        env: 'prod',
      },
      removed_through: 58,
    });
  });
  expect(failed(run)).toEqual([]);
});
