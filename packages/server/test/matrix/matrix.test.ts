/** The matrix that is exported says what the engine answers, and holds whatever people call things. */
import { DOMParser } from '@xmldom/xmldom';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cellsOf } from '../../src/matrix/cells.ts';
import { pageOf } from '../../src/matrix/page.ts';
import { openWorld, roleFile, type World } from '../agents/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
  await world.ok('PUT', '/v1/capabilities/payments.transfer', {
    description: 'Moves money',
    access: 'write',
    destructive: true,
    impact: { usd: { field: 'amount', currency: 'USD' } },
  });
  await world.ok('PUT', '/v1/capabilities/crm.read', { description: 'Reads', access: 'read' });
  const payments = { action: 'payments.transfer', effect: 'allow', otherwise: 'deny' };
  await world.ok(
    'POST',
    '/v1/roles',
    roleFile(
      'accounts-payable',
      ['payments.transfer'],
      [
        { ...payments, id: 'call-cap', when: { field: 'amount', lte: '$5000' } },
        { id: 'approval', action: 'payments.transfer', when: { field: 'amount', gt: '$1000' }, effect: 'review' },
        { ...payments, id: 'day-cap', when: { field: 'sum(usd, 24h)', lte: '$8000' } },
      ],
    ),
  );
  await world.ok('POST', '/v1/roles', roleFile('reader', ['crm.read']));
});
afterAll(() => world?.server.close());

const svg = async (): Promise<string> => {
  const response = await fetch(`${world.server.url}/v1/matrix.svg`, {
    headers: { authorization: `Bearer ${world.server.adminKey}` },
  });
  expect(response.headers.get('content-type')).toBe('image/svg+xml; charset=utf-8');
  expect(response.headers.get('content-security-policy')).toContain('sandbox');
  return response.text();
};

const refuse = (message: string): never => {
  throw new Error(message);
};

/** Whatever an XML parser complains of throws. */
const parsed = (text: string) =>
  new DOMParser({ locator: {}, errorHandler: { warning: refuse, error: refuse, fatalError: refuse } }).parseFromString(
    text,
    'text/xml',
  );

/** So many days from now, in UTC. */
const wallTime = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 19);

describe('the cells', () => {
  it('carry marks with limits and the guards that had a say; what is not granted is counted', async () => {
    const { policy_hash } = await world.ok('GET', '/v1/workspace');
    expect(await world.ok('GET', '/v1/matrix/cells')).toMatchObject({
      object: 'matrix_cells',
      policy: policy_hash,
      roles: ['accounts-payable', 'reader'],
      capabilities: ['crm.read', 'payments.transfer'],
      cells: [
        {
          role: 'accounts-payable',
          capability: 'payments.transfer',
          mark: 'A≤',
          text: 'A≤ $5,000 a call, $8,000 in 24 h, H > $1,000',
          guards: ['accounts-payable/approval', 'accounts-payable/call-cap', 'accounts-payable/day-cap'],
        },
        { role: 'reader', capability: 'crm.read', mark: 'A', text: 'A', guards: [] },
      ],
      counts: { '—': 2, A: 1, 'A≤': 1, H: 0, F: 0 },
      wildcards: 0,
    });
  });

  it('turn when a freeze is in force', async () => {
    await world.ok('PUT', '/v1/freezes/always', {
      apiVersion: 'policy.hivekey.ai/v1',
      kind: 'Freeze',
      metadata: { name: 'always' },
      time_zone: 'Etc/UTC',
      starts: wallTime(-100),
      ends: wallTime(100),
      scope: { classes: ['destructive'] },
    });
    const { cells } = await world.ok('GET', '/v1/matrix/cells');
    expect(cells).toMatchObject([{ mark: 'F', freezes: ['always'] }, { mark: 'A' }]);
  });
});

describe('the page', () => {
  it('is well-formed, and says of which policy and when', async () => {
    const { policy } = await world.ok('GET', '/v1/matrix/cells');
    const page = await svg();
    expect(parsed(page)?.firstChild?.nodeName).toBe('svg');
    for (const said of [policy, 'as of 20', 'accounts-payable', 'Produced by calling the decision engine'])
      expect(page).toContain(said);
  });

  it('shows names as text, whatever is in them', () => {
    const hostile = "</text><script>alert(1)</script>&\u0000\u202e\"=cmd|'/c calc'!A1";
    const set = {
      revision: 1,
      workspaceGuards: [],
      capabilities: [],
      roles: [{ name: hostile, description: '', revision: 1, allow: [`a.${'x'.repeat(500)}`], guards: [] }],
    };
    const page = pageOf({ workspace: hostile, environment: hostile }, cellsOf(set, 0));
    expect(parsed(page)?.firstChild?.nodeName).toBe('svg');
    expect(page).not.toMatch(/<(?!\/?(?:svg|rect|text|line|g|title)[ >])/);
    expect(page).toBe(pageOf({ workspace: hostile, environment: hostile }, cellsOf(set, 0)));
  });

  it('of nothing is a page too', () => {
    const empty = { revision: 1, workspaceGuards: [], capabilities: [], roles: [] };
    expect(parsed(pageOf({ workspace: 'default', environment: 'prod' }, cellsOf(empty, 0)))).toBeDefined();
  });
});
