/** The steps in order: authenticate ▸ resolve ▸ decide ▸ record ▸ (forward, at the entrance) ▸ settle. */
import { createHmac, type KeyObject } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import {
  approvalRequirement,
  type CompiledPolicy,
  type Decision,
  type Evaluation,
  type Risk,
  type StateView,
  settle,
  toldToAgent,
} from '@hivekey/policy';
import { context, INVALID_SPAN_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Pool } from 'pg';
import { type AccessHolder, acceptOnce, covers, newNonce, verifyProof } from '../agent-auth/index.ts';
import { findAgent, type TokenHolder, type TokenState } from '../agents/index.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { Authenticator } from './authenticate.ts';
import { type Call, CallsInFlight } from './calls-in-flight.ts';
import { decidedForAll } from './chain.ts';
import { decide, refuse, requestOf } from './decide.ts';
import type { Distrust } from './distrust.ts';
import { appliedPolicy, canHold } from './holding.ts';
import type {
  ActionPath,
  Attempt,
  DryRunSubject,
  EnforcementPoint,
  Reauthenticate,
  Resolve,
  StopReport,
  StopTarget,
} from './index.ts';
import { joinGates } from './joined-gate.ts';
import { isDone } from './outcome.ts';
import { Policies, type PolicyInForce, type ProvenPolicy } from './policy-in-force.ts';
import { markGate, provenanceOf } from './provenance.ts';
import { maskCredentials, redactArguments } from './redact.ts';
import type {
  Action,
  ApprovalTicket,
  Authorization,
  GatedIntent,
  Holds,
  Intent,
  Moved,
  Outcome,
  Permit,
  Prerequisites,
  Principal,
  RecordResult,
  Unauthenticated,
  Unavailable,
} from './types.ts';

/** A decision is made again when agent or policy changed while it was being recorded; more often than this means something is wrong. */
const MAX_DECISIONS = 8;
const STOP_GRACE_MS = 2_000;
const NO_RISKS: readonly Risk[] = [];
/** Unit of the records that a call reads. */
const ROWS = 'records_read';

export interface ActionPathOptions {
  readonly pool: Pool;
  readonly log: ActionLog;
  readonly pepper: KeyObject;
  /** Key of the digest of arguments. */
  readonly digest: KeyObject;
  /** Without it, no token that is bound to a key is taken. */
  readonly proofs?: ProofOptions;
  /** Epoch milliseconds. */
  readonly clock?: () => number;
  /** Where calls wait for people. Without it a review is a refusal. */
  readonly holds?: Holds;
  /** Without it, nothing that needs another call before it is allowed. */
  readonly prerequisites?: Prerequisites;
  /** What the log says was published, where rows and archive are not believed. */
  readonly provenPolicy?: ProvenPolicy;
  /** Is told who tries and is no agent here. */
  readonly unregistered?: UnregisteredObserver;
  readonly observe?: PathObserver;
}

/** What proofs of possession are checked with. */
interface ProofOptions {
  /** Authenticates nonces. */
  readonly key: KeyObject;
  /** Origin that agents use. */
  readonly url: string;
}

/** They must neither wait nor throw. */
interface UnregisteredObserver {
  /** A credential that nobody was given. */
  noteToken(token: string, source: string | undefined): void;
  /** A token of an agent that is revoked. */
  noteUnregistered(sighting: {
    readonly workspaceId: WorkspaceId;
    readonly kind: 'retired_token';
    readonly identity: string;
    readonly source: string | undefined;
    readonly agentId: AgentId;
  }): void;
}

/** Hooks for metrics. They must not throw. */
export interface PathObserver {
  decided(verdict: string, reasonClass: string, entrance: string): void;
  /** Guards in shadow would have made `shadow` of it. */
  shadowed(verdict: string, shadow: string): void;
  refusedCredential(code: string): void;
  unavailable(code: string): void;
  step(step: 'resolve' | 'decide' | 'record', seconds: number): void;
  settled(result: Outcome['result'], upstreamSeconds: number | undefined): void;
}

/** Refusals of somebody who is known, which stand on the log. */
type Refused = Exclude<TokenState, 'live'> | 'token_audience' | 'scope_missing' | 'proof_invalid';

const DEAD: Readonly<Record<Refused, string>> = {
  token_expired: 'credential: the token has expired',
  token_revoked: 'credential: the token was revoked',
  agent_revoked: 'containment: the agent is revoked',
  agent_suspended: 'containment: the agent is suspended',
  agent_expired: 'credential: the agent was valid until an earlier time',
  workspace_stopped: 'containment: the workspace is stopped',
  delegation_ended: 'containment: an agent on whose behalf this one acts may not act now, or has ended it',
  token_audience: 'credential: the token is for another resource',
  scope_missing: 'credential: the scope of the token does not cover this',
  proof_invalid: 'credential: the token is bound to a key, and the request does not prove that it has it',
};

const tracer = trace.getTracer('hivekey');

export function createActionPath(options: ActionPathOptions): ActionPath {
  return new Path(options);
}

class Path implements ActionPath {
  readonly #pool: Pool;
  readonly #log: ActionLog;
  readonly #digest: KeyObject;
  readonly #clock: () => number;
  readonly #observe: PathObserver | undefined;
  readonly #holds: Holds | undefined;
  readonly #prerequisites: Prerequisites | undefined;
  /** Successes that are being kept: who needs them waits for these. */
  readonly #marking = new Set<Promise<void>>();
  readonly #unregistered: ActionPathOptions['unregistered'];
  readonly #proofs: ProofOptions | undefined;
  readonly #authenticator: Authenticator;
  readonly #policies: Policies;
  readonly #calls = new CallsInFlight();
  /** Which call a permit belongs to; a permit that is not here has been settled. */
  readonly #permits = new WeakMap<Permit, Call>();
  /** How far the database's clock was before ours, when it was last found to differ in what is in force. */
  #databaseAheadMs = 0;
  #closing = false;

  constructor(options: ActionPathOptions) {
    this.#pool = options.pool;
    this.#log = options.log;
    this.#digest = options.digest;
    this.#clock = options.clock ?? Date.now;
    this.#observe = options.observe;
    this.#holds = options.holds;
    this.#prerequisites = options.prerequisites;
    this.#unregistered = options.unregistered;
    this.#proofs = options.proofs;
    this.#authenticator = new Authenticator(options.pool, options.pepper, this.#clock);
    this.#policies = new Policies(options.pool, options.provenPolicy);
  }

  async authenticate(token: string | undefined, attempt: Attempt): Promise<Principal | Unauthenticated | Unavailable> {
    if (token === undefined) return this.#unauthenticated('token_missing');
    let holder: TokenHolder | AccessHolder | undefined;
    try {
      holder = await this.#authenticator.find(token, attempt.willRecord === true);
    } catch {
      return this.#unavailable('log_unavailable');
    }
    if (holder === undefined) {
      this.#unregistered?.noteToken(token, attempt.sourceAddress);
      return this.#unauthenticated('token_invalid');
    }
    const { access } = holder;
    if (holder.state === 'live')
      return access === undefined
        ? this.#bearer(holder.principal, attempt)
        : this.#presented(token, holder.principal, access, attempt);
    if (holder.state === 'agent_revoked') {
      const { workspaceId, agentId, agent, tokenId } = holder.principal;
      const identity = `${agent} ${tokenId}`;
      const source = attempt.sourceAddress;
      this.#unregistered?.noteUnregistered({ workspaceId, kind: 'retired_token', identity, source, agentId });
    }
    return this.#refuseDead(holder.principal, holder.state, attempt);
  }

  #enter({ workspaceId, agentId, agent, chain }: Principal, capability: string): Call {
    return this.#calls.enter(workspaceId, agentId, agent, capability, chain);
  }

  /** An agent token is bound to no key. */
  #bearer(principal: Principal, { presented }: Attempt): Principal | Unauthenticated {
    return typeof presented === 'object' && presented.scheme === 'dpop'
      ? this.#unauthenticated('token_invalid')
      : principal;
  }

  /** An access token is good for its resource, its scope, and whoever has its key. */
  async #presented(
    token: string,
    principal: Principal,
    { resource, entrances, jkt }: NonNullable<TokenHolder['access']>,
    attempt: Attempt,
  ): Promise<Principal | Unauthenticated | Unavailable> {
    const { presented, entrance = 'mcp' } = attempt;
    if (presented === 'again') return principal;
    if (presented === undefined || !covers(resource, presented.resource))
      return this.#refuseDead(principal, 'token_audience', attempt);
    if (!entrances.includes(entrance === 'authzen' ? 'actions' : entrance))
      return this.#refuseDead(principal, 'scope_missing', attempt);
    if (jkt === undefined)
      return presented.scheme === 'bearer' ? principal : this.#refuseDead(principal, 'proof_invalid', attempt);
    if (presented.scheme !== 'dpop' || this.#proofs === undefined)
      return this.#refuseDead(principal, 'proof_invalid', attempt);
    const { key, url } = this.#proofs;
    const { proof, method, path } = presented;
    const now = this.#clock();
    const verdict = await verifyProof({ proof, method, url: url + path, token, jkt }, key, now);
    if (verdict.kind === 'nonce') return { ...this.#unauthenticated('proof_nonce'), nonce: newNonce(key, now) };
    if (verdict.kind === 'invalid') return this.#refuseDead(principal, 'proof_invalid', attempt);
    const { jti, expiresAt } = verdict;
    try {
      const isFirst = await acceptOnce(this.#pool, principal.workspaceId, {
        kind: 'dpop',
        issuer: jkt,
        jti,
        expiresAt,
      });
      return isFirst ? principal : this.#refuseDead(principal, 'proof_invalid', attempt);
    } catch {
      return this.#unavailable('log_unavailable');
    }
  }

  async principalOf(
    { workspaceId, keyId: tokenId, expiresAtMs: tokenExpiresAtMs = Number.POSITIVE_INFINITY }: EnforcementPoint,
    agent: string,
    attempt: Attempt,
  ): Promise<Principal | undefined | Unauthenticated | Unavailable> {
    let found: TokenHolder | undefined;
    try {
      found = await findAgent(this.#pool, workspaceId, agent, { tokenId, tokenExpiresAtMs });
    } catch {
      return this.#unavailable('log_unavailable');
    }
    // Nobody asks about an agent that exists for a test alone.
    if (found?.principal.synthetic === true) return undefined;
    if (found === undefined || found.state === 'live') return found?.principal;
    return this.#refuseDead(found.principal, found.state, attempt);
  }

  async authorize(credential: string | Reauthenticate, principal: Principal, resolve: Resolve): Promise<Authorization> {
    const authorization = await this.#authorize(credential, principal, resolve, undefined);
    // Only what waits for an approval is sent back without end, and that was not asked for.
    return authorization.kind === 'moved' ? this.#unavailable('overloaded') : authorization;
  }

  resume(
    approvalId: string,
    credential: string | Reauthenticate,
    principal: Principal,
    resolve: Resolve,
  ): Promise<Authorization | Moved> {
    return this.#authorize(credential, principal, resolve, approvalId);
  }

  async #authorize(
    credential: string | Reauthenticate,
    principal: Principal,
    resolve: Resolve,
    approvalId: string | undefined,
  ): Promise<Authorization | Moved> {
    if (this.#closing) return this.#unavailable('shutting_down');
    const span = tracer.startSpan('hivekey.authorize');
    // Nobody traces: there is no context to carry.
    if (span.spanContext() === INVALID_SPAN_CONTEXT)
      return this.#decideAndRecord(credential, principal, resolve, approvalId);
    return context.with(trace.setSpan(context.active(), span), async () => {
      try {
        const authorization = await this.#decideAndRecord(credential, principal, resolve, approvalId);
        span.setAttributes({ 'hivekey.agent': principal.agent, 'hivekey.result': authorization.kind });
        if ('decision' in authorization) {
          span.setAttributes({
            'hivekey.capability': authorization.action.capability,
            'hivekey.verdict': authorization.decision.verdict,
            'hivekey.event_id': authorization.eventId,
          });
        }
        return authorization;
      } catch (error) {
        fail(span, error);
        throw error;
      } finally {
        span.end();
      }
    });
  }

  async #decideAndRecord(
    credential: string | Reauthenticate,
    first: Principal,
    resolve: Resolve,
    approvalId: string | undefined,
  ): Promise<Authorization | Moved> {
    let principal = first;
    // What a delegated call waited for would be released for whoever acts then: it does not wait.
    if (approvalId !== undefined && principal.chain !== undefined) return this.#unauthenticated('scope_missing');
    for (let round = 0; round < MAX_DECISIONS; round += 1) {
      const resolveStart = performance.now();
      const action = await resolve(principal);
      const decideStart = performance.now();
      let policy: PolicyInForce;
      try {
        policy = await this.#policies.current(principal.workspaceId);
      } catch {
        return this.#unavailable('policy_unavailable');
      }
      if (action.catalogueVersion !== undefined && action.catalogueVersion !== policy.catalogueVersion) {
        // One of the two was read before the last change of what servers offer: both are read again.
        this.#policies.outdated(principal.workspaceId, policy);
        continue;
      }
      let state: StateView;
      let evaluation: Evaluation;
      try {
        state = await this.#state(policy, principal, action);
        evaluation = decide(policy, principal, action, state);
        if (principal.chain !== undefined) evaluation = await this.#decideForAll(policy, principal, action, evaluation);
      } catch {
        return this.#unavailable('policy_unavailable');
      }
      const recordStart = performance.now();
      const call = this.#enter(principal, action.capability);
      const intent = { ...this.#intent(principal, action, evaluation, policy.compiled), ...provenanceIn(state) };
      const gated = this.#gated(intent, policy);
      const release = approvalId === undefined ? undefined : gated && this.#holds?.release(approvalId, gated);
      const hold = approvalId === undefined && canHold(evaluation) ? gated && this.#holds?.hold(gated) : undefined;
      const isUntrusted = policy.compiled.content(action.capability) === 'untrusted';
      const gate = joinGates([
        release ?? hold,
        this.#prerequisites?.gate(principal.workspaceId, evaluation),
        ...(isUntrusted && evaluation.verdict !== 'deny'
          ? [principal, ...(principal.chain ?? [])].map((each) => markGate(each, state.atMs ?? 0))
          : []),
      ]);
      // Without its gate it would run and leave the approval as it is.
      if (approvalId !== undefined && release === undefined)
        throw new Error('an action without a resumption is resumed');
      let result: RecordResult;
      try {
        result = await this.#log.recordIntent(gate === undefined ? intent : { ...intent, gate });
      } catch (error) {
        this.#calls.leave(call, undefined);
        return this.#unavailable(codeOf(error) === 'overloaded' ? 'overloaded' : 'log_unavailable');
      }
      this.#observe?.step('resolve', (decideStart - resolveStart) / 1000);
      this.#observe?.step('decide', (recordStart - decideStart) / 1000);
      this.#observe?.step('record', (performance.now() - recordStart) / 1000);
      if (result.kind === 'recorded' && isUntrusted && result.decision.verdict === 'allow')
        this.#markUntrusted(principal, action, state);
      if (result.kind === 'recorded')
        return this.#outcomeOf(call, intent, result, policy.compiled, hold?.ticket, approvalId !== undefined);

      this.#calls.leave(call, undefined);
      if (result.what === 'approval') {
        if (approvalId !== undefined) return { kind: 'moved' };
        continue;
      }
      if (result.what === 'time') {
        this.#databaseAheadMs = result.nowMs - this.#clock();
        continue;
      }
      if (result.what === 'policy') {
        this.#policies.outdated(principal.workspaceId, policy);
        continue;
      }
      const attempt: Attempt = {
        tool: action.tool,
        entrance: action.entrance,
        ...(action.sourceAddress === undefined ? {} : { sourceAddress: action.sourceAddress }),
      };
      const again = await (typeof credential === 'string'
        ? this.authenticate(credential, { ...attempt, presented: 'again' })
        : credential(attempt));
      if ('kind' in again) return again;
      principal = again;
    }
    return this.#unavailable('overloaded');
  }

  /** The same call, decided as if each of those had made it on whose behalf it is. */
  async #decideForAll(
    policy: PolicyInForce,
    { roles, chain = [] }: Principal,
    action: Action,
    own: Evaluation,
  ): Promise<Evaluation> {
    const others = chain.map(async (delegator) => {
      const subject = { ...delegator, roles };
      return decide(policy, subject, action, await this.#state(policy, subject, action));
    });
    return decidedForAll(own, await Promise.all(others));
  }

  async dryRun(subject: DryRunSubject, action: Action): Promise<Decision | Unavailable> {
    let policy: PolicyInForce;
    let atMs: number;
    try {
      ({ policy, atMs } = await this.#policies.newest(subject.workspaceId));
    } catch {
      return this.#unavailable('policy_unavailable');
    }
    try {
      const evaluation = decide(policy, subject, action, await this.#state(policy, subject, action, atMs));
      return settle(evaluation, await this.#log.usage(subject.workspaceId, evaluation.demands));
    } catch {
      return this.#unavailable('log_unavailable');
    }
  }

  #outcomeOf(
    call: Call,
    { principal, action, evaluation: { meets, leaves } }: Intent,
    recorded: Extract<RecordResult, { kind: 'recorded' }>,
    policy: CompiledPolicy,
    approval: ApprovalTicket | undefined,
    isApproved: boolean,
  ): Authorization {
    const { eventId, reservations } = recorded;
    // The record has all of it; an agent learns nothing of what others have used.
    const decision = toldToAgent(recorded.decision);
    this.#observe?.decided(decision.verdict, decision.reasonClass, action.entrance);
    const { shadow } = recorded.decision;
    if (shadow !== undefined)
      this.#observe?.shadowed(decision.verdict, shadow.some(({ result }) => result === 'deny') ? 'deny' : 'review');
    if (decision.verdict === 'allow') {
      call.eventId = eventId;
      const settlement = policy.settlement(action.capability);
      const reference = policy.reference(action.capability);
      const permit: Permit = {
        kind: 'permit',
        principal,
        action,
        decision,
        eventId,
        signal: call.stop,
        startedAtMs: this.#clock(),
        beginByMs: call.beginByMs,
        ...(reservations === undefined ? {} : { reservations }),
        ...(settlement === undefined ? {} : { settlement }),
        ...(reference === undefined ? {} : { reference }),
        ...(meets === undefined ? {} : { meets: true }),
        // An agent's word about its own tool counts where people had allowed the call.
        ...(leaves === undefined || (action.entrance !== 'mcp' && !isApproved) ? {} : { leaves }),
      };
      this.#permits.set(permit, call);
      return permit;
    }
    this.#calls.leave(call, undefined);
    if (decision.verdict === 'deny') return { kind: 'refused', principal, action, decision, eventId };
    return { kind: 'held', principal, action, decision, eventId, ...(approval === undefined ? {} : { approval }) };
  }

  async settle(permit: Permit, outcome: Outcome): Promise<void> {
    const call = this.#permits.get(permit);
    if (call === undefined) throw new Error(`permit ${permit.eventId} was settled before`);
    this.#permits.delete(permit);
    this.#observe?.settled(outcome.result, outcome.upstreamMs === undefined ? undefined : outcome.upstreamMs / 1000);
    const written = this.#log.recordOutcome(permit, { ...outcome, ...takenOut(permit, outcome) });
    this.#calls.leave(call, outcome);
    if (permit.leaves !== undefined && isDone(outcome)) this.#waitFor(written);
    // What an agent says of its own tool is no proof of anything.
    if (permit.meets === true && isDone(outcome) && isCarriedOutHere(permit)) await this.#markDone(permit, written);
    await written;
  }

  async #markDone({ principal, eventId }: Permit, written: Promise<void>): Promise<void> {
    const marked = written
      .then(() => this.#prerequisites?.done(principal.workspaceId, eventId))
      // Who needs it is refused then, and it can be done again.
      .catch(() => undefined);
    this.#waitFor(marked);
    await marked;
  }

  /** What the call leaves is looked for once this is done. It must not reject. */
  #waitFor(written: Promise<void>): void {
    this.#marking.add(written);
    void written.then(() => this.#marking.delete(written));
  }

  release(permit: Permit): void {
    const call = this.#permits.get(permit);
    if (call === undefined) return;
    this.#permits.delete(permit);
    this.#log.handOver(permit);
    this.#calls.leave(call, undefined);
  }

  async policy(workspaceId: WorkspaceId): Promise<PolicyInForce['compiled']> {
    return (await this.#policies.current(workspaceId)).compiled;
  }

  async stoppedTools(workspaceId: WorkspaceId): Promise<ReadonlySet<string>> {
    return (await this.#policies.current(workspaceId)).stoppedTools;
  }

  async granted(principal: Principal): Promise<ReadonlySet<string>> {
    return (await this.policy(principal.workspaceId)).granted(principal.roles);
  }

  stop(workspaceId: WorkspaceId, target: StopTarget, graceMs = STOP_GRACE_MS): Promise<StopReport> {
    this.#authenticator.forget(workspaceId);
    return this.#calls.stop(workspaceId, target, graceMs);
  }

  invalidate(workspaceId: WorkspaceId, agentId?: AgentId): void {
    this.#authenticator.forget(workspaceId, agentId);
    this.#policies.changed(workspaceId);
  }

  onStop(workspaceId: WorkspaceId, agentId: AgentId, close: () => void, chain?: Principal['chain']): () => void {
    return this.#calls.addSession({ workspaceId, agentId, chain, close });
  }

  onPolicyChange(listener: (workspaceId: WorkspaceId) => void): () => void {
    return this.#policies.onChange(listener);
  }

  onPolicyRead(listener: (workspaceId: WorkspaceId) => void): () => void {
    return this.#policies.onRead(listener);
  }

  distrust(workspaceId: WorkspaceId, distrust: Distrust | undefined): void {
    this.#policies.distrust(workspaceId, distrust);
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    await this.#calls.drain(graceMs);
  }

  /** What has a say beside the policy, as far as it is known here; the record's transaction knows it for sure. */
  async #state(
    { compiled, toolRisks }: PolicyInForce,
    subject: DryRunSubject,
    action: Action,
    nowMs?: number,
  ): Promise<StateView> {
    const request = requestOf(subject, action);
    const keys = compiled.prerequisites(request);
    const values = compiled.usedValues(request);
    const asked =
      keys.length === 0 && values.length === 0 ? undefined : await this.#before(subject.workspaceId, keys, values);
    const atMs = nowMs ?? Math.floor(this.#clock() + this.#databaseAheadMs);
    const provenance = provenanceOf(subject, action, atMs);
    const ofTool = toolRisks.get(action.capability);
    const { risks: ofAgent = NO_RISKS } = subject;
    const risks = ofTool === undefined ? ofAgent : [...ofAgent, ...ofTool];
    return { atMs, provenance, risks, ...asked };
  }

  /** Before the caller hears of its permit. The agent's row has been marked with the record. */
  #markUntrusted(principal: Principal, action: Action, { atMs }: StateView): void {
    if (action.sessionMark !== undefined) action.sessionMark.isUntrusted = true;
    // What is held of the agent is older than its row now: the next call would find that out too late.
    for (const each of [principal, ...(principal.chain ?? [])])
      if (markGate(each, atMs ?? 0) !== undefined) this.#authenticator.forget(each.workspaceId, each.agentId);
  }

  /** What earlier calls have left under these keys. */
  async #before(
    workspaceId: WorkspaceId,
    keys: readonly string[],
    values: readonly string[],
  ): Promise<Pick<StateView, 'prerequisites' | 'used'>> {
    await Promise.all(this.#marking);
    const [prerequisites, used] = await Promise.all([
      keys.length === 0 ? undefined : this.#prerequisites?.find(workspaceId, keys),
      values.length === 0 ? undefined : this.#log.usedValues(workspaceId, values),
    ]);
    return { ...(prerequisites === undefined ? {} : { prerequisites }), ...(used === undefined ? {} : { used }) };
  }

  #intent(principal: Principal, action: Action, evaluation: Evaluation, policy: CompiledPolicy): Intent {
    // Problems with arguments name members, and the caller chose their names.
    const reason = maskCredentials(evaluation.reason);
    const redactedArguments = redactArguments(action.arguments, action.sensitivePaths);
    const approvalThreshold = policy.approvalThreshold(principal.roles, action.capability);
    return {
      principal,
      action,
      evaluation: reason === evaluation.reason ? evaluation : { ...evaluation, reason },
      redactedArguments,
      about: policy.about(action.capability, redactedArguments),
      ...(approvalThreshold === undefined ? {} : { approvalThreshold }),
      argumentsDigest: this.#keyedDigest(principal.workspaceId, action.argumentsJson),
    };
  }

  #keyedDigest(workspaceId: WorkspaceId, text: string): string {
    return `hmac-sha256:${createHmac('sha256', this.#digest).update(`${workspaceId}\0${text}`).digest('hex')}`;
  }

  /** Undefined where the action cannot wait. */
  #gated({ principal, action, argumentsDigest }: Intent, { set }: PolicyInForce): GatedIntent | undefined {
    const { resumption } = action;
    if (resumption === undefined || this.#holds === undefined || principal.chain !== undefined) return undefined;
    return {
      principal,
      action: { ...action, resumption },
      argumentsDigest,
      // Made only where they are asked for: most calls are neither held nor released.
      requestDigest: () => this.#keyedDigest(principal.workspaceId, canonicalJson(resumption.request())),
      appliedPolicy: () => appliedPolicy(set, principal.roles, action.capability),
      requirement: (trace) => approvalRequirement(set, trace),
    };
  }

  /** Whoever held this token is known, so the attempt goes on the log; when it cannot, the answer is 503 and still a refusal. */
  async #refuseDead(principal: Principal, state: Refused, attempt: Attempt): Promise<Unauthenticated | Unavailable> {
    const reason = DEAD[state];
    const action: Action = {
      entrance: attempt.entrance ?? 'mcp',
      capability: attempt.tool,
      tool: attempt.tool,
      known: false,
      arguments: {},
      argumentsJson: '{}',
      ...(attempt.sourceAddress === undefined ? {} : { sourceAddress: attempt.sourceAddress }),
      receivedAtMs: this.#clock(),
    };
    try {
      const { compiled } = await this.#policies.current(principal.workspaceId);
      const evaluation = refuse(compiled, reason.startsWith('credential') ? 'credential' : 'containment', reason);
      await this.#log.recordIntent({ ...this.#intent(principal, action, evaluation, compiled), evenIfStopped: true });
    } catch {
      return this.#unavailable('log_unavailable');
    }
    return this.#unauthenticated(state);
  }

  #unauthenticated(code: Unauthenticated['code']): Unauthenticated {
    this.#observe?.refusedCredential(code);
    return { kind: 'unauthenticated', code };
  }

  #unavailable(code: Unavailable['code']): Unavailable {
    this.#observe?.unavailable(code);
    return { kind: 'unavailable', code };
  }
}

/** It stands on every record, whether or not a guard asked. */
function provenanceIn({ provenance }: StateView): Pick<Intent, 'provenance'> {
  return provenance === undefined ? {} : { provenance };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function fail(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'error' });
}

/** What went out with a call that was begun. Nothing is said of one whose fate is told without it. */
function takenOut({ action, decision }: Permit, { result, spent }: Outcome): Pick<Outcome, 'bytesOut' | 'rowsOut'> {
  if (result === 'not_attempted') return {};
  const rowsOut = result === 'success' ? (spent?.[ROWS] ?? decision.impact[ROWS]) : undefined;
  return {
    bytesOut: Buffer.byteLength(action.argumentsJson),
    ...(rowsOut === undefined ? {} : { rowsOut }),
  };
}

function isCarriedOutHere({ action: { entrance } }: Permit): boolean {
  return entrance === 'mcp' || entrance === 'http';
}
