/**
 * A decision made again under a policy that was in force. Only what was kept has a say: the policy as it was published,
 * the roles that the agent wore then, the tools that were stopped. Windows count as empty, and what led to a call, signals
 * of risk, and calls that were needed before it are not known any more: what is not known takes the stricter branch.
 */
import { compilePolicy, type Decision, type Evaluation, settle } from '@hivekey/policy';
import { z } from 'zod';
import { readAgent } from '../agents/index.ts';
import type { Administrator, ApiContext } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { capabilityNamed } from '../gateway/actions/index.ts';
import type { AgentId, PersonId, WorkspaceId } from '../ids.ts';
import { refuse } from '../path/index.ts';
import { type ArchivedPolicy, isIntact, roleNotFound } from '../roles/index.ts';
import { readVersion } from '../versions/index.ts';
import type { EvaluationRequest } from './evaluate.ts';
import { archivedPolicy } from './read.ts';

export const asAtSchema = z
  .object({
    revision: z.int(),
    hash: z.string(),
    at: z.int().meta({ description: 'Epoch seconds. The instant that was decided at.' }),
    roles: z.array(z.string()),
    left_out: z.array(z.string()).meta({ description: 'What has a say live, and had none here.' }),
  })
  .meta({ id: 'DecidedAsAt' });

type AsAt = z.output<typeof asAtSchema>;

const LEFT_OUT = ['windows', 'prerequisites', 'first uses', 'provenance', 'risks', 'input schemas', 'stopped agents'];

const assignment = z.object({ roles: z.array(z.string()) });

interface DecidedAsAt {
  readonly decision: Decision;
  readonly asAt: AsAt;
}

/** Throws `policy_not_found`, `policy_drift`, `agent_not_found`, `role_not_found`, `object_not_found`. */
export async function evaluateAsAt(
  { pool }: Pick<ApiContext, 'pool'>,
  { workspaceId }: Administrator,
  request: EvaluationRequest,
): Promise<DecidedAsAt> {
  const archived = await archivedPolicy(pool, workspaceId, request.policy ?? 'current', request.at);
  if (!isIntact(archived)) throw notIntact(archived);
  const at = request.at ?? Math.floor(Number(archived.createdUs) / 1_000_000);
  const subject = await subjectAt(pool, workspaceId, request, at);
  const known = new Set(archived.set.roles.map(({ name }) => name));
  for (const role of request.roles ?? []) if (!known.has(role)) throw roleNotFound(role);
  const evaluation = evaluationOf(archived, { workspaceId, ...subject }, request, at);
  const decision = settle(
    evaluation,
    evaluation.demands.map(() => ({ used: 0 })),
  );
  const { revision, hash } = archived;
  return { decision, asAt: { revision, hash, at, roles: [...subject.roles], left_out: LEFT_OUT } };
}

interface Subject {
  readonly workspaceId: WorkspaceId;
  readonly agentId: AgentId;
  readonly ownerId: PersonId;
  readonly roles: readonly string[];
}

function evaluationOf(
  { set, stoppedTools }: ArchivedPolicy,
  subject: Subject,
  { action, arguments: args }: EvaluationRequest,
  at: number,
): Evaluation {
  const compiled = compilePolicy(set);
  const { capability } = capabilityNamed(action, compiled.granted(subject.roles));
  const evaluation = compiled.evaluate({ ...subject, capability, arguments: args }, { atMs: at * 1000 });
  if (evaluation.reasonClass === 'scope' || !stoppedTools.includes(capability)) return evaluation;
  return refuse(compiled, 'containment', `containment: ${capability} is stopped`, 'tool stop');
}

async function subjectAt(
  pool: ApiContext['pool'],
  workspaceId: WorkspaceId,
  { agent, roles = [] }: EvaluationRequest,
  at: number,
): Promise<Omit<Subject, 'workspaceId'>> {
  if (agent === undefined) return { agentId: 'agt_' as AgentId, ownerId: 'per_' as PersonId, roles };
  const { id, ownerId } = await readAgent(pool, workspaceId, agent);
  const { document } = await readVersion(pool, workspaceId, { type: 'assignment', id }, { at });
  return { agentId: id, ownerId, roles: document === null ? [] : assignment.parse(document).roles };
}

function notIntact({ revision }: ArchivedPolicy): Failure {
  return new Failure(
    409,
    'policy_drift',
    `Revision ${revision} of the policy is not what was published: its content does not have its hash.`,
    'Somebody has edited it past HiveKey: see GET /v1/drift.',
  );
}
