/** The answers a governed request can get other than its upstream's result. */
import type { JsonObject } from '@hivekey/policy';
import type { CallApproval } from '../../approvals/index.ts';
import type { Refusal } from '../../path/index.ts';
import type { UpstreamAnswer } from '../../upstreams/index.ts';
import type { Caller } from './caller.ts';
import type { Answerer } from './exchange.ts';
import { RULE } from './resolve.ts';
import type { Target } from './target.ts';
import { CODE, isObject, type RpcError } from './wire.ts';
import {
  endedWords,
  errorOf,
  failureWords,
  heldWords,
  inputRefusedWords,
  misfitWords,
  refusalWords,
  toolErrorResult,
  type Words,
  waitingWords,
} from './words.ts';

/** The call as its answer names it. */
export interface Carried {
  readonly eventId: string;
  /** Whether an operator stopped it. */
  readonly signal: Pick<AbortSignal, 'aborted'>;
}

type UpstreamError = Extract<UpstreamAnswer, { kind: 'error' }>;
type UpstreamFailure = Extract<UpstreamAnswer, { kind: 'failed' }>;

/** Codes about the hop between gateway and upstream, which say nothing of this client's request. */
const HOP_CODES: ReadonlySet<number> = new Set([CODE.headerMismatch, CODE.unsupportedVersion, CODE.parseError]);

export class Reply {
  readonly #exchange: Answerer;
  readonly #caller: Caller;
  readonly #target: Target;
  readonly #origin: string | undefined;

  /** `origin`: of the console, where people decide. */
  constructor(exchange: Answerer, caller: Caller, target: Target, origin: string | undefined) {
    this.#origin = origin;
    this.#exchange = exchange;
    this.#caller = caller;
    this.#target = target;
  }

  refused({ decision, eventId }: Refusal, nowMs: number): void {
    // Hidden and absent: the same bytes.
    if (decision.reasonClass === 'scope') this.#exchange.error(200, this.#target.unknown);
    else if (decision.rule === RULE.headers)
      this.#exchange.error(400, { code: CODE.headerMismatch, message: `Bad Request: ${decision.reason}` });
    else if (decision.rule === RULE.state)
      this.#exchange.error(200, {
        code: CODE.invalidParams,
        message: 'Invalid or expired requestState',
        data: { reason: 'invalid_request_state' },
      });
    else if (decision.rule === RULE.schema) this.#words(misfitWords(decision, eventId), CODE.refused);
    else this.#words(refusalWords(decision, eventId, nowMs), CODE.refused);
  }

  /** Held, and not to be waited for. */
  held({ decision, eventId }: Pick<Refusal, 'decision' | 'eventId'>): void {
    this.#words(heldWords(decision, eventId), CODE.held);
  }

  /** Not decided yet, or not carried out yet: the client has to come back. */
  waiting(approval: CallApproval): void {
    this.#words(waitingWords(approval, this.#origin), CODE.held);
  }

  /** Decided against, or over without a result to give. */
  ended(approval: CallApproval): void {
    this.#words(endedWords(approval), CODE.refused);
  }

  /** The upstream wants something of the client that this agent may not pass on. */
  inputRefused(namespace: string, reason: string, permit: Carried): void {
    this.#words(inputRefusedWords(namespace, reason, permit.eventId), CODE.refused);
  }

  failed(namespace: string, failure: UpstreamFailure, permit: Carried): void {
    this.#words(failureWords(namespace, failure, permit.signal.aborted, permit.eventId), CODE.upstreamUnavailable);
  }

  /** `presented`: the client capabilities the upstream was told of. */
  upstreamError(namespace: string, { error }: UpstreamError, presented: JsonObject, permit: Carried): void {
    if (HOP_CODES.has(error.code)) {
      this.failed(namespace, { kind: 'failed', code: 'upstream_protocol_error', began: true }, permit);
    } else if (error.code === CODE.missingClientCapability) {
      this.#missingCapability(namespace, error, presented, permit);
    } else {
      this.#exchange.error(200, asRpcError(error));
    }
  }

  /** -32021 is about what we told the upstream; only what the client itself left out is passed on as such. */
  #missingCapability(namespace: string, error: UpstreamError['error'], presented: JsonObject, permit: Carried): void {
    const needed = neededCapabilities(error.data);
    const withheld = Object.keys(needed).filter(
      (name) => this.#caller.clientCapabilities[name] !== undefined && presented[name] === undefined,
    );
    if (withheld.length > 0) {
      const names = withheld.map((name) => `${namespace}.${name}`).join(', ');
      this.inputRefused(namespace, `${names} is not granted`, permit);
    } else if (this.#caller.era === 'modern') {
      const { code, message } = error;
      this.#exchange.error(400, { code, message, data: { requiredCapabilities: needed } });
    } else {
      this.inputRefused(namespace, `this client does not offer ${Object.keys(needed).join(', ')}`, permit);
    }
  }

  #words(words: Words, code: number): void {
    if (this.#target.method !== 'tools/call') this.#exchange.error(200, errorOf(words, code));
    else if (this.#caller.era === 'legacy') this.#exchange.result(toolErrorResult(words));
    else this.#exchange.result({ ...toolErrorResult(words), resultType: 'complete' });
  }
}

/** Upstream data came out of a JSON document: whatever is there is a JSON value. */
function asRpcError({ code, message, data }: UpstreamError['error']): RpcError {
  return data === undefined ? { code, message } : { code, message, data: JSON.parse(JSON.stringify(data)) };
}

function neededCapabilities(data: unknown): JsonObject {
  const { data: value } = asRpcError({ code: 0, message: '', data });
  return isObject(value) && isObject(value.requiredCapabilities) ? value.requiredCapabilities : {};
}
