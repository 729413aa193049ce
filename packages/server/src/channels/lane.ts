/** Sends over one channel while this node has its lease: takes messages from the log, and brings them one by one. */
import type { Pool } from 'pg';
import { ZodError } from 'zod';
import { readAlertSettings } from '../alerts/index.ts';
import { type Approvals, type FullApproval, readWholeApproval } from '../approvals/index.ts';
import { backoffSeconds } from '../delivery/index.ts';
import { Failure } from '../errors.ts';
import type { LogEvent, LogRecord, RunningLog } from '../log/index.ts';
import type { Logger } from '../observability/index.ts';
import { slackUsersOf } from '../people/index.ts';
import { EnvelopeBroken } from '../upstreams/index.ts';
import type { Carrier, Sent } from './carrier.ts';
import { type Sources, type Wanted, wantedBy } from './feed.ts';
import {
  addMessages,
  giveBack,
  keepDelivered,
  keepDropped,
  keepFailed,
  type Message,
  renewRequests,
  takeMessage,
} from './outbox.ts';
import { type Channel, keepLease, moveCursor, pauseChannel, releaseLease } from './store.ts';

const KEEP_EVERY_MS = 5_000;
/** For what is on its way when this node stops. */
const FINISH_MS = 3_000;
/** What another node adds (a retry) is found after this long. */
const LOOK_AGAIN_MS = 1_000;
/** People wait: failures are not spread over hours. */
const LONGEST_RETRY_SECONDS = 60;

export interface LaneOptions {
  readonly pool: Pool;
  readonly log: Pick<RunningLog, 'follow'>;
  readonly approvals: Pick<Approvals, 'vault'>;
  readonly logger: Logger;
  readonly channel: Channel;
  readonly carrier: Carrier;
  /** Failing for this long, a message is given up. */
  readonly giveUpAfterMs: number;
  readonly clock: () => number;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Resolves when the lease was lost or given back. Rejects when the database does not answer: then the lease runs out. */
export async function runLane(options: LaneOptions): Promise<void> {
  await new Lane(options).run();
}

class Lane {
  readonly #options: LaneOptions;
  readonly #over = new AbortController();
  /** What is on its way is let finish, or it would be sent twice. */
  readonly #cut = new AbortController();
  readonly #signal: AbortSignal;
  readonly #sources: Sources;
  #wake: () => void = () => undefined;

  constructor(options: LaneOptions) {
    const { pool, approvals, channel } = options;
    const { workspaceId } = channel;
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#over.signal]);
    this.#sources = {
      approval: (id) => readWholeApproval(pool, approvals.vault, { workspaceId }, id),
      slackUsers: async (emails) =>
        channel.kind === 'slack' ? slackUsersOf(pool, workspaceId, channel.teamId, emails) : [],
      alertSettings: () => readAlertSettings(pool, workspaceId),
    };
  }

  async run(): Promise<void> {
    const { pool, channel, signal } = this.#options;
    const close = (): void => {
      this.#wake();
      setTimeout(() => this.#cut.abort(), FINISH_MS).unref();
    };
    signal.addEventListener('abort', close, { once: true });
    const keeping = setInterval(() => {
      keepLease(pool, channel).then(
        (isOurs) => isOurs || this.#end(),
        () => this.#end(),
      );
    }, KEEP_EVERY_MS);
    const parts = [this.#feed(), this.#send()].map((part) => part.finally(() => this.#end()));
    try {
      const ends = await Promise.allSettled(parts);
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
      await releaseLease(pool, channel);
    } finally {
      clearInterval(keeping);
      signal.removeEventListener('abort', close);
    }
  }

  #end(): void {
    this.#over.abort();
    this.#wake();
  }

  async #feed(): Promise<void> {
    const { log, channel } = this.#options;
    const events = log.follow(channel.workspaceId, channel.cursorSeq + 1, { told: true }, this.#signal);
    for await (const event of events) if (!(await this.#keep(event))) return;
  }

  /** What the record asks for is kept with the place of the record, so that nothing is asked twice. False without the lease. */
  async #keep({ seq, record }: LogEvent): Promise<boolean> {
    const { pool, channel } = this.#options;
    const { messages, renews } = await this.#wanted(record);
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      const isOurs = await moveCursor(client, channel, seq);
      if (isOurs) {
        await addMessages(client, channel, messages);
        if (renews !== undefined) await renewRequests(client, channel, renews);
      }
      await client.query('COMMIT');
      this.#wake();
      return isOurs;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    } finally {
      client.release();
    }
  }

  /** A record that cannot be told of must not hold up the others; what the database does not answer is asked again. */
  async #wanted(record: LogRecord): Promise<Wanted> {
    const { channel, logger } = this.#options;
    try {
      return await wantedBy(record, channel, this.#sources);
    } catch (error) {
      if (!(error instanceof Failure || error instanceof EnvelopeBroken || error instanceof ZodError)) throw error;
      logger.warn({ err: error, event: record.event_id }, 'a record could not be told of');
      return { messages: [] };
    }
  }

  async #send(): Promise<void> {
    const { pool, channel } = this.#options;
    let turn = '';
    while (!this.#signal.aborted) {
      const woken = this.#woken();
      const message = await takeMessage(pool, channel, turn);
      turn = message?.turn ?? turn;
      if (message !== undefined) this.#wake();
      await woken;
      if (message !== undefined) await this.#bring(message);
    }
  }

  /** Asked for before looking, so that nothing falls between the look and the wait. */
  #woken(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LOOK_AGAIN_MS);
    this.#wake = () => {
      clearTimeout(timer);
      resolve();
    };
    if (this.#signal.aborted) this.#wake();
    return promise;
  }

  async #bring(message: Message): Promise<void> {
    const { pool, channel, carrier } = this.#options;
    const sent = await this.#attempt(message, carrier);
    switch (sent.kind) {
      case 'sent':
        return keepDelivered(pool, message, sent.postedTs);
      case 'dropped':
        return keepDropped(pool, message);
      case 'wait':
        await pauseChannel(pool, channel, sent.seconds);
        return giveBack(pool, message);
      case 'failed':
        // Cut off: it was not refused by its receiver.
        if (this.#cut.signal.aborted) return giveBack(pool, message);
        return keepFailed(pool, message, sent.why, sent.isFinal ? undefined : this.#retryIn(message));
    }
  }

  async #attempt(message: Message, carrier: Carrier): Promise<Sent> {
    try {
      const { approvalId } = message;
      const approval: FullApproval | undefined =
        approvalId === null ? undefined : await this.#sources.approval(approvalId);
      return await carrier.send(message, approval, this.#cut.signal);
    } catch (error) {
      if (error instanceof Failure) return { kind: 'failed', why: error.message, isFinal: false };
      // One message that cannot be made must not hold up the others.
      this.#options.logger.warn({ err: error, message: message.id }, 'a message could not be made');
      return { kind: 'failed', why: 'it could not be made', isFinal: false };
    }
  }

  /** Undefined when it is given up. */
  #retryIn({ failures, failingSince }: Message): number | undefined {
    const { clock, giveUpAfterMs, random } = this.#options;
    if (failingSince !== null && clock() - failingSince.getTime() >= giveUpAfterMs) return undefined;
    return Math.min(backoffSeconds(failures + 1, random()), LONGEST_RETRY_SECONDS);
  }
}
