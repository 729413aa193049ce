/** Slack's Web API, as far as we speak it. */
import { z } from 'zod';
import { Poster, parseTarget } from '../../delivery/index.ts';
import type { Secret } from '../../secret.ts';
import type { AddressRules } from '../../upstreams/index.ts';

const PURPOSE = { code: 'slack', words: 'address of Slack', example: 'https://slack.com/api/' } as const;
const DEFAULT_WAIT_SECONDS = 30;
/** Longer is not believed. */
const LONGEST_WAIT_SECONDS = 3_600;

const answerSchema = z.looseObject({
  ok: z.boolean(),
  error: z.string().optional(),
  ts: z.string().max(64).optional(),
  team_id: z.string().max(64).optional(),
  user: z.string().max(256).optional(),
});

export type SlackAnswer =
  | { readonly kind: 'ok'; readonly body: z.output<typeof answerSchema> }
  /** Slack says no; `error` is its code. */
  | { readonly kind: 'refused'; readonly error: string }
  | { readonly kind: 'limited'; readonly seconds: number }
  /** In words. */
  | { readonly kind: 'failed'; readonly why: string };

export class SlackApi {
  readonly #base: URL;
  readonly #poster: Poster;
  readonly #token: () => Promise<Secret>;

  /** `token`: asked for at each call, because it may be replaced at any moment. Throws `slack_url_invalid`, `slack_url_refused`. */
  constructor(base: string, token: () => Promise<Secret>, rules: AddressRules) {
    const target = parseTarget(base.endsWith('/') ? base : `${base}/`, rules, PURPOSE);
    this.#base = target.url;
    this.#poster = new Poster(target, rules);
    this.#token = token;
  }

  /** Rejects with the Failure of a token that cannot be had, and for nothing else. */
  async call(method: string, body: object, signal: AbortSignal, timeoutMs?: number): Promise<SlackAnswer> {
    const token = await this.#token();
    const headers = { authorization: `Bearer ${token.reveal()}` };
    return this.#post(new URL(method, this.#base), body, headers, signal, timeoutMs);
  }

  /**
   * Answers an interaction at the `response_url` that came with it. It carries no token of ours, and is only gone to
   * where Slack itself is.
   */
  async respond(responseUrl: string, body: object, signal: AbortSignal): Promise<SlackAnswer> {
    const url = URL.parse(responseUrl);
    const isSlack =
      url !== null &&
      url.protocol === this.#base.protocol &&
      url.port === this.#base.port &&
      url.username === '' &&
      (url.hostname === this.#base.hostname || url.hostname.endsWith(`.${this.#base.hostname}`));
    if (!isSlack) return { kind: 'failed', why: 'the response_url is not one of Slack' };
    return this.#post(url, body, {}, signal);
  }

  close(): Promise<void> {
    return this.#poster.close();
  }

  async #post(
    url: URL,
    body: object,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    timeoutMs?: number,
  ): Promise<SlackAnswer> {
    const answer = await this.#poster.post(url, {
      headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
      body: JSON.stringify(body),
      signal,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    if (answer.kind === 'unreachable') return { kind: 'failed', why: answer.why };
    if (answer.status === 429) return { kind: 'limited', seconds: waitOf(answer.headers['retry-after']) };
    if (answer.status !== 200) return { kind: 'failed', why: `Slack answered ${answer.status}` };
    // A response_url answers in either way.
    if (answer.body === 'ok') return { kind: 'ok', body: { ok: true } };
    const read = answerSchema.safeParse(jsonOf(answer.body));
    if (!read.success) return { kind: 'failed', why: 'the answer is not one of Slack' };
    if (read.data.ok) return { kind: 'ok', body: read.data };
    const error = read.data.error ?? '';
    return { kind: 'refused', error: /^[a-z0-9_]{1,64}$/.test(error) ? error : 'unreadable_error' };
  }
}

function waitOf(header: string | string[] | undefined): number {
  const seconds = typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) : DEFAULT_WAIT_SECONDS;
  return Math.min(Math.max(seconds, 1), LONGEST_WAIT_SECONDS);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
