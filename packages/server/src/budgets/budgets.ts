/** Budgets: the windows that somebody is under, and how full they are. */
import { type Budget, type BudgetSubject, budgetsOf, type PolicySet } from '@hivekey/policy';
import type { Pool } from 'pg';
import { z } from 'zod';
import { listAgents, readAgent } from '../agents/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { BudgetState, RunningLog } from '../log/index.ts';
import { readPerson } from '../people/index.ts';
import { loadPolicySet, roleNotFound } from '../roles/index.ts';

/** Most agents whose budgets are told of one role. */
const AGENTS_OF_A_ROLE = 100;

export const budgetSchema = z
  .object({
    object: z.literal('budget'),
    rule: z.string(),
    origin: z.string().meta({ description: 'The role that carries the guard, or `workspace`.' }),
    sentence: z.string(),
    action: z.string().meta({ description: 'The calls it bounds: a capability, `crm.*`, or `*`.' }),
    scope: z.enum(['agent', 'role', 'owner', 'workspace']),
    subject: z
      .string()
      .meta({ description: 'Who has or shares the counter: agent, role, e-mail of an owner, or `*`.' }),
    per: z
      .object({ by: z.string(), value: z.string() })
      .nullable()
      .meta({ description: 'What the counter is kept apart by. `value` is a digest; a capability for `action`.' }),
    kind: z.enum(['sum', 'count']),
    unit: z.string().nullable(),
    over: z.array(z.string()),
    unattended: z.boolean().meta({ description: 'Counts only what no person had approved.' }),
    window_seconds: z.int(),
    limit: z.int(),
    used: z.int(),
    left: z.int(),
    frees_in_seconds: z.int().nullable().meta({
      description: 'Until the first of what is used leaves the window. Null when nothing is used.',
    }),
    otherwise: z.enum(['allow', 'deny', 'review']),
  })
  .meta({ id: 'Budget' });

export type BudgetView = z.output<typeof budgetSchema>;

/** Whose budgets; nobody's are those of the whole workspace. */
export interface Whose {
  readonly agent?: string | undefined;
  readonly role?: string | undefined;
  readonly owner?: string | undefined;
}

type Readers = { readonly pool: Pool; readonly log: RunningLog };

/** A subject, and what the counters of its scopes are called. */
interface Named {
  readonly subject: BudgetSubject;
  readonly agent?: string;
  readonly owner?: string;
  /** Of these scopes only. */
  readonly scopes: ReadonlySet<BudgetView['scope']>;
}

/** Throws `agent_not_found`, `role_not_found`, `person_not_found`. */
export async function readBudgets(
  { pool, log }: Readers,
  workspaceId: WorkspaceId,
  whose: Whose,
): Promise<BudgetView[]> {
  const { set } = await loadPolicySet(pool, workspaceId);
  const named = await subjectsOf(pool, workspaceId, set, whose);
  const found = named.flatMap((who) =>
    budgetsOf(set, who.subject)
      .filter(({ window }) => who.scopes.has(window.scope))
      .map((budget) => ({ budget, who })),
  );
  const states = await log.budgets(
    workspaceId,
    found.map(({ budget: { key, window } }) => ({
      key,
      isKeptApart: window.per !== undefined,
      windowSeconds: window.windowSeconds,
    })),
  );
  return found.flatMap(({ budget, who }, i) => (states[i] ?? []).map((state) => viewOf(budget, who, state)));
}

async function subjectsOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  set: PolicySet,
  { agent, role, owner }: Whose,
): Promise<readonly Named[]> {
  if (agent !== undefined) {
    const { id: agentId, name, ownerId, owner: email, roles } = await readAgent(pool, workspaceId, agent);
    const scopes = new Set(['agent', 'role', 'owner', 'workspace'] as const);
    return [{ subject: { workspaceId, agentId, ownerId, roles }, agent: name, owner: email, scopes }];
  }
  if (role !== undefined) {
    if (!set.roles.some(({ name }) => name === role)) throw roleNotFound(role);
    const wearers = await listAgents(pool, workspaceId, { role }, undefined, AGENTS_OF_A_ROLE);
    return [
      { subject: { workspaceId, roles: [role] }, scopes: new Set(['role'] as const) },
      ...wearers.map(
        ({ id: agentId, name }): Named => ({
          // Only what the role itself brings.
          subject: { workspaceId, agentId, roles: [role] },
          agent: name,
          scopes: new Set(['agent'] as const),
        }),
      ),
    ];
  }
  const roles = set.roles.map(({ name }) => name);
  if (owner === undefined) return [{ subject: { workspaceId, roles }, scopes: new Set(['workspace'] as const) }];
  const { id: ownerId, email } = await readPerson(pool, workspaceId, owner);
  return [{ subject: { workspaceId, ownerId, roles }, owner: email, scopes: new Set(['owner'] as const) }];
}

function viewOf({ guard, origin, window, scopeId, key }: Budget, who: Named, state: BudgetState): BudgetView {
  const { kind, unit, windowSeconds, limit, scope, over, per, unattended = false } = window;
  const subject = { agent: who.agent ?? scopeId, role: scopeId, owner: who.owner ?? scopeId, workspace: '*' }[scope];
  return {
    object: 'budget',
    rule: guard.id,
    origin,
    sentence: guard.sentence,
    action: guard.action,
    scope,
    subject,
    per: per === undefined ? null : { by: per, value: state.key.slice(key.length) },
    kind,
    unit: unit ?? null,
    over: [...over],
    unattended,
    window_seconds: windowSeconds,
    limit,
    used: state.used,
    left: Math.max(0, limit - state.used),
    frees_in_seconds: state.freesInSeconds === undefined ? null : Math.max(0, Math.ceil(state.freesInSeconds)),
    otherwise: guard.otherwise,
  };
}
