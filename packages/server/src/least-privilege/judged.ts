/** What proposals are judged by, and what they are. Pure. */
import { hash } from 'node:crypto';
import { covers, type Guard, type PolicySet, type Role } from '@hivekey/policy';
import type { Edit } from './edits.ts';

export const PROPOSAL_KINDS = ['unused_grant', 'unused_role', 'unworn_role', 'wide_cap', 'idle_approval'] as const;
export type ProposalKind = (typeof PROPOSAL_KINDS)[number];

/** What is changed, as under change control. */
export interface ProposedObject {
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

/** The same as long as it is about the same thing. */
export function idOf(kind: ProposalKind, object: ProposedObject, ...more: readonly string[]): string {
  return `lpp_${hash('sha256', [kind, object.type, object.id, ...more].join('\0')).slice(0, 20)}`;
}

/** The route that shows the calls. */
export function callsQuery({ fromMs, toMs }: Basis, filter: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams({
    kind: 'tool.call',
    ...filter,
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
  });
  return `/v1/audit/events?${query}`;
}

interface Used {
  calls: number;
  refused: number;
  lastAtMs: number;
}

/** Use by whom and by which role, added up once: a fleet has hundreds of thousands of rows. */
export class UseIndex {
  readonly #byAgent: ReadonlyMap<string, readonly Usage[]>;
  /** Role worn at the call → capability → use. */
  readonly #byRole = new Map<string, Map<string, Used>>();
  readonly #byAction = new Map<string, number>();
  /** Role → when its first wearer of now began to wear it. */
  readonly #wornSince = new Map<string, number>();

  constructor({ usage, agents }: Pick<Basis, 'usage' | 'agents'>) {
    this.#byAgent = Map.groupBy(usage, ({ agentId }) => agentId);
    for (const { action, roles, calls, refused, lastAtMs } of usage) {
      this.#byAction.set(action, (this.#byAction.get(action) ?? 0) + calls);
      for (const role of roles) {
        const actions = this.#byRole.get(role) ?? new Map<string, Used>();
        this.#byRole.set(role, actions);
        const used = actions.get(action) ?? { calls: 0, refused: 0, lastAtMs };
        actions.set(action, {
          calls: used.calls + calls,
          refused: used.refused + refused,
          lastAtMs: Math.max(used.lastAtMs, lastAtMs),
        });
      }
    }
    for (const { role, sinceMs } of agents.flatMap(({ worn }) => worn))
      this.#wornSince.set(role, Math.min(sinceMs, this.#wornSince.get(role) ?? sinceMs));
  }

  of(agentId: string): readonly Usage[] {
    return this.#byAgent.get(agentId) ?? [];
  }

  /** Of calls that were made wearing the role. */
  under(role: string, capability: string): Readonly<Used> | undefined {
    return this.#byRole.get(role)?.get(capability);
  }

  /** Epoch milliseconds; undefined: nobody wears it. */
  wornSince(role: string): number | undefined {
    return this.#wornSince.get(role);
  }

  /** Calls that a guard was asked about. */
  callsOf({ action, origin }: Guard): number {
    const all =
      origin === 'workspace'
        ? [...this.#byAction]
        : [...(this.#byRole.get(origin) ?? [])].map(([name, { calls }]) => [name, calls] as const);
    return all.filter(([name]) => covers(action, name)).reduce((sum, [, calls]) => sum + calls, 0);
  }
}
