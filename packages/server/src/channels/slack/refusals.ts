/** Anybody in a Slack workspace can click: what an account that is nobody's clicks is recorded a few times a minute. */
import type { Account } from './payload.ts';

const RECORDED_A_MINUTE = 5;

/** Of one node, for the minute that runs. */
export class Refusals {
  readonly #clock: () => number;
  readonly #recorded = new Map<string, number>();
  #minute = 0;

  /** `clock`: epoch milliseconds. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Counts; false when the account had its records of this minute. */
  mayRecord({ team, user }: Account): boolean {
    const minute = Math.floor(this.#clock() / 60_000);
    if (minute !== this.#minute) this.#recorded.clear();
    this.#minute = minute;
    const account = `${team}/${user}`;
    const recorded = this.#recorded.get(account) ?? 0;
    if (recorded >= RECORDED_A_MINUTE) return false;
    this.#recorded.set(account, recorded + 1);
    return true;
  }
}
