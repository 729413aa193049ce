/** AuthZEN searches that have an exact answer: what an agent may do, and which agents may do it. Nothing is recorded or counted. */
import { canonicalJson } from '@hivekey/action-log';
import type { JsonObject } from '@hivekey/policy';
import type { ApiContext } from '../../api/route.ts';
import type { AgentId, PersonId, WorkspaceId } from '../../ids.ts';
import type { Action, DryRunSubject } from '../../path/index.ts';
import { type OwnTool, type OwnTools, unavailable } from '../actions/index.ts';
import { capabilityOf } from './evaluate.ts';
import { actionNameFor, argumentsOf, type Evaluation, takenName } from './request.ts';

const AGENTS_AT_ONCE = 200;

const AGENTS = `
SELECT a.id AS "agentId", a.handle, a.owner_id AS "ownerId",
       (SELECT coalesce(array_agg(r.role ORDER BY r.position, r.role), '{}') FROM agent_roles r
         WHERE r.workspace_id = a.workspace_id AND r.agent_id = a.id) AS roles
  FROM agents a
  JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id AND s.status = 'active'
  JOIN workspace_state w ON w.workspace_id = a.workspace_id AND w.status = 'active'
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id AND p.active
 WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL`;

interface AgentRow {
  agentId: AgentId;
  handle: string;
  ownerId: PersonId;
  roles: string[];
}

/** An agent that may be the answer. */
export interface Candidate extends DryRunSubject {
  readonly handle: string;
}

/** What is asked of each candidate. */
export type Question = Pick<Evaluation, 'action' | 'resource' | 'context'> & {
  readonly subject: { readonly type: string; readonly properties?: JsonObject | undefined };
};

export class Searcher {
  readonly #context: ApiContext;
  readonly #tools: OwnTools;

  constructor(context: ApiContext, tools: OwnTools) {
    this.#context = context;
    this.#tools = tools;
  }

  /** The active agent of that id or handle. */
  async agent(workspaceId: WorkspaceId, agent: string): Promise<DryRunSubject | undefined> {
    const { rows } = await this.#context.pool.query<AgentRow>(
      `${AGENTS} AND (a.id = $2 OR lower(a.handle) = lower($2)) ORDER BY a.id = $2 DESC LIMIT 1`,
      [workspaceId, agent],
    );
    return rows[0] === undefined ? undefined : { ...rows[0], workspaceId };
  }

  /** Active agents by id, after that one. More may follow when `last` is given. */
  async agents(
    workspaceId: WorkspaceId,
    after: string,
  ): Promise<{ readonly candidates: readonly Candidate[]; readonly last: string | undefined }> {
    const { rows } = await this.#context.pool.query<AgentRow>(`${AGENTS} AND a.id > $2 ORDER BY a.id LIMIT $3`, [
      workspaceId,
      after,
      AGENTS_AT_ONCE,
    ]);
    return {
      candidates: rows.map((row) => ({ ...row, workspaceId })),
      last: rows.length < AGENTS_AT_ONCE ? undefined : rows.at(-1)?.agentId,
    };
  }

  /** Whether an evaluation of this question would be permitted now. */
  async permits(subject: DryRunSubject, question: Question): Promise<boolean> {
    const { path } = this.#context;
    if (takenName(question.action.properties ?? {}) !== undefined) return false;
    const policy = await path.policy(subject.workspaceId);
    const granted = policy.granted(subject.roles);
    const { capability, problem } = capabilityOf(question.action.name, question.resource.type, granted);
    if (problem !== undefined || !granted.has(capability)) return false;
    const tool = (await this.#tools.of(subject.workspaceId, policy)).get(capability);
    if (tool === undefined || !(await this.#fits(subject.workspaceId, tool, question.action.properties ?? {})))
      return false;
    const args = argumentsOf({ ...question, subject: { ...question.subject, id: subject.agentId } });
    const action: Action = {
      entrance: 'authzen',
      capability,
      tool: capability,
      known: true,
      arguments: args,
      argumentsJson: canonicalJson(args),
      receivedAtMs: this.#context.clock(),
    };
    const decision = await path.dryRun(subject, action);
    if ('kind' in decision) throw unavailable(decision.code);
    return decision.verdict === 'allow';
  }

  async #fits(workspaceId: WorkspaceId, tool: OwnTool, properties: JsonObject): Promise<boolean> {
    const validator = tool.ofServer
      ? (await this.#context.upstreams.catalogue(workspaceId)).byCapability(tool.name)
      : tool;
    return validator !== undefined && validator.validate(properties).length === 0;
  }

  /** Names of the actions the agent may take on a resource; those of other namespaces than its type are none of them. */
  async actions(subject: DryRunSubject, question: Omit<Question, 'action'>): Promise<readonly string[]> {
    const granted = (await this.#context.path.policy(subject.workspaceId)).granted(subject.roles);
    const names: string[] = [];
    for (const capability of granted) {
      const name = actionNameFor(capability, question.resource.type);
      if (name !== undefined && (await this.permits(subject, { ...question, action: { name } }))) names.push(name);
    }
    return names.sort();
  }
}
