/** Webhooks: log records posted to a receiver, signed, at least once, in order. Each is delivered by one node at a time. */
import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import { Lanes, rulesFor } from '../delivery/index.ts';
import { Failure } from '../errors.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { RunningLog } from '../log/index.ts';
import type { Logger } from '../observability/index.ts';
import type { Secret } from '../secret.ts';
import type { SecretStore } from '../upstreams/index.ts';
import { deliver } from './deliverer.ts';
import { isEventKind } from './kinds.ts';
import { Sender, webhookTarget } from './sender.ts';
import { newSigningSecret } from './signature.ts';
import {
  deleteWebhook,
  enableWebhook,
  insertWebhook,
  leaseWebhooks,
  listWebhooks,
  releaseLease,
  type Webhook,
} from './store.ts';

export type { Webhook } from './store.ts';

const DISABLE_AFTER_MS = 24 * 3_600_000;
const MAX_WEBHOOKS = 50;

export interface WebhooksOptions {
  readonly pool: Pool;
  readonly log: RunningLog;
  readonly secrets: SecretStore;
  readonly nodeId: string;
  readonly version: string;
  /** Hosts, host:port or ranges that may be private addresses, and may be reached without TLS. */
  readonly allowedHosts: readonly string[];
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly clock: () => number;
  /** Failing for this long without a success disables a webhook; a day when absent. */
  readonly disableAfterMs?: number;
}

/** Every change is one transaction with its record; `actor` stands there. Refusals are Failures. */
export interface Webhooks {
  /** Events from now on. The secret is given out here and never again. */
  register(
    workspaceId: WorkspaceId,
    url: string,
    events: readonly string[],
    actor: string,
  ): Promise<{ readonly webhook: Webhook; readonly secret: Secret }>;
  list(workspaceId: WorkspaceId): Promise<readonly Webhook[]>;
  remove(workspaceId: WorkspaceId, id: string, actor: string): Promise<void>;
  /** Goes on with the first event that was not delivered. */
  enable(workspaceId: WorkspaceId, id: string, actor: string): Promise<Webhook>;
  /** Ends the deliveries of this node and gives their webhooks back. */
  close(): Promise<void>;
}

/** Starts delivering. */
export function startWebhooks(options: WebhooksOptions): Webhooks {
  return new Manager(options);
}

class Manager implements Webhooks {
  readonly #options: WebhooksOptions;
  readonly #rules: ReturnType<typeof rulesFor>;
  readonly #lanes: Lanes<Webhook>;

  constructor(options: WebhooksOptions) {
    const { pool, nodeId, logger } = options;
    this.#options = options;
    this.#rules = rulesFor(options.allowedHosts);
    this.#lanes = new Lanes({
      what: 'a webhook',
      logger,
      lease: (held) => leaseWebhooks(pool, nodeId, held),
      idOf: ({ id }) => id,
      run: (webhook, signal) => this.#deliver(webhook, signal),
    });
  }

  async register(
    workspaceId: WorkspaceId,
    url: string,
    events: readonly string[],
    actor: string,
  ): Promise<{ readonly webhook: Webhook; readonly secret: Secret }> {
    const { log, secrets } = this.#options;
    webhookTarget(url, this.#rules);
    const unknown = events.find((kind) => !isEventKind(kind));
    if (unknown !== undefined)
      throw new Failure(
        400,
        'webhook_event_unknown',
        `There is no kind of record ${JSON.stringify(unknown)}.`,
        'Name kinds such as tool.call, or * for all; docs/reference/records.md lists them.',
      );
    const secret = newSigningSecret();
    const secretName = `webhook:${randomBytes(8).toString('hex')}`;
    const newest = await log.list(workspaceId, {}, { limit: 1, order: 'desc' });
    const webhook = await log.transact(workspaceId, async (transaction) => {
      const { client } = transaction;
      if ((await listWebhooks(client, workspaceId)).length >= MAX_WEBHOOKS)
        throw new Failure(
          409,
          'too_many_webhooks',
          `The workspace has ${MAX_WEBHOOKS} webhooks already.`,
          'Delete one with DELETE /v1/webhooks/:id.',
        );
      await secrets.putSecretIn(transaction, workspaceId, secretName, secret.reveal(), actor);
      const inserted = await insertWebhook(client, {
        workspaceId,
        id: newId('whk'),
        url,
        events,
        secretName,
        cursorSeq: newest.events[0]?.seq ?? 0,
        createdBy: actor,
      });
      transaction.log({ ...changeOf(inserted, 'created'), actor, events });
      return inserted;
    });
    secrets.changed(workspaceId, secretName);
    this.#lanes.look();
    return { webhook, secret };
  }

  list(workspaceId: WorkspaceId): Promise<readonly Webhook[]> {
    return listWebhooks(this.#options.pool, workspaceId);
  }

  async remove(workspaceId: WorkspaceId, id: string, actor: string): Promise<void> {
    await this.#options.log.transact(workspaceId, async (transaction) => {
      const webhook = await deleteWebhook(transaction.client, workspaceId, id);
      if (webhook === undefined) throw notFound(id);
      transaction.log({ ...changeOf(webhook, 'deleted'), actor });
    });
  }

  async enable(workspaceId: WorkspaceId, id: string, actor: string): Promise<Webhook> {
    const webhook = await this.#options.log.transact(workspaceId, async (transaction) => {
      const enabled = await enableWebhook(transaction.client, workspaceId, id);
      if (enabled === undefined) throw notFound(id);
      transaction.log({ ...changeOf(enabled, 'enabled'), actor });
      return enabled;
    });
    this.#lanes.look();
    return webhook;
  }

  close(): Promise<void> {
    return this.#lanes.close();
  }

  async #deliver(webhook: Webhook, signal: AbortSignal): Promise<void> {
    const { pool, log, secrets, logger, clock, version, disableAfterMs = DISABLE_AFTER_MS } = this.#options;
    let sender: Sender | undefined;
    try {
      // The operator may have changed since what is allowed.
      sender = new Sender(webhook.url, this.#rules);
      const secret = await secrets.openOwn(webhook.workspaceId, webhook.secretName);
      await deliver({
        pool,
        log,
        logger,
        webhook,
        sender,
        secret,
        userAgent: `HiveKey-Webhooks/${version}`,
        disableAfterMs,
        clock,
        random: Math.random,
        signal,
      });
    } catch (error) {
      const why = error instanceof Error ? error.message : 'it could not be begun';
      await releaseLease(pool, webhook, webhook.cursorSeq, { why, retryInSeconds: 60 });
    } finally {
      await sender?.close();
    }
  }
}

function changeOf({ id, url }: Webhook, change: 'created' | 'deleted' | 'enabled') {
  const { origin, pathname } = new URL(url);
  // The query of an address may hold a credential.
  return { kind: 'webhook.changed', change, webhook: id, url: origin + pathname } as const;
}

function notFound(id: string): Failure {
  return new Failure(
    404,
    'webhook_not_found',
    `There is no webhook ${JSON.stringify(id)}.`,
    'List webhooks with GET /v1/webhooks.',
  );
}
