/** What a blast radius says, case by case. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blastRadius,
  type Capability,
  checkCapability,
  checkFreeze,
  freezeFromDocument,
  type PolicySet,
  quarantineMark,
  type RadiusAgent,
  type RadiusLine,
  type RadiusSubject,
  type RadiusWorld,
  sweep,
} from '../../src/index.ts';
import { guardsFrom, randomWorld } from './worlds.ts';

function capability(name: string, document: object): Capability {
  const checked = checkCapability({ name, access: 'write', ...document });
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

const PAY = capability('pay.out', { impact: { usd: { field: 'amount', currency: 'USD' } } });
const CAPABILITIES = [
  PAY,
  capability('pay.euro', { impact: { eur: { field: 'amount', currency: 'EUR' } } }),
  capability('pay.any', { impact: { usd: { field: 'amount', currency: 'USD', currency_field: 'currency' } } }),
  capability('crm.read', { access: 'read', impact: { records_read: 1 } }),
  capability('crm.list', { access: 'read' }),
  capability('shop.order', {}),
  capability('shop.look', { impact: { records_changed: 0 } }),
  capability('pay.fee', { impact: { usd: { constant: 700 } } }),
  capability('pay.fare', { impact: { usd: { constant: 700, settle: { field: 'total' } } } }),
  capability('mail.send', { impact: { messages: 1, recipients: { length: 'to' } } }),
  capability('roles.assign', {}),
  capability('roles.list', { access: 'read', impact: { records_read: 0 } }),
  capability('secrets.read', { access: 'read', impact: { records_read: 1 } }),
];

const deny = (action: string, when: object) => ({ action, when, effect: 'allow', otherwise: 'deny' });
const review = (action: string, when: object, more: object = {}) => ({
  action,
  when,
  effect: 'allow',
  otherwise: 'review',
  ...more,
});

function setOf(
  roles: Readonly<Record<string, readonly [readonly string[], readonly object[]]>>,
  workspace: readonly object[] = [],
): PolicySet {
  return {
    revision: 1,
    roles: Object.entries(roles).map(([name, [allow, guards]]) => ({
      name,
      description: '',
      revision: 1,
      allow,
      guards: guardsFrom(guards, name),
    })),
    workspaceGuards: guardsFrom(workspace, 'workspace'),
    capabilities: CAPABILITIES,
  };
}

const agent = (id: string, roles: readonly string[], more: Partial<RadiusAgent> = {}): RadiusAgent => ({
  id,
  name: id,
  ownerId: 'p',
  roles,
  ...more,
});

function cellOf(
  world: RadiusWorld,
  unit: string,
  { line = 'alone', subject = { kind: 'agent', id: 'a' } }: { line?: RadiusLine; subject?: RadiusSubject } = {},
) {
  const { cells } = blastRadius(world, subject, { horizons: [{ id: '24h', seconds: 86_400 }] });
  const cell = cells.find((each) => each.unit === unit && each.line === line);
  if (cell === undefined) throw new Error(`no ${unit} on ${line}`);
  return cell;
}

/** A number, or what stands in its place. */
function amountOf(world: RadiusWorld, unit: string, more: Parameters<typeof cellOf>[2] = {}): number | string {
  const { amount } = cellOf(world, unit, more);
  return amount.kind === 'bounded' ? amount.value : amount.kind;
}

const one = (allow: readonly string[], guards: readonly object[] = []): RadiusWorld => ({
  set: setOf({ r: [allow, guards] }),
  agents: [agent('a', ['r'])],
});

const DAY_CAP = { field: 'sum(usd, 24h)', lte: 50 };

describe('a number', () => {
  const cases: readonly { says: string; world: RadiusWorld; unit?: string; line?: RadiusLine; is: number | string }[] =
    [
      {
        says: 'is zero for what is not granted',
        world: one(['crm.read'], [deny('crm.read', { field: 'rate.per_day', lte: 3 })]),
        is: 0,
      },
      { says: 'is unbounded for money without a limit', world: one(['pay.out']), is: 'unbounded' },
      {
        says: 'is unbounded for a threshold alone',
        world: one(['pay.out'], [review('pay.out', { field: 'amount', lte: 10 })]),
        is: 'unbounded',
      },
      {
        says: 'is unknown where a write declares nothing',
        world: one(['shop.order'], [deny('shop.order', { field: 'rate.per_day', lte: 3 })]),
        is: 'unknown',
      },
      { says: 'is unknown, not zero, of messages, too', world: one(['shop.order']), unit: 'messages', is: 'unknown' },
      { says: 'is zero where a write declares that it spends nothing', world: one(['shop.look']), is: 0 },
      {
        says: 'is unbounded for records of a read that does not say how many',
        world: one(['crm.list'], [deny('crm.list', { field: 'rate.per_day', lte: 3 })]),
        unit: 'records_read',
        is: 'unbounded',
      },
      { says: 'is zero of money for a read', world: one(['crm.list']), is: 0 },
      {
        says: 'is unknown for what no document declares',
        world: one(['tool.new']),
        unit: 'records_read',
        is: 'unknown',
      },
      { says: 'is unbounded before it is unknown', world: one(['pay.out', 'shop.order']), is: 'unbounded' },
      {
        says: 'is that of the cap and the rate',
        world: one(
          ['pay.out'],
          [deny('pay.out', { field: 'amount', lte: 10 }), deny('pay.out', { field: 'rate.per_day', lte: 3 })],
        ),
        is: 3_000,
      },
      {
        says: 'takes a threshold for a cap where nobody approves',
        world: one(
          ['pay.out'],
          [review('pay.out', { field: 'amount', lte: 10 }), deny('pay.out', { field: 'rate.per_day', lte: 3 })],
        ),
        is: 3_000,
      },
      {
        says: 'is without the threshold where somebody does',
        world: one(
          ['pay.out'],
          [review('pay.out', { field: 'amount', lte: 10 }), deny('pay.out', { field: 'rate.per_day', lte: 3 })],
        ),
        line: 'fooled',
        is: 'unbounded',
      },
      {
        says: 'keeps a threshold that two people are asked about',
        world: one(
          ['pay.out'],
          [
            review('pay.out', { field: 'amount', lte: 10 }, { approval: { people: 2 } }),
            deny('pay.out', { field: 'rate.per_day', lte: 3 }),
          ],
        ),
        line: 'fooled',
        is: 3_000,
      },
      {
        says: 'keeps a cap inside any and not',
        world: one(
          ['pay.out'],
          [
            deny('pay.out', {
              any: [
                { not: { field: 'amount', gt: 4 } },
                {
                  all: [
                    { field: 'amount', between: [2, 6] },
                    { field: 'payee', eq: 'x' },
                  ],
                },
              ],
            }),
            deny('pay.out', { field: 'rate.per_day', lte: 3 }),
          ],
        ),
        is: 1_800,
      },
      {
        says: 'is not lowered by a guard in shadow',
        world: one(['pay.out'], [{ ...deny('pay.out', DAY_CAP), mode: 'shadow' }]),
        is: 'unbounded',
      },
      {
        says: 'is the limit of each value that is listed',
        world: one(
          ['pay.out'],
          [deny('pay.out', { ...DAY_CAP, per: 'payee' }), deny('pay.out', { field: 'payee', in: ['x', 'y', 'X'] })],
        ),
        is: 10_000,
      },
      {
        says: 'is unbounded where values can be made up',
        world: one(['pay.out'], [deny('pay.out', { ...DAY_CAP, per: 'payee' })]),
        is: 'unbounded',
      },
      {
        says: 'is unbounded for a limit of each session',
        world: one(['pay.out'], [deny('pay.out', { ...DAY_CAP, per: 'session' })]),
        is: 'unbounded',
      },
      {
        says: 'is the limit of each capability with per: action',
        world: one(['pay.out', 'pay.any'], [deny('pay.*', { ...DAY_CAP, per: 'action' })]),
        is: 10_000,
      },
      {
        says: 'is one currency beside another',
        world: one(
          ['pay.out', 'pay.euro'],
          [deny('pay.out', DAY_CAP), deny('pay.euro', { field: 'sum(eur, 24h)', lte: 7 })],
        ),
        unit: 'eur',
        is: 700,
      },
      {
        says: 'is unknown where another currency passes',
        world: one(
          ['pay.any', 'pay.euro'],
          [
            review('pay.any', { field: 'amount', lte: 10 }),
            deny('pay.any', { field: 'rate.per_day', lte: 3 }),
            deny('pay.euro', { field: 'sum(eur, 24h)', lte: 7 }),
          ],
        ),
        unit: 'eur',
        line: 'fooled',
        is: 'unknown',
      },
      {
        says: 'counts the elements of a batch',
        world: one(['mail.send'], [deny('mail.send', { field: 'rate.per_day', lte: 3 })]),
        unit: 'recipients',
        is: 'unbounded',
      },
      {
        says: 'is what whole calls add up to',
        world: one(['pay.fee'], [deny('pay.fee', { field: 'sum(usd, 24h)', lte: 20 })]),
        is: 1_400,
      },
      {
        says: 'is the whole limit where calls settle below what they reserved',
        world: one(['pay.fare'], [deny('pay.fare', { field: 'sum(usd, 24h)', lte: 20 })]),
        is: 2_000,
      },
      {
        says: 'is unbounded behind the gateway, if the tool has no limit',
        world: one(['crm.read'], [deny('crm.read', { field: 'rate.per_day', lte: 3 })]),
        unit: 'records_read',
        line: 'bypassed',
        is: 'unbounded',
      },
    ];
  for (const { says, world, unit = 'usd', line = 'alone', is } of cases)
    it(says, () => {
      expect(amountOf(world, unit, { line })).toBe(is);
    });

  it('is zero where guards contradict each other', () => {
    const world = one(
      ['pay.out'],
      [deny('pay.out', { field: 'payee', in: ['x'] }), deny('pay.out', { field: 'payee', in: ['y'] })],
    );
    expect(amountOf(world, 'usd')).toBe(0);
    expect(blastRadius(world, { kind: 'agent', id: 'a' }).capabilities).toMatchObject([
      { capability: 'pay.out', reach: 'never' },
    ]);
  });

  it('is not lowered by a freeze', () => {
    const document = {
      apiVersion: 'policy.hivekey.ai/v1',
      kind: 'Freeze',
      metadata: { name: 'f' },
      time_zone: 'UTC',
      starts: '2026-01-01T00:00',
      ends: '2026-12-31T00:00',
      scope: { actions: ['*'] },
    };
    const checked = checkFreeze(document);
    const freeze = checked.ok ? freezeFromDocument(checked.value, []) : checked;
    if (!freeze.ok) throw new Error(JSON.stringify(freeze.problems));
    const world = one(['pay.out'], [deny('pay.out', DAY_CAP)]);
    expect(amountOf({ ...world, set: { ...world.set, freezes: [freeze.value] } }, 'usd')).toBe(5_000);
  });

  it('is unknown until contained as long as nobody has measured that', () => {
    const world = one(['pay.out'], [deny('pay.out', DAY_CAP)]);
    const until = (each: RadiusWorld, unit = 'usd') =>
      blastRadius(each, { kind: 'agent', id: 'a' }).cells.find((cell) => cell.unit === unit)?.amount;
    expect(until(world)).toMatchObject({
      kind: 'unknown',
      reasons: [{ sentence: expect.stringContaining('not measured') }],
    });
    expect(until(world, 'messages')).toEqual({ kind: 'bounded', value: 0 });
    expect(until(one(['pay.out']))).toMatchObject({ kind: 'unbounded' });
    expect(until({ ...world, containmentSeconds: 302 })).toEqual({ kind: 'bounded', value: 5_000 });
  });

  it('is refused for whom there is not, and for no time', () => {
    const world = one(['pay.out']);
    expect(() => blastRadius(world, { kind: 'agent', id: 'b' })).toThrow(RangeError);
    for (const seconds of [0, -1, 1.5, Number.NaN])
      expect(() => blastRadius(world, { kind: 'workspace' }, { horizons: [{ id: 'h', seconds }] })).toThrow(RangeError);
  });
});

describe('roles', () => {
  const guarded = setOf({ payer: [['pay.out'], []], capped: [[], [deny('pay.*', DAY_CAP)]] });

  it('bind one at a time, as a token can be narrowed to any of them', () => {
    const world = { set: guarded, agents: [agent('a', ['payer', 'capped'])] };
    expect(amountOf(world, 'usd')).toBe('unbounded');
    expect(sweep(world).differences).toEqual([]);
  });

  it('under quarantine leave what it leaves', () => {
    const world = {
      set: setOf({ r: [['pay.out', 'crm.read'], [deny('crm.read', { field: 'rate.per_day', lte: 3 })]] }),
      agents: [agent('a', ['r', quarantineMark()])],
    };
    expect(amountOf(world, 'usd')).toBe(0);
    expect(amountOf(world, 'records_read')).toBe(3);
    expect(sweep(world).differences).toEqual([]);
  });

  it('have the number of what they grant, of all who wear them', () => {
    const set = setOf({
      r: [['pay.out'], [deny('pay.out', DAY_CAP)]],
      s: [['pay.out'], [deny('pay.out', { field: 'sum(usd, 24h)', lte: 1 })]],
    });
    const world = { set, agents: [agent('a', ['r', 's']), agent('b', ['r']), agent('c', ['s'])] };
    expect(amountOf(world, 'usd', { subject: { kind: 'role', id: 'r' } })).toBe(10_000);
    expect(amountOf(world, 'usd', { subject: { kind: 'role', id: 's' } })).toBe(200);
    expect(amountOf(world, 'usd', { subject: { kind: 'role', id: 'nobody' } })).toBe(0);
    expect(amountOf(world, 'usd')).toBe(5_100);
  });
});

describe('groups', () => {
  const roles = { r: [['pay.out'], [deny('pay.out', DAY_CAP)]] } as const;
  const agents = [agent('a', ['r']), agent('b', ['r']), agent('c', ['r'], { ownerId: 'q' })];

  it('have one limit together: numbers do not add up', () => {
    const world = { set: setOf(roles, [deny('*', { field: 'sum(usd, 24h)', lte: 80, scope: 'owner' })]), agents };
    expect(amountOf(world, 'usd')).toBe(5_000);
    expect(amountOf(world, 'usd', { subject: { kind: 'owner', id: 'p' } })).toBe(8_000);
    expect(amountOf(world, 'usd', { subject: { kind: 'owner', id: 'q' } })).toBe(5_000);
    const cell = cellOf(world, 'usd', { subject: { kind: 'workspace' } });
    expect(cell.amount).toEqual({ kind: 'bounded', value: 13_000 });
    expect(cell.binding).toMatchObject([
      { rule: 'g0', origin: 'workspace', scope: 'owner', value: 8_000, counters: 1 },
      { rule: 'g0', origin: 'r', scope: 'agent', value: 5_000, counters: 1 },
    ]);
  });

  it('under a limit of some of what they do keep the others', () => {
    const both = {
      r: [
        ['pay.out', 'pay.any'],
        [deny('pay.*', { ...DAY_CAP, per: 'action' }), deny('pay.*', DAY_CAP)],
      ],
    } as const;
    const set = setOf(both, [deny('pay.out', { field: 'sum(usd, 24h)', lte: 60, scope: 'workspace' })]);
    expect(amountOf({ set, agents }, 'usd', { subject: { kind: 'workspace' } })).toBe(15_000);
  });

  it('of thousands of agents are counted by those that are alike', () => {
    const many = Array.from({ length: 5_000 }, (_, i) => agent(`a${i}`, ['r'], { ownerId: `p${i % 50}` }));
    const world = {
      set: setOf(roles, [deny('*', { field: 'sum(usd, 24h)', lte: 1_000, scope: 'owner' })]),
      agents: many,
    };
    expect(amountOf(world, 'usd', { subject: { kind: 'workspace' } })).toBe(50 * 100_000);
  });
});

describe('escalation', () => {
  const roles = {
    small: [
      ['crm.read', 'roles.assign'],
      [deny('crm.read', { field: 'rate.per_day', lte: 3 }), review('roles.assign', { field: 'role', eq: 'small' })],
    ],
    rich: [
      ['pay.out', 'crm.read'],
      [deny('pay.out', DAY_CAP), deny('crm.read', { field: 'rate.per_day', lte: 100 })],
    ],
  } as const;
  const noUnknown = CAPABILITIES.map((each) =>
    each.name === 'roles.assign' ? capability('roles.assign', { impact: { records_changed: 1 } }) : each,
  );
  const world = {
    set: { ...setOf(roles), capabilities: noUnknown },
    agents: [agent('a', ['small']), agent('b', ['rich'])],
  };

  it('through roles has the number of every role, beside that of its own', () => {
    const cell = cellOf(world, 'usd');
    expect(cell.amount).toEqual({ kind: 'bounded', value: 5_000 });
    expect(cell.withoutEscalation).toEqual({ kind: 'bounded', value: 0 });
    expect(blastRadius(world, { kind: 'agent', id: 'a' }).escalations).toEqual([
      {
        kind: 'roles',
        reach: 'alone',
        agentId: 'a',
        capability: 'roles.assign',
        sentence: 'a can call roles.assign, and then can wear any role',
      },
    ]);
    expect(cellOf(world, 'usd', { subject: { kind: 'agent', id: 'b' } }).withoutEscalation).toBeUndefined();
  });

  it('that takes an approver is one on the line where somebody approves', () => {
    const held = setOf({
      ...roles,
      small: [
        ['roles.assign'],
        [{ action: 'roles.*', when: { field: 'action', eq: 'roles.assign' }, effect: 'review' }],
      ],
    });
    const asked = { ...world, set: { ...held, capabilities: noUnknown } };
    expect(amountOf(asked, 'usd')).toBe(0);
    expect(amountOf(asked, 'usd', { line: 'fooled' })).toBe(5_000);
  });

  it('through secrets has no limit any more; looking at roles is none', () => {
    expect(amountOf(one(['secrets.read']), 'usd')).toBe('unbounded');
    expect(blastRadius(one(['roles.list']), { kind: 'agent', id: 'a' }).escalations).toEqual([]);
    expect(
      amountOf(
        { ...one(['secrets.read'], [deny('*', { field: 'rate.per_day', lte: 1 })]), authority: [] },
        'records_read',
      ),
    ).toBe(1);
  });

  it('through other agents goes on through theirs', () => {
    const set = setOf({ r: [['crm.read'], []], s: [['pay.out'], [deny('pay.out', DAY_CAP)]] });
    const agents = [
      agent('a', ['r'], { actsAs: ['b'] }),
      agent('b', ['r'], { actsAs: ['c', 'a', 'gone'] }),
      agent('c', ['s']),
    ];
    expect(amountOf({ set, agents }, 'usd')).toBe(5_000);
    expect(cellOf({ set, agents }, 'usd').withoutEscalation).toEqual({ kind: 'bounded', value: 0 });
    expect(
      blastRadius({ set, agents }, { kind: 'agent', id: 'a' }).escalations.map(({ agentId, toAgentId }) => [
        agentId,
        toAgentId,
      ]),
    ).toEqual([
      ['a', 'b'],
      ['b', 'a'],
      ['b', 'c'],
    ]);
    // all of them together are no more than all of them
    expect(amountOf({ set, agents }, 'usd', { subject: { kind: 'workspace' } })).toBe(5_000);
  });
});

describe('the digest', () => {
  it('is of the numbers and of what they were made from', () => {
    const world = one(['pay.out'], [deny('pay.out', DAY_CAP)]);
    const digest = (each: RadiusWorld) => blastRadius(each, { kind: 'agent', id: 'a' }).digest;
    expect(digest(world)).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(digest(structuredClone(world))).toBe(digest(world));
    const others = [
      one(['pay.out'], [deny('pay.out', { ...DAY_CAP, lte: 51 })]),
      { ...world, containmentSeconds: 60 },
      { ...world, agents: [agent('a', ['r'], { actsAs: ['b'] }), agent('b', ['r'])] },
      { ...world, set: { ...world.set, revision: 2 } },
    ];
    expect(new Set([world, ...others].map(digest)).size).toBe(5);
  });
});

describe('the sweep', () => {
  it('finds nothing let through that is taken for unreachable, whatever the policy', () => {
    const RANK = { never: 0, approval: 1, alone: 2 };
    fc.assert(
      fc.property(randomWorld, (world) => {
        const { differences } = sweep(world);
        for (const { asked, computed } of differences) expect(RANK[asked]).toBeLessThanOrEqual(RANK[computed]);
      }),
      { numRuns: 40 },
    );
  });

  it('finds a call for everything that is taken for reachable', () => {
    fc.assert(
      fc.property(randomWorld, (world) => {
        expect(sweep(world).differences).toEqual([]);
      }),
      { numRuns: 40, seed: 3 },
    );
  });

  it('meets patterns, and tells two people from one', () => {
    const set = setOf({
      r: [
        ['crm.read', 'pay.out'],
        [
          deny('crm.read', { field: 'sql', matches: '(?is)select\\s[^;]*' }),
          review('pay.out', { field: 'amount', lt: 0.01 }, { approval: { people: 2 } }),
          deny('pay.out', { field: 'amount', gt: 0 }),
        ],
      ],
    });
    const { cells, differences } = sweep({ set, agents: [agent('a', ['r']), agent('b', ['r'])] });
    expect(cells.map(({ capability: name, asked }) => [name, asked])).toEqual([
      ['crm.read', 'alone'],
      ['pay.out', 'approval'],
    ]);
    expect(differences).toEqual([]);
    expect(amountOf({ set, agents: [agent('a', ['r'])] }, 'usd', { line: 'fooled' })).toBe(0);
  });
});
