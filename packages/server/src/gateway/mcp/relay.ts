/** Which notifications of an upstream reach the client while its request is being answered, and how many. */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { isObject, LOG_LEVELS, notificationMessage } from './wire.ts';

/** Notifications of one call or stream: this many at once, and this many more each second. */
const BURST = 200;
const PER_SECOND = 100;

export interface RelayOptions {
  /** Token the client waits for; without one it wants no progress. */
  readonly clientToken: JsonValue | undefined;
  /** Token sent upstream in its place: client tokens are unique for one stream only. */
  readonly upstreamToken: string;
  /** Mildest level to pass; undefined passes none. */
  readonly logLevel: string | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** Against upstreams that flood: what exceeds it is dropped. */
export class Allowance {
  readonly #now: () => number;
  #left = BURST;
  #filledAtMs: number;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#filledAtMs = now();
  }

  take(): boolean {
    const now = this.#now();
    this.#left = Math.min(BURST, this.#left + ((now - this.#filledAtMs) / 1000) * PER_SECOND);
    this.#filledAtMs = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

export class NotificationRelay {
  readonly #options: RelayOptions;
  readonly #allowance: Allowance;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#allowance = new Allowance(options.now);
  }

  /** The message to send to the client, or undefined when it is not for it. List changes are announced by the gateway itself. */
  accept(message: JsonObject): string | undefined {
    const { method, params } = message;
    if (!isObject(params)) return undefined;
    if (method === 'notifications/progress') {
      const { clientToken, upstreamToken } = this.#options;
      if (clientToken === undefined || params.progressToken !== upstreamToken || !this.#allowance.take())
        return undefined;
      return notificationMessage(method, { ...params, progressToken: clientToken });
    }
    if (method === 'notifications/message')
      return passesLevel(params.level, this.#options.logLevel) && this.#allowance.take()
        ? notificationMessage(method, params)
        : undefined;
    return undefined;
  }
}

export function passesLevel(level: JsonValue | undefined, threshold: string | undefined): boolean {
  if (threshold === undefined || typeof level !== 'string') return false;
  const at = LOG_LEVELS.indexOf(level);
  return at !== -1 && at >= LOG_LEVELS.indexOf(threshold);
}
