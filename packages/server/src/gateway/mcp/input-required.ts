/**
 * `resultType: "input_required"` of modern upstreams. A modern client gets it one to one, with the
 * upstream's state sealed to agent and call; for a legacy client the gateway asks on the open stream and
 * repeats the request with the answers.
 */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import type { Action, Permit, Principal } from '../../path/index.ts';
import { abortSignalOf } from '../../stop-signal.ts';
import type { UpstreamAnswer, UpstreamServer } from '../../upstreams/index.ts';
import type { Gateway, LegacyCaller, ModernCaller } from './caller.ts';
import { askClient, authorizeInput, type InputRequest, isPresented, readInputRequest } from './client-input.ts';
import type { Answerer } from './exchange.ts';
import { settle } from './outcome.ts';
import type { Binding } from './sealed.ts';
import { isObject } from './wire.ts';

/** A person may be asked things one after the other, but not without end. */
const MAX_ROUNDS = 8;
const MAX_REQUESTS = 16;
/** Pause before repeating a request whose upstream wants nothing but to be asked again. */
const POLL_PAUSE_MS = 500;
const STATE_TTL_MS = 60 * 60 * 1000;

/** Methods whose result may ask for input (revision 2026-07-28, multi-round-trip requests). */
const METHODS: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

export function asksForInput(method: string, server: UpstreamServer, answer: UpstreamAnswer): boolean {
  return (
    answer.kind === 'result' &&
    answer.result.resultType === 'input_required' &&
    server.era === 'modern' &&
    METHODS.has(method)
  );
}

function bindingOf(principal: Principal): Binding {
  return { purpose: 'request-state', workspaceId: principal.workspaceId, agentId: principal.agentId };
}

/** A retry carries the same call: name and arguments are part of what the state is bound to. */
function callDigest(action: Pick<Action, 'capability' | 'argumentsJson'>): string {
  return createHash('sha256')
    .update(JSON.stringify([action.capability, action.argumentsJson]))
    .digest('base64url');
}

export type StateRead =
  | { readonly ok: true; readonly state?: string; readonly waiting?: WaitingState }
  | { readonly ok: false };

/** A leg of a call that waits for people. */
export interface WaitingState {
  readonly approval: string;
  /** Legs so far. */
  readonly legs: number;
}

/** The state with which the next leg of a waiting call finds its approval; good until `untilMs`. */
export function sealWaitingState(
  gateway: Gateway,
  principal: Principal,
  action: Pick<Action, 'capability' | 'argumentsJson'>,
  { approval, legs }: WaitingState,
  untilMs: number,
): string {
  const value = { call: callDigest(action), approval, legs };
  return gateway.sealer.seal(bindingOf(principal), value, untilMs - gateway.settings.clock());
}

/** The upstream's own state out of a retry, if it is a retry of this very call by this agent. */
export function openRequestState(
  gateway: Gateway,
  principal: Principal,
  action: Pick<Action, 'capability' | 'argumentsJson'>,
  sealed: JsonValue | undefined,
): StateRead {
  if (sealed === undefined) return { ok: true };
  if (typeof sealed !== 'string') return { ok: false };
  const value = gateway.sealer.open(bindingOf(principal), sealed);
  if (value === undefined || value.call !== callDigest(action)) return { ok: false };
  if (typeof value.approval === 'string' && typeof value.legs === 'number')
    return { ok: true, waiting: { approval: value.approval, legs: value.legs } };
  if (typeof value.state !== 'string') return { ok: false };
  return { ok: true, state: value.state };
}

export type Presentable =
  | { readonly ok: true; readonly result: JsonObject }
  | { readonly ok: false; readonly reason: string };

/** The result as a modern client may see it: every request in it decided and recorded, the state sealed. */
export async function presentInputRequired(
  gateway: Gateway,
  caller: ModernCaller,
  server: UpstreamServer,
  permit: Permit,
  presented: JsonObject,
  result: JsonObject,
): Promise<Presentable> {
  const requests = readRequests(result.inputRequests);
  if (requests === undefined) return { ok: false, reason: 'its input requests are malformed' };
  for (const [, request] of requests) {
    if (!isPresented(request, presented)) return { ok: false, reason: `${request.method} is not granted` };
    const authorization = await authorizeInput(gateway, caller, server, request);
    if (authorization.kind !== 'permit') {
      const reason = 'decision' in authorization ? authorization.decision.reason : 'it could not be decided';
      return { ok: false, reason };
    }
    // The answer comes with another request, if at all; what is known is that the client was asked.
    settle(gateway, authorization, { result: 'success' });
  }
  if (typeof result.requestState !== 'string') return { ok: true, result };
  const value = { call: callDigest(permit.action), state: result.requestState };
  const requestState = gateway.sealer.seal(bindingOf(permit.principal), value, STATE_TTL_MS);
  return { ok: true, result: { ...result, requestState } };
}

function readRequests(value: JsonValue | undefined): readonly (readonly [string, InputRequest])[] | undefined {
  if (value === undefined) return [];
  if (!isObject(value)) return undefined;
  const requests: (readonly [string, InputRequest])[] = [];
  for (const [key, entry] of Object.entries(value)) {
    const request = readInputRequest(entry);
    if (request === undefined || requests.length >= MAX_REQUESTS) return undefined;
    requests.push([key, request]);
  }
  return requests;
}

export interface Fulfilled {
  /** The upstream's last answer. */
  readonly answer: UpstreamAnswer;
  /** Why it did not get what it asked for. */
  readonly refused?: string;
}

/** Asks the legacy client and repeats the request until the upstream has what it wants. `again` sends it with the answers added. */
export async function fulfil(
  gateway: Gateway,
  caller: LegacyCaller,
  exchange: Answerer,
  server: UpstreamServer,
  presented: JsonObject,
  first: UpstreamAnswer,
  again: (added: JsonObject) => Promise<UpstreamAnswer>,
): Promise<Fulfilled> {
  let answer = first;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (answer.kind !== 'result' || answer.result.resultType !== 'input_required') return { answer };
    const requests = readRequests(answer.result.inputRequests);
    if (requests === undefined) return { answer, refused: 'its input requests are malformed' };
    const missing = requests.find(([, request]) => !isPresented(request, presented));
    if (missing !== undefined) return { answer, refused: `${missing[1].method} is not granted` };
    const { requestState } = answer.result;
    const state = typeof requestState === 'string' ? { requestState } : {};
    if (requests.length === 0) {
      if (state.requestState === undefined) return { answer, refused: 'it asks for nothing' };
      await delay(POLL_PAUSE_MS, undefined, { signal: abortSignalOf(exchange.signal) }).catch(() => undefined);
      answer = await again(state);
      continue;
    }
    const asked = await ask(gateway, caller, exchange, server, requests);
    if ('reason' in asked) return { answer, refused: asked.reason };
    answer = await again({ inputResponses: asked.responses, ...state });
  }
  return { answer, refused: `it asked more than ${MAX_ROUNDS} times` };
}

async function ask(
  gateway: Gateway,
  caller: LegacyCaller,
  exchange: Answerer,
  server: UpstreamServer,
  requests: readonly (readonly [string, InputRequest])[],
): Promise<{ readonly responses: JsonObject } | { readonly reason: string }> {
  // One failed answer makes the others useless: the client is told to drop them.
  const rest = new AbortController();
  const signal = AbortSignal.any([rest.signal, abortSignalOf(exchange.signal)]);
  try {
    const answers = await Promise.all(
      requests.map(async ([key, request]) => {
        try {
          return [key, await askClient(gateway, caller, exchange, server, request, signal)] as const;
        } catch (error) {
          rest.abort();
          throw error;
        }
      }),
    );
    return { responses: Object.fromEntries(answers) };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : 'the client did not answer' };
  }
}
