/** What is asked for and given: states, who may move a request on, and for whom it waits. Pure. */
import type { Side } from './engagement.ts';

export const REQUEST_STATUSES = ['open', 'provided', 'accepted', 'returned', 'closed'] as const;
export type RequestStatus = (typeof REQUEST_STATUSES)[number];

export const ACTS = ['commented', 'provided', 'accepted', 'returned', 'closed'] as const;
export type Act = (typeof ACTS)[number];

/** Who may do it, in which states, and what the state is then; a comment changes none. */
const MOVES: Readonly<
  Record<Act, { readonly by: readonly Side[]; readonly from: readonly RequestStatus[]; readonly to?: RequestStatus }>
> = {
  commented: { by: ['firm', 'customer'], from: ['open', 'provided', 'accepted', 'returned'] },
  provided: { by: ['customer'], from: ['open', 'returned'], to: 'provided' },
  accepted: { by: ['firm'], from: ['provided'], to: 'accepted' },
  returned: { by: ['firm'], from: ['provided', 'accepted'], to: 'returned' },
  closed: { by: ['firm'], from: ['open', 'provided', 'accepted', 'returned'], to: 'closed' },
};

export type Move =
  | { readonly kind: 'moved'; readonly status: RequestStatus }
  | { readonly kind: 'other_side' }
  | { readonly kind: 'not_now' };

export function move(status: RequestStatus, act: Act, side: Side): Move {
  const { by, from, to = status } = MOVES[act];
  if (!by.includes(side)) return { kind: 'other_side' };
  return from.includes(status) ? { kind: 'moved', status: to } : { kind: 'not_now' };
}

/** For whom it waits in a state. */
const WAITS_FOR: Readonly<Record<RequestStatus, Side | null>> = {
  open: 'customer',
  returned: 'customer',
  provided: 'firm',
  accepted: null,
  closed: null,
};

export interface Moment {
  readonly act: Act | 'opened';
  readonly atMs: number;
}

export interface Clocks {
  /** Seconds for which each side was waited for. Both add up to the time in which it waited for anybody. */
  readonly customer_seconds: number;
  readonly firm_seconds: number;
  readonly waits_for: Side | null;
}

/** `acts`: all of them in their order, the first one its opening. */
export function clocksOf(acts: readonly Moment[], nowMs: number): Clocks {
  const waitedMs = { customer: 0, firm: 0 };
  let status: RequestStatus = 'open';
  let sinceMs = acts[0]?.atMs ?? nowMs;
  const pass = (untilMs: number) => {
    const side = WAITS_FOR[status];
    if (side !== null) waitedMs[side] += Math.max(0, untilMs - sinceMs);
    sinceMs = Math.max(sinceMs, untilMs);
  };
  for (const { act, atMs } of acts) {
    pass(atMs);
    if (act !== 'opened') status = MOVES[act].to ?? status;
  }
  pass(nowMs);
  return {
    customer_seconds: Math.floor(waitedMs.customer / 1000),
    firm_seconds: Math.floor(waitedMs.firm / 1000),
    waits_for: WAITS_FOR[status],
  };
}
