/** Clicks in Slack become decisions: the signature says who clicked, the button what was read, and the rest is decided as everywhere. */
import type { Pool } from 'pg';
import {
  type Approvals,
  type DecidingParty,
  decideApproval,
  type FullApproval,
  openApproval,
  readWholeApproval,
} from '../../approvals/index.ts';
import { Failure } from '../../errors.ts';
import type { WorkspaceId } from '../../ids.ts';
import type { RunningLog } from '../../log/index.ts';
import { LogOverloaded, LogUnavailable } from '../../log/index.ts';
import type { Logger } from '../../observability/index.ts';
import { personOfSlack } from '../../people/index.ts';
import type { Secret } from '../../secret.ts';
import { readPayload } from '../form.ts';
import { type SlackChannel, slackChannelsOf } from '../store.ts';
import type { SlackApi } from './api.ts';
import { cardOf, denyView, REASON_BLOCK, refusalMessage, shownText } from './card.ts';
import { type Account, type Interaction, metadataOf, readInteraction, teamsOf } from './payload.ts';
import { Refusals } from './refusals.ts';
import { isFresh, isSignedWith, readSigned, type Signed } from './signature.ts';

/** Slack waits for 3 s. What takes longer is told afterwards. */
const ANSWER_WITHIN_MS = 2_000;
const OPEN_WITHIN_MS = 2_500;
/** Longer than a signature is good on either side of the clock. */
const REMEMBERED_MINUTES = 15;

/** Beside 200; `undefined`: an empty body. */
export type Reply = object | undefined;

export interface InteractionsOptions {
  readonly pool: Pool;
  readonly log: RunningLog;
  readonly approvals: Pick<Approvals, 'vault'>;
  readonly logger: Logger;
  /** Origin of the console. */
  readonly url: string;
  readonly clock: () => number;
  /** Rejects when the credential cannot be had. */
  signingSecret(channel: SlackChannel): Promise<Secret>;
  /** To be closed by whoever asks for it. */
  api(channel: SlackChannel): SlackApi;
}

interface Headers {
  readonly timestamp: unknown;
  readonly signature: unknown;
}

export class Interactions {
  readonly #options: InteractionsOptions;
  readonly #closing = new AbortController();
  readonly #afterwards = new Set<Promise<void>>();
  readonly #refusals: Refusals;

  constructor(options: InteractionsOptions) {
    this.#options = options;
    this.#refusals = new Refusals(options.clock);
  }

  /**
   * Throws `slack_request_unsigned`, `slack_request_stale`, `slack_signature_invalid`, `slack_request_replayed`,
   * `slack_request_invalid`. A decision that is refused is no failure of the request: whoever clicked is told in Slack.
   */
  async take(body: Buffer, { timestamp, signature }: Headers): Promise<Reply> {
    const { pool, clock } = this.#options;
    const signed = readSigned(body, timestamp, signature);
    if (signed === undefined) throw refused('slack_request_unsigned', 'carries no signature of Slack');
    if (!isFresh(signed, clock())) throw refused('slack_request_stale', 'was signed more than five minutes from now');
    const payload = readPayload(body);
    const channels = await this.#signers(signed, teamsOf(payload));
    if (channels.length === 0) throw refused('slack_signature_invalid', 'is signed with no signing secret of its team');
    if (!(await isFirst(pool, signed))) throw refused('slack_request_replayed', 'has been taken before');
    const interaction = readInteraction(payload);
    if (interaction === undefined)
      throw new Failure(
        400,
        'slack_request_invalid',
        'The request is none that a message of HiveKey makes.',
        'Point the interactivity address of a Slack app here, and nothing else.',
      );
    if (interaction.kind === 'other') return undefined;
    return this.#decide(await this.#channelOf(channels, interaction.shown.approvalId), interaction, signed);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#afterwards);
  }

  /** Channels whose secret made the signature: more than one where one Slack app serves several workspaces. */
  async #signers(signed: Signed, teams: readonly string[]): Promise<readonly SlackChannel[]> {
    const { pool, signingSecret, logger } = this.#options;
    const signers: SlackChannel[] = [];
    for (const channel of teams.length === 0 ? [] : await slackChannelsOf(pool, teams))
      try {
        if (isSignedWith(signed, await signingSecret(channel))) signers.push(channel);
      } catch (error) {
        logger.warn({ err: error, workspace: channel.workspaceId }, 'the signing secret of Slack cannot be had');
      }
    return signers;
  }

  /** That of the approval, among those that signed; any of them for an approval that none has. */
  async #channelOf(channels: readonly SlackChannel[], approvalId: string): Promise<SlackChannel> {
    const [first, ...others] = channels;
    if (first === undefined) throw new Error('nobody signed');
    for (const channel of others.length === 0 ? [] : channels)
      if ((await this.#read(channel.workspaceId, undefined, approvalId)) !== undefined) return channel;
    return first;
  }

  async #decide(
    channel: SlackChannel,
    interaction: Exclude<Interaction, { kind: 'other' }>,
    signed: Signed,
  ): Promise<Reply> {
    if (interaction.kind === 'click' && interaction.button === 'deny') {
      this.#later(() => this.#opened(channel, interaction));
      this.#later(() => this.#ask(channel, interaction));
      return undefined;
    }
    const attempt = this.#attempt(channel, interaction, signed);
    const refusal = await within(attempt, ANSWER_WITHIN_MS);
    if (interaction.kind === 'answer' && refusal instanceof Failure) return inDialog(refusal);
    // Beside the answer, which is already on its way then.
    this.#later(async () => {
      const failure = await attempt;
      if (failure !== undefined) await this.#tell(channel, interaction, failure);
    });
    return undefined;
  }

  /** The refusal, if it is one. */
  async #attempt(
    { workspaceId }: SlackChannel,
    interaction: Exclude<Interaction, { kind: 'other' }>,
    { timestamp }: Signed,
  ): Promise<Failure | undefined> {
    const { pool, log, logger } = this.#options;
    const { account, shown } = interaction;
    const decision = interaction.kind === 'click' ? 'approve' : 'deny';
    try {
      const person = await personOfSlack(pool, workspaceId, account);
      if (person === undefined && !this.#refusals.mayRecord(account)) return unknownUser(account);
      const who: DecidingParty = {
        workspaceId,
        actor: `slack:${person?.email ?? `${account.team}/${account.user}`}`,
        credentialId: `${account.team}/${account.user}`,
        ...(person === undefined ? { nobody: unknownUser(account) } : { person }),
        authenticatedAtMs: timestamp * 1000,
      };
      const wanted = {
        decision,
        reason: interaction.kind === 'answer' ? interaction.reason : '',
        hash: shown.hash,
        onBehalfOf: decision === 'approve' ? await this.#voice(who, shown.approvalId) : undefined,
      } as const;
      await decideApproval(log, who, shown.approvalId, wanted, { channel: 'slack' });
      return undefined;
    } catch (error) {
      if (error instanceof Failure) return error;
      if (!(error instanceof LogUnavailable || error instanceof LogOverloaded))
        logger.error({ err: error }, 'a decision made in Slack failed');
      return new Failure(
        503,
        'log_unavailable',
        'It is not known whether the decision was recorded.',
        'Look at it in HiveKey, and click again if it still waits.',
      );
    }
  }

  /** In whose name: the person's own where that counts, else of somebody who has handed it over. */
  async #voice({ workspaceId, person }: DecidingParty, approvalId: string): Promise<string | undefined> {
    if (person === undefined) return undefined;
    const you = (await this.#read(workspaceId, person, approvalId))?.you;
    return you === undefined || you.may ? undefined : you.on_behalf_of.find(({ may }) => may)?.person;
  }

  async #read(
    workspaceId: WorkspaceId,
    person: DecidingParty['person'],
    approvalId: string,
  ): Promise<FullApproval | undefined> {
    const { pool, approvals } = this.#options;
    try {
      const who = person === undefined ? { workspaceId } : { workspaceId, person };
      return await readWholeApproval(pool, approvals.vault, who, approvalId);
    } catch (error) {
      if (error instanceof Failure) return undefined;
      throw error;
    }
  }

  /** Opens the dialog in which a denial gets its reason. */
  /** Only who denies opens something here: the message itself cannot say who has read it. */
  async #opened({ workspaceId }: SlackChannel, { account, shown }: Extract<Interaction, { kind: 'click' }>) {
    const { pool } = this.#options;
    const person = await personOfSlack(pool, workspaceId, account);
    if (person !== undefined) await openApproval(pool, { workspaceId, person }, shown.approvalId, 'slack');
  }

  async #ask(channel: SlackChannel, { shown, responseUrl, triggerId }: Extract<Interaction, { kind: 'click' }>) {
    const view = denyView(shown.approvalId, metadataOf(shownText(shown), responseUrl));
    await this.#with(channel, async (api) => {
      const answer = await api.call(
        'views.open',
        { trigger_id: triggerId, view },
        this.#closing.signal,
        OPEN_WITHIN_MS,
      );
      if (answer.kind === 'ok') return;
      const failure = new Failure(
        502,
        'slack_dialog_failed',
        'The dialog could not be opened.',
        'Click again, or deny it in HiveKey.',
      );
      await api.respond(responseUrl, only(failure), this.#closing.signal);
    });
  }

  /** Only whoever clicked sees it. A message that is out of date is put right. */
  async #tell(
    channel: SlackChannel,
    { shown, responseUrl }: Exclude<Interaction, { kind: 'other' }>,
    failure: Failure,
  ) {
    const approval = await this.#read(channel.workspaceId, undefined, shown.approvalId);
    await this.#with(channel, async (api) => {
      await api.respond(responseUrl, only(failure), this.#closing.signal);
      if (approval === undefined || (approval.status === 'pending' && approval.hash === shown.hash)) return;
      const card = cardOf(approval, this.#options.url);
      await api.respond(responseUrl, { replace_original: true, ...card }, this.#closing.signal);
    });
  }

  async #with(channel: SlackChannel, work: (api: SlackApi) => Promise<void>): Promise<void> {
    const api = this.#options.api(channel);
    try {
      await work(api);
    } finally {
      await api.close();
    }
  }

  #later(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => this.#options.logger.warn({ err: error }, 'an answer to Slack was not sent'))
      .finally(() => this.#afterwards.delete(running));
    this.#afterwards.add(running);
  }
}

function refused(code: string, what: string): Failure {
  return new Failure(
    401,
    code,
    `The request ${what}.`,
    'Only Slack posts here; check the signing secret of the channel and the clock of this machine.',
  );
}

function unknownUser({ team, user }: Account): Failure {
  return new Failure(
    403,
    'slack_user_unknown',
    `The Slack account ${team}/${user} is that of no person here.`,
    `Have an administrator write it down: hivekey person update E-MAIL --slack ${team}/${user}.`,
  );
}

/** Whether the signature was not seen before, on any node. */
async function isFirst(pool: Pool, { signature }: Signed): Promise<boolean> {
  const { rowCount } = await pool.query('INSERT INTO slack_requests (signature) VALUES ($1) ON CONFLICT DO NOTHING', [
    signature,
  ]);
  return rowCount === 1;
}

export async function forgetRequests(pool: Pool): Promise<void> {
  await pool.query(`DELETE FROM slack_requests WHERE taken_at < now() - interval '${REMEMBERED_MINUTES} minutes'`);
}

/** Undefined when it takes longer. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const { promise: over, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}

function only(failure: Failure): object {
  return { response_type: 'ephemeral', replace_original: false, ...refusalMessage(failure) };
}

/** The dialog stays open and says it. */
function inDialog({ code, message, remedy }: Failure): object {
  return { response_action: 'errors', errors: { [REASON_BLOCK]: `${message} ${remedy} (${code})`.slice(0, 1000) } };
}
