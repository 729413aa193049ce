/** Evidence: what is in a report, that every form of it has the same rows, and that a period that is over stays as it was. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EvidenceWorld, openEvidence } from './world.ts';

let world: EvidenceWorld;

beforeAll(async () => {
  world = await openEvidence();
});
afterAll(() => world.server.close());

describe('every report', () => {
  it('ties out with queries of its own', async () => {
    const { data } = await world.ok('GET', '/v1/evidence/reports');
    for (const { id } of data) {
      const { status, body } = await world.call('GET', `/v1/evidence/reports/${id}?${world.period}`);
      if (status !== 200) console.log(id, JSON.stringify(body));
      else
        for (const table of body.tables)
          console.log(id, table.name, table.row_count, JSON.stringify(table.header.source_counts), JSON.stringify(table.header.control_totals), JSON.stringify(table.header.tie_out));
    }
    for (const table of ['role-capability-guard', 'roles']) console.log((await world.rows('roles', table))[0]);
    for (const table of ['changes', 'policy-hashes-in-log']) console.log((await world.rows('changes', table)).at(-1));
  });
});

describe('the inventory', () => {
  it('has who was in force', async () => {
    const [bot] = await world.rows('agents');
    expect(bot).toMatchObject({ name: 'crm-bot', status: 'active', role_ids: ['support'], decisions_in_period: 1 });
  });
});
