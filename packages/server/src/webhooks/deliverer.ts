/** Delivers one webhook while this node has its lease: in order, one event at a time, going on only after a 2xx. */
import type { Pool } from 'pg';
import { backoffSeconds } from '../delivery/index.ts';
import type { LogEvent, RunningLog } from '../log/index.ts';
import type { Logger } from '../observability/index.ts';
import type { Secret } from '../secret.ts';
import { wants } from './kinds.ts';
import type { Attempt, Sender } from './sender.ts';
import { signatureOf } from './signature.ts';
import { disableWebhook, keepLease, releaseLease, type Webhook } from './store.ts';

/** While events come, the cursor is kept this often, and a webhook that was deleted is noticed. */
const KEEP_EVERY_MS = 1_000;
const KEEP_EVERY_DELIVERIES = 50;
/** And while none come. */
const IDLE_KEEP_MS = 10_000;

export interface DelivererOptions {
  readonly pool: Pool;
  readonly log: Pick<RunningLog, 'follow' | 'transact'>;
  readonly logger: Logger;
  readonly webhook: Webhook;
  readonly sender: Pick<Sender, 'post'>;
  readonly secret: Secret;
  readonly userAgent: string;
  /** Failing for this long without a success disables the webhook. */
  readonly disableAfterMs: number;
  readonly clock: () => number;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Resolves when the lease was lost or given back; never rejects. */
export async function deliver(options: DelivererOptions): Promise<void> {
  const delivery = new Delivery(options);
  await delivery.run();
}

class Delivery {
  readonly #options: DelivererOptions;
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  #cursor: number;
  #keptAtMs = 0;
  #sinceKept = 0;
  #deliveredAt: Date | null = null;
  #keeping: Promise<boolean> | undefined;

  constructor(options: DelivererOptions) {
    this.#options = options;
    this.#cursor = options.webhook.cursorSeq;
    this.#signal = AbortSignal.any([options.signal, this.#over.signal]);
  }

  async run(): Promise<void> {
    const { log, pool, logger, webhook } = this.#options;
    this.#keptAtMs = performance.now();
    const upkeep = setInterval(() => this.#keepIfDue(), KEEP_EVERY_MS);
    try {
      for await (const event of log.follow(webhook.workspaceId, this.#cursor + 1, {}, this.#signal)) {
        if (wants(webhook.events, event.record.kind) && !(await this.#pass(event))) return;
        this.#cursor = event.seq;
        this.#sinceKept += 1;
        if (this.#sinceKept >= KEEP_EVERY_DELIVERIES && !(await this.#keep())) return;
      }
      await this.#keeping;
      await releaseLease(pool, webhook, this.#cursor, undefined);
    } catch (error) {
      // The database is away: the lease runs out, and what was delivered since it was last kept is delivered again.
      logger.warn({ err: error, webhook: webhook.id }, 'a webhook could not be delivered');
    } finally {
      clearInterval(upkeep);
    }
  }

  /** Whether the event was delivered; if not, the webhook has been given back. */
  async #pass(event: LogEvent): Promise<boolean> {
    if (performance.now() - this.#keptAtMs > KEEP_EVERY_MS && !(await this.#keep())) return false;
    const attempt = await this.#attempt(event);
    if (attempt.kind === 'delivered') {
      this.#deliveredAt = new Date(this.#options.clock());
      return true;
    }
    // Ended from outside: the event was not refused by its receiver.
    if (this.#signal.aborted) await releaseLease(this.#options.pool, this.#options.webhook, this.#cursor, undefined);
    else await this.#giveUp(attempt);
    return false;
  }

  async #attempt({ record, ...place }: LogEvent): Promise<Attempt> {
    const { sender, secret, userAgent, clock } = this.#options;
    const { event_id: id, kind, ts } = record;
    const body = JSON.stringify({ type: kind, timestamp: ts, data: { ...record, ...place } });
    const timestamp = Math.floor(clock() / 1000);
    const headers = {
      'user-agent': userAgent,
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signatureOf(secret, id, timestamp, body),
    };
    return sender.post(headers, body, this.#signal);
  }

  async #giveUp(attempt: Exclude<Attempt, { kind: 'delivered' }>): Promise<void> {
    const { webhook, pool, clock, disableAfterMs, random } = this.#options;
    await this.#keeping;
    const why = attempt.kind === 'gone' ? 'the receiver answered 410' : attempt.why;
    // A success in this round ended the failures before it.
    const failingSince = this.#deliveredAt === null ? webhook.failingSince : null;
    const failures = this.#deliveredAt === null ? webhook.failures : 0;
    const isLong = failingSince !== null && clock() - failingSince.getTime() >= disableAfterMs;
    if (attempt.kind === 'gone' || isLong) {
      const since = failingSince?.toISOString();
      await this.#disable(
        why,
        attempt.kind === 'gone' ? 'the receiver wants no more (410)' : `failing since ${since}: ${why}`,
      );
      return;
    }
    if (this.#deliveredAt !== null && !(await this.#keep())) return;
    await releaseLease(pool, webhook, this.#cursor, { why, retryInSeconds: backoffSeconds(failures + 1, random()) });
  }

  async #disable(why: string, reason: string): Promise<void> {
    const { log, webhook } = this.#options;
    await log.transact(webhook.workspaceId, async ({ client, log: record }) => {
      if (!(await disableWebhook(client, webhook, this.#cursor, why, reason))) return;
      record({ kind: 'webhook.changed', actor: 'system', change: 'disabled', webhook: webhook.id, reason });
    });
  }

  /** What was delivered is kept soon, the lease in any case. */
  #keepIfDue(): void {
    if (this.#sinceKept === 0 && performance.now() - this.#keptAtMs < IDLE_KEEP_MS) return;
    this.#keep().catch(() => this.#over.abort());
  }

  /** Keeps cursor and lease. False when somebody else delivers now, or nobody should: then this ends. */
  #keep(): Promise<boolean> {
    this.#keeping ??= keepLease(this.#options.pool, this.#options.webhook, this.#cursor, this.#deliveredAt)
      .then((isOurs) => {
        this.#keptAtMs = performance.now();
        this.#sinceKept = 0;
        if (!isOurs) this.#over.abort();
        return isOurs;
      })
      .finally(() => {
        this.#keeping = undefined;
      });
    return this.#keeping;
  }
}
