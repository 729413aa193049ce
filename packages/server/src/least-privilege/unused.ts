/** Grants and roles that no call needed. Pure. */
import { covers, type PolicySet, type Role } from '@hivekey/policy';
import { withoutGrant, withoutRole } from './edits.ts';
import { type Basis, callsQuery, idOf, type JudgedAgent, type Proposal, type UseIndex } from './judged.ts';

const NOTHING = { calls: 0, refused: 0 } as const;

/** Nobody wears it, and nobody has. */
export function unwornRole(
  { fromMs, toMs, rolesBefore, wornInPeriod, keptRoles, set }: Basis,
  use: UseIndex,
  { name }: Role,
): Proposal[] {
  const isWorn = wornInPeriod.has(name) || use.wornSince(name) !== undefined;
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
export function unusedGrants(basis: Basis, use: UseIndex, { name, allow }: Role): Proposal[] {
  const { fromMs, toMs, rolesBefore } = basis;
  const before = rolesBefore.get(name);
  const since = use.wornSince(name);
  if (before === undefined || since === undefined || since > fromMs) return [];
  const object = { type: 'role', id: name } as const;
  return allow.flatMap((capability): Proposal[] => {
    const used = use.under(name, capability);
    if (used !== undefined && used.calls + used.refused > 0) return [];
    if (before.some((role) => !role.allow.includes(capability))) return [];
    return [
      {
        id: idOf('unused_grant', object, capability),
        kind: 'unused_grant',
        object,
        evidence: { fromMs, toMs, ...NOTHING, ...lastOf(used), query: callsQuery(basis, { action: capability }) },
        sentence: `Nobody who wears ${name} has called ${capability} in this time: take the grant away.`,
        edit: withoutGrant(capability),
      },
    ];
  });
}

function lastOf(used: { readonly lastAtMs: number } | undefined): { readonly lastUsedAtMs?: number } {
  return used === undefined ? {} : { lastUsedAtMs: used.lastAtMs };
}

/** Of an agent that wears others too: a role that none of its calls, nor a call on its behalf, needed. */
export function unusedRoles(
  basis: Basis,
  use: UseIndex,
  agent: JudgedAgent,
  roleNamed: ReadonlyMap<string, Role>,
): Proposal[] {
  const { fromMs, toMs, set, keptRoles, rolesBefore } = basis;
  if (agent.worn.length < 2) return [];
  const own = use.of(agent.id);
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
      evidence: {
        fromMs,
        toMs,
        ...NOTHING,
        ...lastOf(uses.toSorted((a, b) => b.lastAtMs - a.lastAtMs)[0]),
        query: callsQuery(basis, { agent: agent.name }),
      },
      sentence: `${agent.name} has called nothing that ${name} grants in this time: take the role off.`,
      edit: withoutRole(name),
    });
  }
  return proposals;
}
