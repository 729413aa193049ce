/** Telling people of held calls, and letting them decide, where they are: Slack and e-mail. */
import type { Pool } from 'pg';
import type { TimePosition } from '../api/route.ts';
import type { Approvals } from '../approvals/index.ts';
import { Lanes, rulesFor } from '../delivery/index.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { RunningLog } from '../log/index.ts';
import type { Logger } from '../observability/index.ts';
import type { Secret } from '../secret.ts';
import {
  type AddressRules,
  literalProblem,
  parseCredentialRef,
  refuseOfSlack,
  type SecretStore,
} from '../upstreams/index.ts';
import type { Carrier, Sent } from './carrier.ts';
import { EmailCarrier } from './email/carrier.ts';
import { runLane } from './lane.ts';
import {
  dropWaiting,
  forgetMessages,
  hastenWaiting,
  listMessages,
  type Message,
  type MessageFilter,
  retryMessage,
  type Tally,
  tallyOf,
} from './outbox.ts';
import type { ChannelKind, EmailSettings, SlackSettings } from './settings.ts';
import { SlackApi } from './slack/api.ts';
import { SlackCarrier } from './slack/carrier.ts';
import { forgetRequests, Interactions } from './slack/interactions.ts';
import {
  type Channel,
  laneOf,
  leaseChannels,
  listChannels,
  putChannel,
  releaseLease,
  removeChannel,
  type SlackChannel,
} from './store.ts';

export type { Message } from './outbox.ts';
export type { Channel } from './store.ts';

const UPKEEP_EVERY_MS = 60_000;
const GIVE_UP_AFTER_MS = 24 * 3_600_000;
/** A channel that cannot be begun is looked at again after this long. */
const BEGIN_AGAIN_MS = 5_000;

export interface ChannelsOptions {
  readonly pool: Pool;
  readonly log: RunningLog;
  readonly secrets: SecretStore;
  readonly approvals: Pick<Approvals, 'vault'>;
  readonly nodeId: string;
  /** Origin of the console. */
  readonly url: string;
  /** Hosts, host:port or ranges that may be private addresses, and may be reached without TLS. */
  readonly allowedHosts: readonly string[];
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly clock: () => number;
}

interface Who {
  readonly workspaceId: WorkspaceId;
  readonly actor: string;
}

/** Every change is one transaction with its record. Refusals are Failures. */
export interface Channels {
  /** Asks Slack whose token it is. */
  setSlack(who: Who, settings: SlackSettings): Promise<Channel>;
  setEmail(who: Who, settings: EmailSettings): Promise<Channel>;
  remove(who: Who, kind: ChannelKind): Promise<void>;
  list(workspaceId: WorkspaceId): Promise<readonly (Channel & Tally)[]>;
  /** `to`: where it is by e-mail. */
  test(workspaceId: WorkspaceId, kind: ChannelKind, to: string | undefined): Promise<Sent>;
  messages(
    workspaceId: WorkspaceId,
    filter: MessageFilter,
    after: TimePosition | undefined,
    limit: number,
  ): Promise<readonly (Message & { readonly createdUs: number })[]>;
  /** One that has failed. */
  retry(workspaceId: WorkspaceId, id: string): Promise<Message>;
  readonly slack: Pick<Interactions, 'take'>;
  /** Ends what this node sends and gives its channels back. */
  close(): Promise<void>;
}

/** Starts sending. */
export function startChannels(options: ChannelsOptions): Channels {
  return new Manager(options);
}

class Manager implements Channels {
  readonly slack: Interactions;
  readonly #options: ChannelsOptions;
  readonly #rules: AddressRules;
  readonly #lanes: Lanes<Channel>;
  readonly #upkeep: NodeJS.Timeout;
  readonly #closing = new AbortController();

  constructor(options: ChannelsOptions) {
    const { pool, nodeId, logger } = options;
    this.#options = options;
    this.#rules = rulesFor(options.allowedHosts);
    this.slack = new Interactions({
      ...options,
      signingSecret: ({ workspaceId, settings }) => options.secrets.resolve(workspaceId, settings.signing_secret_ref),
      api: (channel) => this.#api(channel.workspaceId, channel.settings),
    });
    this.#lanes = new Lanes({
      what: 'a channel',
      logger,
      lease: (held) => leaseChannels(pool, nodeId, held),
      idOf: laneOf,
      run: (channel, signal) => this.#run(channel, signal),
    });
    this.#upkeep = setInterval(() => {
      Promise.all([forgetMessages(pool), forgetRequests(pool)]).catch((error: unknown) =>
        logger.debug({ err: error }, 'upkeep of channels failed'),
      );
    }, UPKEEP_EVERY_MS).unref();
  }

  async setSlack(who: Who, settings: SlackSettings): Promise<Channel> {
    const { secrets } = this.#options;
    await credential(secrets, who.workspaceId, settings.signing_secret_ref);
    const api = this.#api(who.workspaceId, settings);
    try {
      const answer = await api.call('auth.test', {}, this.#closing.signal);
      if (answer.kind !== 'ok' || answer.body.team_id === undefined)
        throw new Failure(
          400,
          'slack_token_refused',
          `Slack did not say whose token it is: ${answer.kind === 'refused' ? answer.error : answer.kind === 'failed' ? answer.why : 'it is asked too often'}.`,
          'Check bot_token_ref, its scope chat:write, and api_url.',
        );
      return await this.#set(who, { kind: 'slack', settings, teamId: answer.body.team_id });
    } finally {
      await api.close();
    }
  }

  async setEmail(who: Who, settings: EmailSettings): Promise<Channel> {
    const problem = literalProblem(settings, this.#rules);
    if (problem !== undefined)
      throw new Failure(
        400,
        'email_host_refused',
        `The relay cannot be used: ${problem}.`,
        'Use a public address, or have an operator add the host to HIVEKEY_UPSTREAM_ALLOW.',
      );
    if (settings.password_ref !== null) await credential(this.#options.secrets, who.workspaceId, settings.password_ref);
    return this.#set(who, { kind: 'email', settings });
  }

  async remove({ workspaceId, actor }: Who, kind: ChannelKind): Promise<void> {
    await this.#options.log.transact(workspaceId, async ({ client, log }) => {
      if (!(await removeChannel(client, workspaceId, kind))) throw notSet(kind);
      await dropWaiting(client, workspaceId, kind);
      log({ kind: 'channel.changed', actor, channel: kind, change: 'removed' });
    });
  }

  async list(workspaceId: WorkspaceId): Promise<readonly (Channel & Tally)[]> {
    const { pool } = this.#options;
    const channels = await listChannels(pool, workspaceId);
    return Promise.all(channels.map(async (each) => ({ ...each, ...(await tallyOf(pool, workspaceId, each.kind)) })));
  }

  async test(workspaceId: WorkspaceId, kind: ChannelKind, to: string | undefined): Promise<Sent> {
    const channels = await listChannels(this.#options.pool, workspaceId);
    const channel = channels.find((each) => each.kind === kind);
    if (channel === undefined) throw notSet(kind);
    const carrier = this.#carrier(channel);
    try {
      return await carrier.test(to, this.#closing.signal);
    } finally {
      await carrier.close();
    }
  }

  messages(
    workspaceId: WorkspaceId,
    filter: MessageFilter,
    after: TimePosition | undefined,
    limit: number,
  ): Promise<readonly (Message & { readonly createdUs: number })[]> {
    return listMessages(this.#options.pool, workspaceId, filter, after, limit);
  }

  async retry(workspaceId: WorkspaceId, id: string): Promise<Message> {
    const message = await retryMessage(this.#options.pool, workspaceId, id);
    if (message !== undefined) return message;
    throw new Failure(
      404,
      'message_not_found',
      `There is no message ${JSON.stringify(id)} that has failed.`,
      'List them with GET /v1/channel-messages?status=failed.',
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#upkeep);
    this.#closing.abort();
    await Promise.all([this.#lanes.close(), this.slack.close()]);
  }

  async #set({ workspaceId, actor }: Who, set: Parameters<typeof putChannel>[2]): Promise<Channel> {
    const { log } = this.#options;
    const newest = await log.list(workspaceId, {}, { limit: 1, order: 'desc' });
    const channel = await log.transact(workspaceId, async ({ client, now, log: record }) => {
      if (set.kind === 'slack') {
        const { signing_secret_ref: signing, bot_token_ref: bot } = set.settings;
        await refuseOfSlack(client, workspaceId, 'slack', [signing, bot]);
      } else await refuseOfSlack(client, workspaceId, 'other', [set.settings.password_ref]);
      const kept = await putChannel(client, workspaceId, set, {
        newestSeq: newest.events[0]?.seq ?? 0,
        actor,
        now,
      });
      await hastenWaiting(client, workspaceId, set.kind);
      const team = kept.kind === 'slack' ? { team: kept.teamId } : {};
      record({ kind: 'channel.changed', actor, channel: set.kind, change: 'set', settings: kept.settings, ...team });
      return kept;
    });
    this.#lanes.look();
    return channel;
  }

  async #run(channel: Channel, signal: AbortSignal): Promise<void> {
    const { pool, log, approvals, logger, clock } = this.#options;
    let carrier: Carrier;
    try {
      carrier = this.#carrier(channel);
    } catch (error) {
      logger.warn({ err: error, channel: laneOf(channel) }, 'a channel cannot send');
      await paused(BEGIN_AGAIN_MS, signal);
      return releaseLease(pool, channel);
    }
    try {
      await runLane({
        pool,
        log,
        approvals,
        logger,
        channel,
        carrier,
        giveUpAfterMs: GIVE_UP_AFTER_MS,
        clock,
        random: Math.random,
        signal,
      });
    } finally {
      await carrier.close();
    }
  }

  /** Throws the Failures of an address that the operator does not allow any more. */
  #carrier(channel: Channel): Carrier {
    const { pool, secrets, url } = this.#options;
    const { workspaceId } = channel;
    if (channel.kind === 'slack')
      return new SlackCarrier({ pool, channel, url, api: this.#api(workspaceId, channel.settings) });
    const { password_ref: ref } = channel.settings;
    const password = ref === null ? undefined : () => credential(secrets, workspaceId, ref);
    return new EmailCarrier({ channel, password, rules: this.#rules, url });
  }

  #api(workspaceId: WorkspaceId, { bot_token_ref: ref, api_url: url }: SlackChannel['settings']): SlackApi {
    return new SlackApi(url, () => credential(this.#options.secrets, workspaceId, ref), this.#rules);
  }
}

/** Throws `credential_ref_invalid`, `credential_unavailable`. */
async function credential(secrets: SecretStore, workspaceId: WorkspaceId, ref: string): Promise<Secret> {
  // What is no reference may be the credential itself, and is not repeated.
  parseCredentialRef(ref);
  try {
    return await secrets.resolve(workspaceId, ref);
  } catch (error) {
    if (error instanceof Failure || !(error instanceof Error)) throw error;
    throw new Failure(
      400,
      'credential_unavailable',
      `The credential ${ref} cannot be had: ${error.message}.`,
      'Store it with PUT /v1/secrets/:name, or have an operator allow it.',
    );
  }
}

function notSet(kind: ChannelKind): Failure {
  return new Failure(
    404,
    'channel_not_set',
    `The channel ${kind} is not set.`,
    `Set it with PUT /v1/channels/${kind}.`,
  );
}

function paused(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener(
    'abort',
    () => {
      clearTimeout(timer);
      resolve();
    },
    { once: true },
  );
  if (signal.aborted) resolve();
  return promise;
}
