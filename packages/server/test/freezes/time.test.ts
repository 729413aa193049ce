/** A freeze binds by the database's clock, whatever the clock of a node says. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ActionPath, Authorization } from '../../src/path/index.ts';
import { publishPolicy } from '../../src/roles/publish.ts';
import { actionOf, createPathFixture, type PathFixture } from '../path/fixture.ts';

const HOUR = 3_600_000;

let fixture: PathFixture;

beforeAll(async () => {
  fixture = await createPathFixture();
  await fixture.declare('deploy', 'write');
  await fixture.declare('look', 'read');
  await fixture.setRole('ops', ['deploy', 'look']);
});
afterAll(() => fixture.close());

/** A freeze of writes between two times, in hours from now. */
async function freeze(name: string, fromHours: number, untilHours: number): Promise<void> {
  const wall = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString().slice(0, 19);
  const document = {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Freeze',
    metadata: { name },
    time_zone: 'UTC',
    starts: wall(fromHours),
    ends: wall(untilHours),
    scope: { classes: ['write'] },
  };
  await fixture.log.transact(fixture.workspaceId, async (transaction) => {
    await transaction.client.query('DELETE FROM freezes');
    await transaction.client.query(
      'INSERT INTO freezes (workspace_id, name, document, author) VALUES ($1, $2, $3, $4)',
      [fixture.workspaceId, name, JSON.stringify(document), 'dana@acme.example'],
    );
    publishPolicy(transaction, fixture.workspaceId, 'dana@acme.example');
  });
}

let bots = 0;

async function ask(path: ActionPath, capability: string): Promise<Authorization> {
  bots += 1;
  const { token } = await fixture.addBot(`bot-${bots}`, ['ops']);
  const principal = await path.authenticate(token, { tool: capability });
  if ('kind' in principal) throw new Error(principal.kind);
  const first = await path.authorize(token, principal, async () => actionOf(capability));
  const second = await path.authorize(token, principal, async () => actionOf(capability));
  for (const each of [first, second]) if (each.kind === 'permit') await path.settle(each, { result: 'success' });
  // the second goes the way that looks at nothing first
  expect(second.kind).toBe(first.kind);
  return second;
}

test.each<[string, number, number, number, 'permit' | 'refused']>([
  ['a node that is late does not see the freeze begin', -1, 1, -2, 'refused'],
  ['a node that is early takes it to be over', -1, 1, 2, 'refused'],
  ['a node that is early takes it to have begun', 1, 3, 2, 'permit'],
  ['a node that is late takes it to be still in force', -3, -1, -2, 'permit'],
  ['a node that is right, in the freeze', -1, 1, 0, 'refused'],
  ['a node that is right, before it', 1, 2, 0, 'permit'],
])('%s', async (name, from, until, wrongBy, kind) => {
  await freeze('quiet', from, until);
  const { path } = await fixture.node({ clock: () => Date.now() + wrongBy * HOUR });
  const answer = await ask(path, 'deploy');
  expect([name, answer.kind]).toEqual([name, kind]);
  if (answer.kind === 'refused') expect(answer.decision.reasonClass).toBe('freeze');
  expect((await ask(path, 'look')).kind).toBe('permit');
  await path.close(0);
});

test('a freeze that is added binds calls that were decided before it', async () => {
  await freeze('quiet', 5, 6);
  const { token } = await fixture.addBot('late-bot', ['ops']);
  const { path } = fixture;
  const principal = await path.authenticate(token, { tool: 'deploy' });
  if ('kind' in principal) throw new Error(principal.kind);
  expect((await path.authorize(token, principal, async () => actionOf('deploy'))).kind).toBe('permit');
  await freeze('now', -1, 1);
  const answer = await path.authorize(token, principal, async () => actionOf('deploy'));
  expect(answer).toMatchObject({ kind: 'refused', decision: { reasonClass: 'freeze', rule: 'freeze now' } });
});

test('the dry run says what the live call gets, and the record has the time the freeze was judged at', async () => {
  await freeze('now', -1, 1);
  const { token } = await fixture.addBot('dry-bot', ['ops']);
  const { path } = fixture;
  const principal = await path.authenticate(token, { tool: 'deploy' });
  if ('kind' in principal) throw new Error(principal.kind);
  const dry = await path.dryRun(principal, actionOf('deploy'));
  const live = await path.authorize(token, principal, async () => actionOf('deploy'));
  if (live.kind !== 'refused' || 'kind' in dry) throw new Error('both are refusals');
  expect([dry.verdict, dry.reasonClass, dry.reason, dry.trace]).toEqual([
    live.decision.verdict,
    live.decision.reasonClass,
    live.decision.reason,
    live.decision.trace,
  ]);
  await fixture.log.catchUp(fixture.workspaceId);
  const found = await fixture.log.find(fixture.workspaceId, live.eventId);
  expect(found?.event.record).toMatchObject({ reason_class: 'freeze', state: { at: expect.stringMatching(/Z$/) } });
});
