/** The dry run: the decision that the live path would come to now, on the same policy and the same windows. */

import { canonicalJson } from '@hivekey/action-log';
import { type Decision, type JsonObject, settle } from '@hivekey/policy';
import { z } from 'zod';
import { readAgent, rolesUnder, stateOf } from '../agents/index.ts';
import { type Administrator, type ApiContext, jsonObject } from '../api/route.ts';
import { findCapability } from '../capabilities/index.ts';
import { capabilityNamed, unavailable } from '../gateway/actions/index.ts';
import type { AgentId, PersonId, WorkspaceId } from '../ids.ts';
import { type Action, type DryRunSubject, refuse } from '../path/index.ts';
import { loadPolicySet, roleNotFound } from '../roles/index.ts';
import { compileArguments } from '../upstreams/index.ts';

export const evaluationSchema = z
  .strictObject({
    agent: z.string().min(1).max(128).optional(),
    roles: z.array(z.string().min(1).max(128)).min(1).max(32).optional(),
    action: z.string().min(1).max(256),
    arguments: jsonObject.default({}),
    policy: z.string().min(1).max(80).optional().meta({
      description: 'A revision or hash that was in force: decided under that one, without windows and approvals.',
    }),
    at: z.int().min(0).max(253_402_300_799).optional().meta({
      description: 'Epoch seconds. Decided under the policy in force then, with the roles that the agent wore then.',
    }),
  })
  .refine(({ policy, at }) => policy === undefined || at === undefined, {
    error: 'name a policy or an instant, not both',
    path: ['at'],
  })
  .refine(({ agent, roles }) => (agent === undefined) !== (roles === undefined), {
    error: 'name an agent or roles, one of the two',
    path: ['agent'],
  });

export type EvaluationRequest = z.output<typeof evaluationSchema>;
type Deciders = Pick<ApiContext, 'pool' | 'path' | 'upstreams' | 'clock'>;

const MAX_PROBLEMS = 8;

interface Subject extends DryRunSubject {
  /** Of an agent that is stopped: nothing it asks for is allowed. */
  readonly stopped?: 'suspended' | 'revoked';
}

/** Throws `agent_not_found`, `role_not_found`; 503 when it cannot be decided. */
export async function evaluate(
  deciders: Deciders,
  { workspaceId }: Administrator,
  request: EvaluationRequest,
): Promise<Decision> {
  const { set } = await loadPolicySet(deciders.pool, workspaceId);
  const subject = await subjectOf(deciders, workspaceId, request);
  const known = new Set(set.roles.map(({ name }) => name));
  for (const role of request.roles ?? []) if (!known.has(role)) throw roleNotFound(role);
  const granted = (await deciders.path.policy(workspaceId)).granted(subject.roles);
  const action = await actionOf(deciders, workspaceId, granted, request);
  const decision = await deciders.path.dryRun(subject, action);
  if ('kind' in decision) throw unavailable(decision.code);
  if (subject.stopped === undefined) return decision;
  const policy = { hash: decision.policyHash, revision: decision.policyRevision };
  return settle(refuse(policy, 'containment', `containment: the agent is ${subject.stopped}`), []);
}

async function subjectOf(
  { pool }: Deciders,
  workspaceId: WorkspaceId,
  { agent, roles = [] }: EvaluationRequest,
): Promise<Subject> {
  // Windows of nobody are empty.
  if (agent === undefined) return { workspaceId, agentId: 'agt_' as AgentId, ownerId: 'per_' as PersonId, roles };
  const { id, ownerId, roles: worn, quarantine, status } = await readAgent(pool, workspaceId, agent);
  const subject = {
    workspaceId,
    agentId: id,
    ownerId,
    roles: rolesUnder(quarantine, worn),
    ...(await stateOf(pool, workspaceId, id)),
  };
  return status === 'active' ? subject : { ...subject, stopped: status };
}

async function actionOf(
  { pool, upstreams, clock }: Deciders,
  workspaceId: WorkspaceId,
  granted: ReadonlySet<string>,
  { action, arguments: args }: EvaluationRequest,
): Promise<Action> {
  const { capability, problem } = capabilityNamed(action, granted);
  const entry = (await upstreams.catalogue(workspaceId)).byCapability(capability);
  const declared = entry === undefined ? await findCapability(pool, workspaceId, capability) : undefined;
  const asked: Action = {
    entrance: entry === undefined ? 'actions' : 'mcp',
    capability,
    tool: action,
    known: entry !== undefined || declared?.source === 'declared',
    arguments: args,
    argumentsJson: canonicalJson(args),
    receivedAtMs: clock(),
  };
  if (problem !== undefined)
    return { ...asked, refuse: { reasonClass: 'guard', rule: 'name', reason: `name: ${problem}` } };
  const schema = declared?.input_schema ?? undefined;
  const problems = entry === undefined ? problemsOf(schema, args) : entry.validate(args);
  if (problems.length === 0) return asked;
  const reason = `The arguments do not fit the schema: ${problems.slice(0, MAX_PROBLEMS).join('; ')}`;
  return { ...asked, refuse: { reasonClass: 'guard', rule: 'input schema', reason } };
}

function problemsOf(schema: JsonObject | undefined, args: JsonObject): readonly string[] {
  if (schema === undefined) return [];
  const compiled = compileArguments(schema);
  return compiled.ok ? compiled.validate(args) : [`the input schema cannot be used: ${compiled.problem}`];
}
