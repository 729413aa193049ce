/** Brings messages to Slack: requests as cards that change with their approval, notes behind them. */
import type { Pool } from 'pg';
import type { FullApproval } from '../../approvals/index.ts';
import { slackUsersOf } from '../../people/index.ts';
import type { Carrier, Sent } from '../carrier.ts';
import {
  alertEnd,
  alertFacts,
  alertLines,
  alertSentence,
  delegationFacts,
  delegationLines,
  delegationSentence,
  noticeFacts,
  transferFacts,
  transferLines,
  transferSentence,
} from '../facts.ts';
import { type Message, requestIn } from '../outbox.ts';
import type { SlackChannel } from '../store.ts';
import type { SlackAnswer, SlackApi } from './api.ts';
import { cardOf, noteOf, plainMessage, type SlackText } from './card.ts';

/** Nothing that an administrator sets makes such a message arrive. The rest may be put right at any moment. */
const FINAL: ReadonlySet<string> = new Set([
  'invalid_blocks',
  'invalid_blocks_format',
  'msg_too_long',
  'msg_blocks_too_long',
  'no_text',
  'too_many_attachments',
  'cant_update_message',
  'edit_window_closed',
  'channel_not_found',
  'is_archived',
  'user_not_found',
  'cannot_dm_bot',
]);

export interface SlackCarrierOptions {
  readonly pool: Pool;
  readonly channel: SlackChannel;
  readonly api: SlackApi;
  /** Origin of the console. */
  readonly url: string;
}

/** Members that keep Slack from finding meaning in what we write; the second of those that `chat.update` has not. */
const LITERAL = { parse: 'none', link_names: false } as const;
const PLAIN = { unfurl_links: false, unfurl_media: false, mrkdwn: false } as const;

export class SlackCarrier implements Carrier {
  readonly #options: SlackCarrierOptions;

  constructor(options: SlackCarrierOptions) {
    this.#options = options;
  }

  async send(message: Message, approval: FullApproval | undefined, signal: AbortSignal): Promise<Sent> {
    if (message.purpose === 'transfer') return this.#transfer(message, signal);
    if (message.purpose === 'alert') return this.#alert(message, signal);
    if (message.purpose === 'delegation' || approval === undefined) return this.#delegation(message, signal);
    if (message.purpose === 'request') return this.#request(message, approval, signal);
    return this.#note(message, message.purpose, approval, signal);
  }

  async test(_to: string | undefined, signal: AbortSignal): Promise<Sent> {
    const { settings } = this.#options.channel;
    return this.#post(settings.channel, plainMessage('HiveKey can tell of held calls here.'), {}, signal);
  }

  close(): Promise<void> {
    return this.#options.api.close();
  }

  async #request({ destination, postedTs }: Message, approval: FullApproval, signal: AbortSignal): Promise<Sent> {
    const { api, url } = this.#options;
    const card = cardOf(approval, url);
    if (postedTs === null)
      return approval.status === 'pending' ? this.#post(destination, card, {}, signal) : { kind: 'dropped' };
    const change = { channel: destination, ts: postedTs, ...card, ...LITERAL };
    const answer = await api.call('chat.update', change, signal);
    // Somebody deleted it: nothing is left to change.
    if (answer.kind === 'refused' && answer.error === 'message_not_found') return { kind: 'dropped' };
    return sentOf(answer);
  }

  async #note(
    message: Message,
    purpose: 'reminder' | 'escalation',
    approval: FullApproval,
    signal: AbortSignal,
  ): Promise<Sent> {
    if (approval.status !== 'pending') return { kind: 'dropped' };
    const { pool, channel, url } = this.#options;
    const { to } = noticeFacts.parse(message.facts);
    const users = await slackUsersOf(pool, channel.workspaceId, channel.teamId, to);
    const thread = await requestIn(pool, message);
    const place = thread === null ? {} : { thread_ts: thread, reply_broadcast: true };
    return this.#post(message.destination, noteOf(approval, purpose, users, url), place, signal);
  }

  async #delegation({ destination, facts }: Message, signal: AbortSignal): Promise<Sent> {
    const about = delegationFacts.parse(facts);
    return this.#post(destination, plainMessage(delegationSentence(about), delegationLines(about)), {}, signal);
  }

  #transfer({ destination, facts }: Message, signal: AbortSignal): Promise<Sent> {
    const about = transferFacts.parse(facts);
    return this.#post(destination, plainMessage(transferSentence(about), transferLines(about)), {}, signal);
  }

  #alert({ destination, facts }: Message, signal: AbortSignal): Promise<Sent> {
    const about = alertFacts.parse(facts);
    const { link } = alertEnd(this.#options.url, about);
    const lines = [...alertLines(about), ...(link === undefined ? [] : [['open', link] as const])];
    return this.#post(destination, plainMessage(alertSentence(about), lines), {}, signal);
  }

  async #post(destination: string, text: SlackText, place: object, signal: AbortSignal): Promise<Sent> {
    const body = { channel: destination, ...text, ...place, ...LITERAL, ...PLAIN };
    return sentOf(await this.#options.api.call('chat.postMessage', body, signal));
  }
}

function sentOf(answer: SlackAnswer): Sent {
  switch (answer.kind) {
    case 'ok':
      return answer.body.ts === undefined
        ? { kind: 'failed', why: 'Slack did not say where the message stands', isFinal: false }
        : { kind: 'sent', postedTs: answer.body.ts };
    case 'refused':
      return { kind: 'failed', why: `Slack refused it: ${answer.error}`, isFinal: FINAL.has(answer.error) };
    case 'limited':
      return { kind: 'wait', seconds: answer.seconds };
    case 'failed':
      return { kind: 'failed', why: answer.why, isFinal: false };
  }
}
