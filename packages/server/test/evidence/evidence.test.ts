/** Evidence: what is in a report, that every form of it has the same rows, and that a period that is over stays as it was. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EvidenceWorld, openEvidence } from './world.ts';

let world: EvidenceWorld;

beforeAll(async () => {
  world = await openEvidence();
});
afterAll(() => world.server.close());

describe('the inventory', () => {
  it('has who was in force', async () => {
    const [bot] = await world.rows('agents');
    expect(bot).toMatchObject({ name: 'crm-bot', status: 'active', role_ids: ['support'], decisions_in_period: 1 });
  });
});
