/** One AuthZEN evaluation walks the one path: it is recorded, counts in windows, and its `true` is good for one action. */
import { canonicalJson } from '@hivekey/action-log';
import type { Decision, JsonObject } from '@hivekey/policy';
import type { Administrator, ApiContext, FastifyRequest } from '../../api/route.ts';
import { Failure } from '../../errors.ts';
import { administratorOf } from '../../identity/index.ts';
import {
  type Action,
  type ApprovalTicket,
  type Attempt,
  type Held,
  mayBegin,
  type Permit,
  type Principal,
  type Reauthenticate,
  type Unauthenticated,
  type Unavailable,
} from '../../path/index.ts';
import {
  type AgentCaller,
  capabilityNamed,
  type OwnTools,
  RULE,
  recordedName,
  ticketView,
  unauthenticated,
  unavailable,
} from '../actions/index.ts';
import { argumentsOf, type Evaluation, takenName } from './request.ts';

/** Who asks: an agent about itself, or a trusted enforcement point about the agents of its workspace. */
export type Asker =
  | ({ readonly kind: 'agent' } & AgentCaller)
  | { readonly kind: 'point'; readonly administrator: Administrator };

/** The specification's decision object. */
export interface Answer {
  readonly decision: boolean;
  readonly context: JsonObject;
}

/** Why nothing could be decided; in a batch, the answer of the one evaluation. */
export class Undecided {
  readonly failure: Failure;

  constructor(failure: Failure) {
    this.failure = failure;
  }

  get answer(): Answer {
    const { status, code, message } = this.failure;
    return { decision: false, context: { error: { status, code, message } } };
  }
}

const MAX_PROBLEMS = 8;
const RUN_ID = /^[\x21-\x7e]{1,128}$/;

export class Evaluator {
  readonly #context: ApiContext;
  readonly #tools: OwnTools;

  constructor(context: ApiContext, tools: OwnTools) {
    this.#context = context;
    this.#tools = tools;
  }

  async evaluate(asker: Asker, request: FastifyRequest, evaluation: Evaluation): Promise<Answer | Undecided> {
    const taken = takenName(evaluation.action.properties ?? {});
    if (taken !== undefined) {
      const cause = `action.properties has a member "${taken}", which is the name of an entity.`;
      return new Undecided(new Failure(400, 'property_name_taken', cause, 'Give the property another name.'));
    }
    const { path, clock } = this.#context;
    const receivedAtMs = clock();
    const principal = await this.#subject(asker, request, evaluation);
    if (principal === undefined) return this.#unknownSubject(asker, request, evaluation);
    if ('kind' in principal) return stopped(asker, principal);
    const again = (attempt: Attempt): Promise<Principal | Unauthenticated | Unavailable> =>
      this.#askAgain(asker, request, principal, attempt);
    const credential = asker.kind === 'agent' ? asker.token : again;
    const authorization = await path.authorize(credential, principal, (current) =>
      this.#resolve(current, evaluation, request.ip, receivedAtMs),
    );
    switch (authorization.kind) {
      case 'unauthenticated':
      case 'unavailable':
        return stopped(asker, authorization);
      case 'refused':
        return denied(authorization.decision, authorization.eventId);
      case 'held':
        return this.#held(asker, credential, principal, evaluation, request.ip, receivedAtMs, authorization);
      case 'permit':
        return this.#permitted(authorization);
    }
  }

  /**
   * The enforcement point asks again; nobody is kept waiting. The first question after the approval is answered with
   * `true` and consumes it, and no other is: whoever gets it acts once.
   */
  async #held(
    asker: Asker,
    credential: string | Reauthenticate,
    principal: Principal,
    evaluation: Evaluation,
    sourceAddress: string,
    receivedAtMs: number,
    { decision, eventId, approval: ticket }: Held,
  ): Promise<Answer | Undecided> {
    const { path, approvals, logger, url } = this.#context;
    const { workspaceId, agentId } = principal;
    const told = (code: string, approval: ApprovalTicket | undefined): Answer => ({
      decision: false,
      context: {
        ...contextOf(code, decision),
        ...(approval === undefined ? {} : { approval: ticketView(approval, url) }),
        event_id: eventId,
      },
    });
    if (ticket?.status !== 'approved') return told(codeOf(ticket?.status), ticket);
    const authorization = await path.resume(ticket.id, credential, principal, (current) =>
      this.#resolve(current, evaluation, sourceAddress, receivedAtMs),
    );
    switch (authorization.kind) {
      case 'unauthenticated':
      case 'unavailable':
        return stopped(asker, authorization);
      case 'refused':
        return denied(authorization.decision, authorization.eventId);
      case 'held':
      case 'moved': {
        const now = await approvals.look(workspaceId, agentId, ticket.id);
        return told(codeOf(now?.status), now);
      }
      case 'permit': {
        const answer = this.#permitted(authorization);
        approvals
          .finish(workspaceId, ticket.id, { result: answer.decision ? 'unknown' : 'not_attempted' }, undefined)
          .catch((error: unknown) => logger.error({ err: error }, 'the end of an approval was not kept'));
        return answer;
      }
    }
  }

  /** How the action ends is known to the enforcement point alone, so the log has its outcome as unknown, and spent. */
  #permitted(permit: Permit): Answer {
    const { path, logger } = this.#context;
    const isStopped = !mayBegin(permit);
    path
      .settle(
        permit,
        isStopped
          ? { result: 'not_attempted', errorCode: 'aborted_by_stop' }
          : { result: 'unknown', errorCode: 'outcome_not_reported' },
      )
      .catch((error: unknown) => logger.error({ err: error }, 'the outcome of an evaluation was not recorded'));
    const { decision, eventId } = permit;
    return isStopped
      ? { decision: false, context: { code: 'action_stopped', reason: 'containment: stopped', event_id: eventId } }
      : { decision: true, context: { reason: decision.reason, event_id: eventId } };
  }

  async #subject(
    asker: Asker,
    request: FastifyRequest,
    { subject, action }: Evaluation,
  ): Promise<Principal | undefined | Unauthenticated | Unavailable> {
    if (subject.type !== 'agent') return undefined;
    if (asker.kind === 'agent') {
      const { agentId, agent } = asker.principal;
      return subject.id === agentId || subject.id.toLowerCase() === agent.toLowerCase() ? asker.principal : undefined;
    }
    const { workspaceId, credentialId } = asker.administrator;
    const attempt = { tool: recordedName(action.name), entrance: 'authzen', sourceAddress: request.ip } as const;
    return this.#context.path.principalOf({ workspaceId, keyId: credentialId }, subject.id, attempt);
  }

  async #askAgain(
    asker: Asker,
    request: FastifyRequest,
    { agentId }: Principal,
    attempt: Attempt,
  ): Promise<Principal | Unauthenticated | Unavailable> {
    if (asker.kind === 'agent') return this.#context.path.authenticate(asker.token, { ...attempt, presented: 'again' });
    const { workspaceId, credentialId } = await administratorOf(this.#context, request);
    const found = await this.#context.path.principalOf({ workspaceId, keyId: credentialId }, agentId, attempt);
    return found ?? { kind: 'unauthenticated', code: 'token_invalid' };
  }

  async #unknownSubject(
    asker: Asker,
    request: FastifyRequest,
    { subject, action, resource }: Evaluation,
  ): Promise<Answer> {
    const by =
      asker.kind === 'agent'
        ? { workspaceId: asker.principal.workspaceId, actor: `agent:${asker.principal.agent}` }
        : asker.administrator;
    const reason = 'subject: no such agent';
    if (asker.kind === 'point' && subject.type === 'agent') {
      const { workspaceId } = asker.administrator;
      const identity = recordedName(subject.id);
      this.#context.unregistered.noteUnregistered({ workspaceId, kind: 'agent', identity, source: request.ip });
    }
    const eventId = await this.#context.log.record(by.workspaceId, {
      kind: 'gateway.refused',
      actor: by.actor,
      entrance: 'authzen',
      reason,
      subject: { type: recordedName(subject.type), id: recordedName(subject.id) },
      action: recordedName(action.name),
      resource: { type: recordedName(resource.type), id: recordedName(resource.id) },
    });
    return { decision: false, context: { code: 'subject_unknown', reason, event_id: eventId } };
  }

  async #resolve(
    principal: Principal,
    evaluation: Evaluation,
    sourceAddress: string,
    receivedAtMs: number,
  ): Promise<Action> {
    const { action, context } = evaluation;
    const granted = await this.#context.path.granted(principal);
    const { capability, problem } = capabilityOf(action.name, evaluation.resource.type, granted);
    const args = argumentsOf(evaluation);
    const said = {
      entrance: 'authzen',
      capability,
      tool: recordedName(action.name),
      arguments: args,
      argumentsJson: canonicalJson(args),
      ...(isRunId(context?.session_id) ? { sessionId: context.session_id } : {}),
      ...(isRunId(context?.run_id) ? { runId: context.run_id } : {}),
      sourceAddress,
      receivedAtMs,
      resumption: { request: () => ({ action: capability, arguments: args }) },
    } as const;
    const known = await this.#known(principal, capability);
    if (known === undefined) return { ...said, known: false };
    const { validate, ...facts } = known;
    return {
      ...said,
      ...facts,
      known: true,
      // Looked at only where the capability is granted: a hidden one takes no longer than an absent one.
      get refuse(): Action['refuse'] {
        if (problem !== undefined) return { reasonClass: 'guard', rule: RULE.name, reason: `name: ${problem}` };
        return misfit(validate(action.properties ?? {}));
      },
    };
  }

  /** What a call of the capability would be checked against, wherever it runs. Undefined for a name that nothing has. */
  async #known(principal: Principal, capability: string): Promise<Known | undefined> {
    const { path, upstreams } = this.#context;
    const { workspaceId } = principal;
    const tool = (await this.#tools.of(workspaceId, await path.policy(workspaceId))).get(capability);
    if (tool === undefined) return undefined;
    if (!tool.ofServer) {
      const { access, destructive, sensitivePaths } = tool;
      return { access, destructive, sensitivePaths, validate: tool.validate.bind(tool) };
    }
    const entry = (await upstreams.catalogue(workspaceId)).byCapability(capability);
    if (entry === undefined) return undefined;
    const { access, sensitivePaths } = entry;
    const { destructive } = tool;
    return { access, destructive, sensitivePaths, validate: entry.validate.bind(entry) };
  }
}

interface Known extends Pick<Action, 'access' | 'destructive' | 'sensitivePaths'> {
  validate(properties: JsonObject): readonly string[];
}

/** Among what is granted, the narrower name first: `read` on `record` is `record.read`, else whatever `read` means. */
export function capabilityOf(
  name: string,
  resourceType: string,
  granted: ReadonlySet<string>,
): ReturnType<typeof capabilityNamed> {
  const narrow = `${resourceType}.${name}`;
  return granted.has(narrow) ? { capability: narrow } : capabilityNamed(name, granted);
}

function misfit(problems: readonly string[]): Action['refuse'] {
  if (problems.length === 0) return undefined;
  const reason = `The arguments do not fit the schema: ${problems.slice(0, MAX_PROBLEMS).join('; ')}`;
  return { reasonClass: 'guard', rule: RULE.schema, reason };
}

function codeOf(status: ApprovalTicket['status'] | undefined): string {
  if (status === undefined || status === 'pending' || status === 'approved') return 'approval_required';
  return status === 'released' || status === 'finished' || status === 'unknown'
    ? 'approval_used'
    : `approval_${status}`;
}

function isRunId(value: unknown): value is string {
  return typeof value === 'string' && RUN_ID.test(value);
}

function denied(decision: Decision, eventId: string): Answer {
  // Not granted reads as not there.
  if (decision.reasonClass === 'scope') {
    const reason = 'scope: capability not granted';
    return { decision: false, context: { code: 'action_unknown', reason_class: 'scope', reason, event_id: eventId } };
  }
  return { decision: false, context: { ...contextOf('action_denied', decision), event_id: eventId } };
}

function contextOf(
  code: string,
  { reasonClass, reason, rule, remaining, remainingUnit, retryAfterSeconds }: Decision,
): JsonObject {
  return {
    code,
    reason_class: reasonClass,
    reason,
    ...(rule === undefined ? {} : { rule }),
    ...(remaining === undefined ? {} : { remaining }),
    ...(remainingUnit === undefined ? {} : { remaining_unit: remainingUnit }),
    ...(retryAfterSeconds === undefined ? {} : { retry_after_seconds: retryAfterSeconds }),
  };
}

/** A stopped agent is a denial to the enforcement point that asks about it, and a dead credential to itself. */
function stopped(asker: Asker, { kind, code }: Unauthenticated | Unavailable): Answer | Undecided {
  if (kind === 'unavailable') return new Undecided(unavailable(code));
  const failure = unauthenticated(code);
  if (asker.kind === 'agent') return new Undecided(failure);
  return { decision: false, context: { code, reason_class: 'containment', reason: failure.message } };
}
