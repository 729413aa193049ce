/** Proposals take nothing away that a call of the period needed: what was decided is decided again the same. */
import {
  checkGuards,
  checkRole,
  compilePolicy,
  type JsonValue,
  type PolicySet,
  Replay,
  type Role,
  roleFromDocument,
} from '@hivekey/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roundedUp } from '../../src/least-privilege/caps.ts';
import { counterOf, measuredCounters, peakKey } from '../../src/least-privilege/counters.ts';
import type { Basis, Proposal, Usage } from '../../src/least-privilege/judged.ts';
import { propose } from '../../src/least-privilege/propose.ts';

const CAPABILITIES = ['pay', 'read', 'mail', 'drop'];
const ROLES = ['a', 'b', 'c'];
const AGENTS = ['one', 'two', 'three'];
const START_MS = Date.UTC(2026, 0, 1);
const PERIOD_MS = 40 * 86_400_000;

interface Call {
  readonly agent: number;
  readonly capability: string;
  readonly amount: number;
  /** After the one before. */
  readonly afterMs: number;
}

const guard = fc.record({
  action: fc.constantFrom(...CAPABILITIES, '*'),
  field: fc.constantFrom('sum(units, 1h)', 'sum(units, 24h)', 'rate.per_hour', 'rate.per_day', 'amount'),
  lte: fc.integer({ min: 1, max: 400 }),
  scope: fc.constantFrom('agent', 'role', 'owner', 'workspace'),
  otherwise: fc.constantFrom('deny', 'review'),
  per: fc.boolean(),
});

const world = fc.record({
  roles: fc.tuple(
    ...ROLES.map(() => fc.record({ allow: fc.subarray(CAPABILITIES), guards: fc.array(guard, { maxLength: 3 }) })),
  ),
  workspaceGuards: fc.array(guard, { maxLength: 2 }),
  worn: fc.tuple(...AGENTS.map(() => fc.subarray(ROLES, { minLength: 1 }))),
  calls: fc.array(
    fc.record({
      agent: fc.nat({ max: AGENTS.length - 1 }),
      capability: fc.constantFrom(...CAPABILITIES),
      amount: fc.integer({ min: 0, max: 60 }),
      afterMs: fc.oneof(fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 1, max: 43_200_000 })),
    }),
    { maxLength: 60 },
  ),
});

type Guards = readonly {
  readonly action: string;
  readonly field: string;
  readonly lte: number;
  readonly scope: string;
  readonly otherwise: string;
  readonly per: boolean;
}[];

function guardDocuments(guards: Guards): JsonValue[] {
  return guards.map(({ action, field, lte, scope, otherwise, per }, i) => {
    const when =
      field === 'amount' ? { field: 'args.amount', lte } : { field, lte, scope, ...(per ? { per: 'args.to' } : {}) };
    return { id: `g${i}`, action, when, effect: 'allow', otherwise };
  });
}

function modelOf(documents: ReadonlyMap<string, JsonValue>, workspaceGuards: JsonValue): PolicySet {
  const roles = [...documents].map(([, document]): Role => {
    const checked = checkRole(document);
    const role = checked.ok ? roleFromDocument(checked.value, 1) : checked;
    if (!role.ok) throw new Error(JSON.stringify(role.problems));
    return role.value;
  });
  const guards = checkGuards(workspaceGuards, 'workspace');
  if (!guards.ok) throw new Error(JSON.stringify(guards.problems));
  const capabilities = CAPABILITIES.map((name) => ({
    name,
    description: '',
    access: 'write' as const,
    destructive: false,
    impact: { units: { kind: 'field' as const, field: 'amount' } },
  }));
  return { revision: 1, roles, workspaceGuards: guards.value, capabilities };
}

/** The verdict of each call, from the first record of the log on. */
function verdicts(set: PolicySet, calls: readonly Call[], worn: readonly (readonly string[])[]): string[] {
  const found: string[] = [];
  const replay = new Replay({
    set,
    isFromStart: true,
    onCall: ({ after }) => found.push('verdict' in after ? after.verdict : `${after.unreplayable}: ${after.detail}`),
  });
  let atMs = START_MS;
  calls.forEach(({ agent, capability, amount, afterMs }, i) => {
    atMs += afterMs;
    const ts = new Date(atMs).toISOString();
    const roles = [...(worn[agent] ?? [])];
    const args = { amount, to: `t${amount % 2}` };
    const who = {
      agent: AGENTS[agent] ?? '',
      agent_id: AGENTS[agent] ?? '',
      owner: 'dana@acme.example',
      workspace: 'w',
    };
    replay.add(
      {
        kind: 'tool.call',
        event_id: `e${i}`,
        ts,
        ...who,
        roles,
        action: capability,
        args,
        verdict: 'allow',
        state: { at: ts },
      },
      i + 1,
    );
  });
  return found;
}

/** What the log would have said of these calls: use, and what windows held, by a count as plain as can be. */
function judged(
  set: PolicySet,
  calls: readonly Call[],
  worn: readonly (readonly string[])[],
  said: readonly string[],
): Basis {
  const policy = compilePolicy(set);
  const measured = measuredCounters(set);
  const charged = new Map<string, { atMs: number; amount: number }[]>();
  const usage: Usage[] = [];
  const largest = new Map<string, Record<string, number>>();
  let atMs = START_MS;
  calls.forEach(({ agent, capability, amount, afterMs }, i) => {
    atMs += afterMs;
    const roles = worn[agent] ?? [];
    const verdict = said[i] ?? '';
    if (!policy.granted(roles).has(capability)) return;
    const isDenied = verdict === 'deny';
    const who = { agentId: AGENTS[agent] ?? '', action: capability, roles: [...roles].sort(), lastAtMs: atMs };
    usage.push({ ...who, calls: isDenied ? 0 : 1, refused: isDenied ? 1 : 0 });
    if (verdict === 'review') {
      const most = largest.get(capability)?.units ?? 0;
      largest.set(capability, { units: Math.max(most, amount) });
    }
    if (verdict !== 'allow') return;
    const { charges } = policy.evaluate(
      {
        workspaceId: 'w',
        agentId: AGENTS[agent] ?? '',
        ownerId: 'dana@acme.example',
        roles,
        capability,
        arguments: { amount, to: `t${amount % 2}` },
      },
      { atMs },
    );
    for (const { key, amount: of } of charges) charged.set(key, [...(charged.get(key) ?? []), { atMs, amount: of }]);
  });
  const peaks = new Map<string, number>();
  for (const [key, entries] of charged) {
    const found = counterOf(key, measured);
    for (const seconds of found?.seconds ?? [])
      for (const { atMs: end } of entries) {
        const held = entries
          .filter((entry) => entry.atMs <= end && entry.atMs > end - seconds * 1000)
          .reduce((sum, entry) => sum + entry.amount, 0);
        const name = peakKey(found?.counter ?? '', seconds);
        peaks.set(name, Math.max(peaks.get(name) ?? 0, held));
      }
  }
  return {
    fromMs: START_MS,
    toMs: START_MS + PERIOD_MS,
    set,
    rolesBefore: new Map(set.roles.map((role) => [role.name, [role]])),
    guardsBefore: [set.workspaceGuards],
    agents: AGENTS.map((name, i) => ({
      id: name,
      name,
      worn: (worn[i] ?? []).map((role) => ({ role, sinceMs: START_MS })),
    })),
    wornInPeriod: new Set(worn.flat()),
    keptRoles: new Set(),
    usage,
    peaks,
    held: { rules: new Set(), largest },
  };
}

interface Documents {
  readonly roles: ReadonlyMap<string, JsonValue>;
  readonly guards: JsonValue;
  readonly worn: readonly (readonly string[])[];
}

function applied({ roles, guards, worn }: Documents, { object: { type, id }, edit }: Proposal): Documents {
  if (edit === undefined) return { roles, guards, worn };
  if (type === 'workspace_guards') {
    const edited = edit({ guards });
    return { roles, worn, guards: (edited as { guards: JsonValue }).guards };
  }
  if (type === 'role') {
    const edited = edit(roles.get(id) ?? null);
    const rest = [...roles].filter(([name]) => name !== id);
    return { guards, worn, roles: new Map(edited === null ? rest : [...rest, [id, edited]]) };
  }
  return {
    roles,
    guards,
    worn: worn.map((names, i) =>
      AGENTS[i] === id ? (edit({ roles: [...names] }) as { roles: string[] }).roles : names,
    ),
  };
}

describe('proposals', () => {
  it('change no verdict of the calls that they were judged by, each alone and all together', () => {
    const kinds = new Map<string, number>();
    fc.assert(
      fc.property(world, ({ roles, workspaceGuards, worn, calls }) => {
        const documents: Documents = {
          roles: new Map(
            ROLES.map((name, i) => [
              name,
              {
                apiVersion: 'policy.hivekey.ai/v1',
                kind: 'Role',
                metadata: { name },
                scope: { allow: [...(roles[i]?.allow ?? [])] },
                guards: guardDocuments(roles[i]?.guards ?? []),
              },
            ]),
          ),
          guards: guardDocuments(workspaceGuards),
          worn,
        };
        const set = modelOf(documents.roles, documents.guards);
        const before = verdicts(set, calls, worn);
        const proposals = propose(judged(set, calls, worn, before));
        for (const { kind } of proposals) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        for (const asked of [...proposals.map((each) => [each]), proposals]) {
          const after = asked.reduce(applied, documents);
          const again = verdicts(modelOf(after.roles, after.guards), calls, after.worn);
          expect(again, asked.map(({ sentence }) => sentence).join('\n')).toEqual(before);
        }
      }),
      { numRuns: 250, seed: 7 },
    );
    // Each kind was among them.
    expect([...kinds.keys()].sort()).toEqual([
      'idle_approval',
      'unused_grant',
      'unused_role',
      'unworn_role',
      'wide_cap',
    ]);
  });

  it('round to two digits, never down', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 52 }), (amount) => {
        const rounded = roundedUp(amount);
        expect(rounded).toBeGreaterThanOrEqual(amount);
        expect(rounded).toBeLessThanOrEqual(amount * 1.1 + 1);
      }),
    );
    expect([1, 9, 10, 101, 4_999.5, 123_456].map(roundedUp)).toEqual([1, 9, 10, 110, 5_000, 130_000]);
  });
});
