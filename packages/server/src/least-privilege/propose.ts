/**
 * What could be taken away without anybody noticing, judged by use. Pure. Nothing is proposed that would have changed the
 * verdict of a call of the period; where that is not known, nothing is proposed.
 */
import { hash } from 'node:crypto';
import { covers, type Guard, type PolicySet, type Role, type WindowCondition } from '@hivekey/policy';
import { narrowedCap } from './caps.ts';
import { countersOfGuard, isSameCounter, peakKey } from './counters.ts';
import { type Edit, withGuard, withoutGrant, withoutRole } from './edits.ts';

export const PROPOSAL_KINDS = ['unused_grant', 'unused_role', 'unworn_role', 'wide_cap', 'idle_approval'] as const;
type ProposalKind = (typeof PROPOSAL_KINDS)[number];

/** What is changed, as under change control. */
interface ProposedObject {
  readonly type: 'role' | 'workspace_guards' | 'assignment';
  readonly id: string;
}

interface ProposalEvidence {
  /** Calls of that time were looked at; epoch milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
  /** That were allowed or held; and that a guard refused. */
  readonly calls: number;
  readonly refused: number;
  /** Of a limit, in its unit: the most that any of its windows held, and what it allows. */
  readonly largestUse?: number;
  readonly cap?: number;
  readonly unit?: string;
  readonly windowSeconds?: number;
  /** Before the period, as far back as use is kept. */
  readonly lastUsedAtMs?: number;
  /** Path of the API that shows the calls. */
  readonly query: string;
}

export interface Proposal {
  /** The same as long as it is about the same thing. */
  readonly id: string;
  readonly kind: ProposalKind;
  readonly object: ProposedObject;
  /** Of an agent: its handle. */
  readonly agent?: string;
  readonly evidence: ProposalEvidence;
  readonly sentence: string;
  /** What becomes of the object's document; null: it is removed. Absent where there is nothing to change. */
  readonly edit?: Edit;
}

interface Worn {
  readonly role: string;
  readonly sinceMs: number;
}

export interface JudgedAgent {
  readonly id: string;
  readonly name: string;
  readonly worn: readonly Worn[];
}

export interface Usage {
  readonly agentId: string;
  readonly action: string;
  readonly roles: readonly string[];
  /** In the period. */
  readonly calls: number;
  readonly refused: number;
  /** Ever, as far back as use is kept. */
  readonly lastAtMs: number;
}

export interface Basis {
  readonly fromMs: number;
  readonly toMs: number;
  readonly set: PolicySet;
  /** Each role as it was at any time of the period, its first as of the beginning; absent where it was not there then. */
  readonly rolesBefore: ReadonlyMap<string, readonly Role[]>;
  /** As `rolesBefore`, of the workspace's guards. */
  readonly guardsBefore: readonly (readonly Guard[])[];
  readonly agents: readonly JudgedAgent[];
  /** Worn by anybody at any time of the period. */
  readonly wornInPeriod: ReadonlySet<string>;
  /** Named by what is no part of a role, such as breakers: to take them off would take protection away. */
  readonly keptRoles: ReadonlySet<string>;
  readonly usage: readonly Usage[];
  /** By `peakKey`. Undefined: what windows held is not known for the whole period. */
  readonly peaks: ReadonlyMap<string, number> | undefined;
  /** Undefined where there are too many to tell. */
  readonly held: HeldCalls | undefined;
}

/** Calls of the period that waited for people. */
export interface HeldCalls {
  /** `<origin> <guard id>` of guards that held one. */
  readonly rules: ReadonlySet<string>;
  /** Capability → unit → the most that one of them would have spent. */
  readonly largest: ReadonlyMap<string, Readonly<Record<string, number>>>;
}

/** By role, then kind. */
export function propose(basis: Basis): Proposal[] {
  const proposals = basis.set.roles.flatMap((role) => [
    ...unworn(basis, role),
    ...unusedGrants(basis, role),
    ...guardsOf(
      basis,
      { type: 'role', id: role.name },
      role.guards,
      basis.rolesBefore.get(role.name)?.map(({ guards }) => guards),
    ),
  ]);
  return [
    ...proposals,
    ...guardsOf(basis, { type: 'workspace_guards', id: '*' }, basis.set.workspaceGuards, basis.guardsBefore),
    ...basis.agents.flatMap((agent) => unusedRoles(basis, agent)),
  ];
}

function idOf(kind: ProposalKind, object: ProposedObject, ...more: readonly string[]): string {
  return `lpp_${hash('sha256', [kind, object.type, object.id, ...more].join('\0')).slice(0, 20)}`;
}

const NOTHING = { calls: 0, refused: 0 } as const;

/** Nobody wears it, and nobody has. */
function unworn(
  { fromMs, toMs, rolesBefore, agents, wornInPeriod, keptRoles, set }: Basis,
  { name }: Role,
): Proposal[] {
  const isWorn = wornInPeriod.has(name) || agents.some(({ worn }) => worn.some(({ role }) => role === name));
  if (isWorn || !rolesBefore.has(name) || isNamed(set, keptRoles, name)) return [];
  const object = { type: 'role', id: name } as const;
  return [
    {
      id: idOf('unworn_role', object),
      kind: 'unworn_role',
      object,
      evidence: { fromMs, toMs, ...NOTHING, query: `/v1/agents?role=${encodeURIComponent(name)}` },
      sentence: `No agent has worn ${name} in this time: remove it.`,
      edit: () => null,
    },
  ];
}

/** Freezes, breakers and candidates say what they say of whoever wears the role. */
function isNamed({ freezes = [], candidates = [] }: PolicySet, kept: ReadonlySet<string>, name: string): boolean {
  return (
    kept.has(name) ||
    freezes.some(({ scope }) => scope.roles.includes(name)) ||
    candidates.some((candidate) => candidate.name === name)
  );
}

/** Of a role that somebody wore all the time: what nobody who wears it asked for. */
function unusedGrants(basis: Basis, { name, allow }: Role): Proposal[] {
  const { fromMs, toMs, rolesBefore, agents, usage } = basis;
  const before = rolesBefore.get(name);
  const isWorn = agents.some(({ worn }) => worn.some(({ role, sinceMs }) => role === name && sinceMs <= fromMs));
  if (before === undefined || !isWorn) return [];
  const object = { type: 'role', id: name } as const;
  const used = new Map<string, Usage[]>();
  for (const each of usage)
    if (each.roles.includes(name)) used.set(each.action, [...(used.get(each.action) ?? []), each]);
  return allow.flatMap((capability): Proposal[] => {
    const uses = used.get(capability) ?? [];
    if (uses.some(({ calls, refused }) => calls + refused > 0)) return [];
    if (before.some((role) => !role.allow.includes(capability))) return [];
    return [
      {
        id: idOf('unused_grant', object, capability),
        kind: 'unused_grant',
        object,
        evidence: { fromMs, toMs, ...NOTHING, ...lastOf(uses), query: callsQuery(basis, { action: capability }) },
        sentence: `Nobody who wears ${name} has called ${capability} in this time: take the grant away.`,
        edit: withoutGrant(capability),
      },
    ];
  });
}

function lastOf(uses: readonly Usage[]): { readonly lastUsedAtMs?: number } {
  return uses.length === 0 ? {} : { lastUsedAtMs: Math.max(...uses.map(({ lastAtMs }) => lastAtMs)) };
}

function callsQuery({ fromMs, toMs }: Basis, filter: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams({
    kind: 'tool.call',
    ...filter,
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
  });
  return `/v1/audit/events?${query}`;
}

/** Of an agent that wears others too: a role that none of its calls, nor a call on its behalf, needed. */
function unusedRoles(basis: Basis, agent: JudgedAgent): Proposal[] {
  const { fromMs, toMs, set, keptRoles, rolesBefore } = basis;
  if (agent.worn.length < 2) return [];
  const roleNamed = new Map(set.roles.map((role) => [role.name, role]));
  const own = basis.usage.filter(({ agentId }) => agentId === agent.id);
  const proposals: Proposal[] = [];
  for (const { role: name, sinceMs } of agent.worn) {
    const role = roleNamed.get(name);
    if (role === undefined || sinceMs > fromMs || !rolesBefore.has(name) || isNamed(set, keptRoles, name)) continue;
    // One is left, and what was proposed before it is taken away with it.
    if (proposals.length + 1 >= agent.worn.length) break;
    const uses = own.filter(({ action, roles }) => roles.includes(name) && role.allow.includes(action));
    if (uses.some(({ calls, refused }) => calls + refused > 0)) continue;
    const rest = agent.worn.flatMap((worn) => (worn.role === name ? [] : (roleNamed.get(worn.role)?.allow ?? [])));
    if (role.guards.some(({ action, mode }) => mode !== 'shadow' && rest.some((each) => covers(action, each))))
      continue;
    const object = { type: 'assignment', id: agent.id } as const;
    proposals.push({
      id: idOf('unused_role', object, name),
      kind: 'unused_role',
      object,
      agent: agent.name,
      evidence: { fromMs, toMs, ...NOTHING, ...lastOf(uses), query: callsQuery(basis, { agent: agent.name }) },
      sentence: `${agent.name} has called nothing that ${name} grants in this time: take the role off.`,
      edit: withoutRole(name),
    });
  }
  return proposals;
}

function guardsOf(
  basis: Basis,
  object: ProposedObject,
  guards: readonly Guard[],
  before: readonly (readonly Guard[])[] | undefined,
): Proposal[] {
  if (before === undefined || before.length === 0) return [];
  return guards.flatMap((guard) => {
    if (guard.mode === 'shadow') return [];
    return 'kind' in guard.when ? wideCap(basis, object, guard, before) : idleApproval(basis, object, guard, before);
  });
}

/** The window has been as it is, but for its limit, since before the period: its counter was charged all the time. */
function wideCap(
  basis: Basis,
  object: ProposedObject,
  guard: Guard,
  before: readonly (readonly Guard[])[],
): Proposal[] {
  const { fromMs, toMs, peaks, set, held } = basis;
  const { when: window } = guard;
  if (peaks === undefined || held === undefined || !('kind' in window)) return [];
  if (
    !before.every((guards) =>
      guards.some(({ when, mode }) => 'kind' in when && mode === guard.mode && isSameCounter(when, window)),
    )
  )
    return [];
  const names = countersOfGuard(
    guard,
    window,
    set.roles.map(({ name }) => name),
  );
  const largest = Math.max(0, ...names.map((name) => peaks.get(peakKey(name, window.windowSeconds)) ?? 0));
  const narrowed = narrowedCap(guard, largest, largestHeld(held, guard, window));
  if (narrowed === undefined) return [];
  const { sentence: sentenceNow } = guard;
  return [
    {
      id: idOf('wide_cap', object, guard.id),
      kind: 'wide_cap',
      object,
      evidence: {
        fromMs,
        toMs,
        calls: usesUnder(basis, guard),
        refused: 0,
        largestUse: largest,
        cap: window.limit,
        ...(window.unit === undefined ? {} : { unit: window.unit }),
        windowSeconds: window.windowSeconds,
        query: callsQuery(basis, guard.action.includes('*') ? {} : { action: guard.action }),
      },
      sentence: `${guard.origin}: “${sentenceNow}” was used up to ${narrowed.usedInWords} of ${narrowed.capInWords}: lower it to ${narrowed.newInWords}.`,
      edit: withGuard(guard.id, narrowed.edit, guard, narrowed.limit),
    },
  ];
}

function largestHeld({ largest }: HeldCalls, { action }: Guard, { unit }: WindowCondition): number {
  const found = [...largest].filter(([capability]) => covers(action, capability));
  return Math.max(0, ...found.map(([, impact]) => (unit === undefined ? 1 : (impact[unit] ?? 0))));
}

function usesUnder({ usage }: Basis, { action, origin }: Guard): number {
  return usage
    .filter((each) => covers(action, each.action) && (origin === 'workspace' || each.roles.includes(origin)))
    .reduce((sum, { calls }) => sum + calls, 0);
}

/** Said, and nothing proposed: a threshold that nobody has reached may be just where it should be. */
function idleApproval(
  basis: Basis,
  object: ProposedObject,
  guard: Guard,
  before: readonly (readonly Guard[])[],
): Proposal[] {
  const { fromMs, toMs, held } = basis;
  const holds = guard.effect === 'review' || guard.otherwise === 'review';
  if (!holds || held === undefined || held.rules.has(`${guard.origin} ${guard.id}`)) return [];
  if (!before.every((guards) => guards.some(({ id }) => id === guard.id))) return [];
  return [
    {
      id: idOf('idle_approval', object, guard.id),
      kind: 'idle_approval',
      object,
      evidence: {
        fromMs,
        toMs,
        calls: usesUnder(basis, guard),
        refused: 0,
        query: callsQuery(basis, {
          verdict: 'review',
          ...(guard.action.includes('*') ? {} : { action: guard.action }),
        }),
      },
      sentence: `${guard.origin}: “${guard.sentence}” held no call in this time.`,
    },
  ];
}
