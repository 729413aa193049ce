/** What Slack posts of a click or an answered dialog, as far as it is used. What else stands there is Slack's affair. */
import { z } from 'zod';
import { APPROVE, DENY, DENY_VIEW, parseShown, REASON_ACTION, REASON_BLOCK, type Shown } from './card.ts';

const id = z.string().regex(/^[A-Z][A-Z0-9]{1,31}$/);
const who = { team: z.looseObject({ id }), user: z.looseObject({ id, team_id: id.optional() }) };

const clickSchema = z.looseObject({
  type: z.literal('block_actions'),
  ...who,
  trigger_id: z.string().min(1).max(256),
  response_url: z.string().max(2048),
  actions: z.tuple([
    z.looseObject({
      type: z.literal('button'),
      action_id: z.string().max(255),
      value: z.string().max(2000).optional(),
    }),
  ]),
});

const answerSchema = z.looseObject({
  type: z.literal('view_submission'),
  ...who,
  view: z.looseObject({
    callback_id: z.string().max(255),
    private_metadata: z.string().max(3000),
    state: z.looseObject({
      values: z.record(z.string(), z.record(z.string(), z.looseObject({ value: z.string().max(3000).nullish() }))),
    }),
  }),
});

export interface Account {
  readonly team: string;
  readonly user: string;
}

export type Interaction =
  | {
      readonly kind: 'click';
      readonly button: 'approve' | 'deny';
      readonly account: Account;
      readonly shown: Shown;
      readonly responseUrl: string;
      /** Good for 3 s. */
      readonly triggerId: string;
    }
  | {
      readonly kind: 'answer';
      readonly account: Account;
      readonly shown: Shown;
      readonly responseUrl: string;
      readonly reason: string;
    }
  /** Of something that we did not make, or that needs no answer. */
  | { readonly kind: 'other' };

const teamsSchema = z.looseObject(who);

/** The teams that it speaks of, by which the signing secret is found. Nothing of it is believed yet. */
export function teamsOf(payload: unknown): readonly string[] {
  const read = teamsSchema.safeParse(payload);
  if (!read.success) return [];
  const { team, user } = read.data;
  return [...new Set([team.id, user.team_id ?? team.id])];
}

/** Undefined for what is not as Slack writes it. */
export function readInteraction(payload: unknown): Interaction | undefined {
  const click = clickSchema.safeParse(payload);
  if (click.success) return clickOf(click.data);
  const answer = answerSchema.safeParse(payload);
  if (answer.success) return answerOf(answer.data);
  const type = z.looseObject({ type: z.string() }).safeParse(payload);
  const isKnown = type.success && (type.data.type === 'block_actions' || type.data.type === 'view_submission');
  return type.success && !isKnown ? { kind: 'other' } : undefined;
}

/** Members of other teams act in shared channels, too: an account is the team it is of, and the user. */
function accountOf({ team, user }: z.output<typeof teamsSchema>): Account {
  return { team: user.team_id ?? team.id, user: user.id };
}

function clickOf(click: z.output<typeof clickSchema>): Interaction | undefined {
  const [{ action_id: actionId, value = '' }] = click.actions;
  if (actionId !== APPROVE && actionId !== DENY) return { kind: 'other' };
  const shown = parseShown(value);
  if (shown === undefined) return undefined;
  return {
    kind: 'click',
    button: actionId === APPROVE ? 'approve' : 'deny',
    account: accountOf(click),
    shown,
    responseUrl: click.response_url,
    triggerId: click.trigger_id,
  };
}

/** What the dialog was opened with comes back in it. */
export function metadataOf(shownValue: string, responseUrl: string): string {
  return `${shownValue} ${responseUrl}`;
}

function answerOf(answer: z.output<typeof answerSchema>): Interaction | undefined {
  const { callback_id: callbackId, private_metadata: metadata, state } = answer.view;
  if (callbackId !== DENY_VIEW) return { kind: 'other' };
  const [, value = '', responseUrl = ''] = /^(\S+ \S+) (\S+)$/.exec(metadata) ?? [];
  const shown = parseShown(value);
  if (shown === undefined) return undefined;
  const reason = state.values[REASON_BLOCK]?.[REASON_ACTION]?.value ?? '';
  return { kind: 'answer', account: accountOf(answer), shown, responseUrl, reason: reason.trim().slice(0, 1000) };
}
