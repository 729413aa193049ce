/**
 * What each shipped rule means, said again without any memory: at each event the whole past is looked at once more.
 * Slow, and short enough to be read beside the reference.
 */
import type { FlatEvent, ParameterValue } from '../src/index.ts';

export interface Seen {
  readonly event: FlatEvent;
  /** Milliseconds. */
  readonly at: number;
}

/** `clause|key` and how many events. */
export interface NaiveMatch {
  readonly clause: string;
  readonly key: string;
  readonly count: number;
}

type Parameters = Readonly<Record<string, ParameterValue>>;
/** Matches at the last of `past`. */
export type Naive = (past: readonly Seen[], parameters: Parameters) => readonly NaiveMatch[];

const DAY = 86_400_000;
const HOUR = 3_600_000;
const num = (p: Parameters, name: string) => Number(p[name]);
const str = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
const lower = (value: unknown) => String(value).toLowerCase();
const last = (past: readonly Seen[]) => past[past.length - 1] ?? { event: {}, at: 0 };
const one = (clause: string, key: string): NaiveMatch => ({ clause, key, count: 1 });
const is = (e: FlatEvent, kind: string, verdict?: string) =>
  e.kind === kind && (verdict === undefined || e.verdict === verdict);
const seconds = (text: ParameterValue | undefined) =>
  Number(String(text).slice(0, -1)) * ({ s: 1_000, m: 60_000, h: HOUR, d: DAY }[String(text).slice(-1)] ?? 0);

/** Those in the window that ends with the last one, of what has not left the window of the newest. */
function within(of: readonly Seen[], length: number): readonly Seen[] {
  const { at } = last(of);
  const newest = Math.max(...of.map((each) => each.at));
  return of.filter((each) => each.at > at - length && each.at <= at && each.at > newest - length);
}

function simple(test: (e: FlatEvent) => boolean, key: (e: FlatEvent) => string): Naive {
  return (past) => (test(last(past).event) ? [one('', key(last(past).event))] : []);
}

function since(
  past: readonly Seen[],
  who: string,
  what: string,
  at: number,
  p: Parameters,
  pairs: (each: Seen) => readonly [string, string] | undefined,
  known: (each: Seen) => string | undefined,
  resetAt = -Infinity,
): boolean {
  const before = past.slice(0, -1);
  const knownAt = Math.min(at, ...past.filter((each) => known(each) === who).map((each) => each.at));
  const used = before.filter((each) => pairs(each)?.[0] === who && pairs(each)?.[1] === what).map((each) => each.at);
  const lastUse = Math.max(-Infinity, ...used);
  const isKnownPair = used.length > 0 && at - lastUse <= num(p, 'forget_days') * DAY && lastUse >= resetAt;
  return !isKnownPair && at - knownAt > num(p, 'known_days') * DAY;
}

/** Sums of the periods in which something happened, each in the order of its first event; what comes late counts in the running one. */
function baseline(
  of: readonly { readonly at: number; readonly amount: number; readonly reported: boolean }[],
  period: number,
  alpha: number,
  needed: number,
) {
  let running = 0;
  let sum = 0;
  let bad = false;
  let mean = 0;
  let variance = 0;
  let learned = 0;
  const sigma = () => Math.max(Math.sqrt(variance), 0.05 * mean, 1);
  for (const { at, amount, reported } of of) {
    const number = Math.floor(at / period);
    if (number > running) {
      if (running !== 0 && !bad) {
        if (learned === 0) mean = sum;
        else {
          const value = learned < needed ? sum : Math.min(mean + 3 * sigma(), Math.max(mean - 3 * sigma(), sum));
          const increment = alpha * (value - mean);
          variance = (1 - alpha) * (variance + (value - mean) * increment);
          mean += increment;
        }
        learned += 1;
      }
      running = number;
      sum = 0;
      bad = false;
    }
    sum += amount;
    bad ||= reported;
  }
  return { sum, z: learned < needed ? undefined : (sum - mean) / sigma() };
}

/** What a policy of before says in these tests: a function of the call and of the policy alone. */
export function decideAgain(call: FlatEvent, policy: string): 'allow' | 'deny' | 'review' {
  return (['allow', 'deny', 'allow', 'review'] as const)[(String(call.tool).length + policy.length) % 4] ?? 'allow';
}

/** Checkpoints at which the rules on silence look: the first, and then a minute or more after the one before. */
function looks(past: readonly Seen[]): ReadonlySet<number> {
  const found = new Set<number>();
  let before = -Infinity;
  let clock = -Infinity;
  for (const [i, { event, at }] of past.entries()) {
    clock = Math.max(clock, at);
    if (event.kind !== 'stream.checkpoint' || clock - before < 60_000) continue;
    found.add(i);
    before = clock;
  }
  return found;
}

const payment = (e: FlatEvent) =>
  is(e, 'tool.call', 'allow') && str(e.owner) !== undefined && typeof e.amount_minor === 'number';

export const NAIVE: Readonly<Record<string, Naive>> = {
  D01: (past, p) => {
    const { event } = last(past);
    if (!is(event, 'tool.call', 'deny') || event.agent_id === undefined) return [];
    const found = within(
      past.filter(({ event: e }) => is(e, 'tool.call', 'deny') && e.agent_id === event.agent_id),
      seconds(p.timespan),
    );
    return found.length >= num(p, 'denials') ? [{ clause: '', key: String(event.agent_id), count: found.length }] : [];
  },
  D02: (past, p) => {
    const { event } = last(past);
    const counts = (e: FlatEvent) =>
      is(e, 'tool.call', 'deny') &&
      lower(e.reason_class) === 'scope' &&
      e.agent_id === event.agent_id &&
      e.tool !== undefined;
    if (!counts(event) || event.agent_id === undefined) return [];
    const mine = past.filter((each) => counts(each.event));
    // Of each tool the newest event speaks for it.
    const newest = mine.filter(
      (each, i) =>
        !mine.some(
          (other, j) => other.event.tool === each.event.tool && (other.at > each.at || (other.at === each.at && j > i)),
        ),
    );
    const length = seconds(p.timespan);
    const top = Math.max(...mine.map(({ at }) => at));
    const { at } = last(past);
    const tools = newest.filter((each) => each.at > at - length && each.at <= at && each.at > top - length).length;
    return tools >= num(p, 'tools') ? [{ clause: '', key: String(event.agent_id), count: tools }] : [];
  },
  D03: (past, p) => {
    const { event, at } = last(past);
    const agent = str(event.agent_id);
    const tool = str(event.tool);
    if (!is(event, 'tool.call', 'allow') || agent === undefined || tool === undefined) return [];
    const grants = past.filter(
      ({ event: e }) =>
        e.kind === 'role.changed' &&
        e.role === event.role &&
        Array.isArray(e.granted) &&
        e.granted.includes(event.action),
    );
    const granted = grants.length === 0 ? undefined : last(grants).at;
    const uses = (each: Seen) =>
      is(each.event, 'tool.call', 'allow')
        ? ([String(each.event.agent_id), String(each.event.tool)] as const)
        : undefined;
    const known = (each: Seen) =>
      is(each.event, 'tool.call', 'allow') || each.event.kind === 'agent.created'
        ? str(each.event.agent_id)
        : undefined;
    return since(past, agent, tool, at, p, uses, known, granted) ? [one('', `${agent}|${tool}`)] : [];
  },
  D03b: (past, p) => {
    const { event, at } = last(past);
    const [owner, payee] = [str(event.owner), str(event.payee)];
    if (!is(event, 'tool.call', 'allow') || owner === undefined || payee === undefined) return [];
    const pairs = (each: Seen) =>
      is(each.event, 'tool.call', 'allow') && str(each.event.payee) !== undefined
        ? ([String(each.event.owner), String(each.event.payee)] as const)
        : undefined;
    return since(past, owner, payee, at, p, pairs, (each) => pairs(each)?.[0]) ? [one('', `${owner}|${payee}`)] : [];
  },
  D04: (past, p) => {
    const { event: e } = last(past);
    const off =
      Number(e.local_hour) < num(p, 'from_hour') ||
      Number(e.local_hour) >= num(p, 'to_hour') ||
      Number(e.local_dow) >= 6;
    return is(e, 'tool.call', 'allow') && e.destructive === true && off ? [one('', String(e.agent_id ?? ''))] : [];
  },
  D05: (past, p) => {
    const { event } = last(past);
    if (!payment(event)) return [];
    const mine = past.filter(({ event: e }) => payment(e) && e.owner === event.owner);
    const limit = num(p, 'day_cap_minor') * num(p, 'share');
    const history: { at: number; amount: number; reported: boolean }[] = [];
    let matches: NaiveMatch[] = [];
    for (const [i, { event: e, at }] of mine.entries()) {
      matches = [];
      const window = within(mine.slice(0, i + 1), HOUR);
      const sum = window.reduce((total, each) => total + Number(each.event.amount_minor), 0);
      const key = String(event.owner);
      if (sum > limit) matches.push({ clause: 'limit', key, count: window.length });
      const entry = { at, amount: Number(e.amount_minor), reported: false };
      const { sum: running, z } = baseline([...history, entry], HOUR, num(p, 'alpha'), num(p, 'learned_hours'));
      const unusual = z !== undefined && z > num(p, 'z') && running > num(p, 'floor_minor');
      history.push({ ...entry, reported: unusual || sum > limit });
      if (unusual) matches.push({ clause: 'unusual', key, count: window.length });
    }
    return matches;
  },
  D06: (past, p) => {
    const { event, at } = last(past);
    const person = str(event.person);
    if (event.kind !== 'approval.decided' || person === undefined || event.decision !== 'approve') return [];
    const mine = past.filter(({ event: e }) => e.kind === 'approval.decided' && e.person === person);
    const grants = mine.filter(({ event: e }) => e.decision === 'approve');
    const recent = within(grants, num(p, 'window_seconds') * 1_000);
    const dwells = grants
      .flatMap(({ event: e }) => (typeof e.dwell_ms === 'number' ? [e.dwell_ms] : []))
      .slice(-15)
      .sort((a, b) => a - b);
    const median = dwells[Math.floor((dwells.length - 1) / 2)];
    const matches: NaiveMatch[] = [];
    if (recent.length >= num(p, 'grants') && median !== undefined && median < num(p, 'median_dwell_ms'))
      matches.push({ clause: 'pace', key: person, count: recent.length });
    const risky = past.some(
      ({ event: e }) =>
        is(e, 'tool.call', 'review') &&
        e.approval_id !== undefined &&
        e.approval_id === event.approval_id &&
        (e.destructive === true || Number(e.amount_minor ?? 0) >= num(p, 'high_amount_minor')),
    );
    if (risky && typeof event.dwell_ms === 'number' && event.dwell_ms < num(p, 'instant_dwell_ms'))
      matches.push(one('instant', person));
    const week = within(mine, 7 * DAY).filter((each) => each.at <= at);
    if (week.length >= num(p, 'weekly_decisions') && week.every(({ event: e }) => e.decision === 'approve'))
      matches.push({ clause: 'always', key: person, count: week.length });
    return matches;
  },
  D07: (past, p) => {
    const { event } = last(past);
    const threshold = (e: FlatEvent) =>
      typeof e.approval_threshold === 'number' ? e.approval_threshold : num(p, 'threshold_minor');
    const near = (e: FlatEvent) =>
      payment(e) &&
      str(e.payee) !== undefined &&
      Number(e.amount_minor) >= num(p, 'share') * threshold(e) &&
      Number(e.amount_minor) <= threshold(e);
    if (!near(event)) return [];
    const found = within(
      past.filter(({ event: e }) => near(e) && e.owner === event.owner && e.payee === event.payee),
      num(p, 'window_seconds') * 1_000,
    );
    const sum = found.reduce((total, each) => total + Number(each.event.amount_minor), 0);
    return found.length >= num(p, 'payments') && sum > threshold(event)
      ? [{ clause: '', key: `${event.owner}|${event.payee}`, count: found.length }]
      : [];
  },
  D08: simple(
    (e) => {
      const approvers = Array.isArray(e.approvers) ? e.approvers.map(lower) : [];
      return (
        e.kind === 'approval.granted' &&
        ((e.approver !== undefined && e.owner !== undefined && lower(e.approver) === lower(e.owner)) ||
          (e.requester !== undefined && approvers.includes(lower(e.requester))))
      );
    },
    (e) => String(e.approver ?? ''),
  ),
  D09: (past, p) => {
    const { event, at } = last(past);
    const id = str(event.approval_id);
    if (!is(event, 'tool.call', 'allow') || id === undefined) return [];
    const before = past.slice(0, -1).filter(({ event: e }) => e.approval_id === id);
    const reads = (e: FlatEvent) => is(e, 'tool.call') || String(e.kind).startsWith('approval.');
    const first = past.find(({ event: e }) => reads(e) && e.kind !== 'approval.decided');
    const uses = before.filter(({ event: e }) => is(e, 'tool.call', 'allow'));
    const known = before.filter(
      ({ event: e }) => !is(e, 'tool.call', 'allow') && !is(e, 'tool.call', 'deny') && e.kind !== 'approval.decided',
    );
    const complete = first?.event.seq === 1;
    if (known.length === 0)
      return complete || at - (first?.at ?? at) >= num(p, 'unknown_after_days') * DAY ? [one('', id)] : [];
    // A use before anything was known of it left no trace.
    const usesSince = uses.filter((use) => past.indexOf(use) > past.indexOf(known[0] ?? use));
    const grants = known.filter(({ event: e }) => e.kind === 'approval.granted');
    const over = known.some(({ event: e }) =>
      ['approval.expired', 'approval.cancelled', 'approval.stopped'].includes(String(e.kind)),
    );
    const deadlines = known.flatMap(({ event: e }) =>
      e.kind !== 'tool.call' && str(e.expires_at) !== undefined ? [Date.parse(String(e.expires_at))] : [],
    );
    const deadline = deadlines[deadlines.length - 1];
    let binds: unknown;
    for (const { event: e } of known) {
      if (e.kind === 'approval.granted' && str(e.binds) !== undefined) binds = e.binds;
      else if (is(e, 'tool.call', 'review')) binds ??= str(e.args_digest);
    }
    const misused =
      over ||
      grants.length === 0 ||
      usesSince.length > 0 ||
      (deadline !== undefined && at > deadline + num(p, 'grace_seconds') * 1_000) ||
      (binds !== undefined && binds !== event.args_digest);
    return misused ? [one('', id)] : [];
  },
  D11: (past, p) => {
    const { event } = last(past);
    const agent = str(event.agent_id);
    if (!is(event, 'tool.call') || agent === undefined) return [];
    const mine = past.filter(({ event: e }) => e.agent_id === agent);
    const marks = mine.filter(({ event: e }) => e.kind === 'agent.revoked' || e.kind === 'agent.restored');
    if (marks.length === 0 || last(marks).event.kind !== 'agent.revoked') return [];
    if (event.verdict === 'allow') return [one('allowed', agent)];
    if (event.verdict !== 'deny') return [];
    const restored = mine.findLastIndex(({ event: e }) => e.kind === 'agent.restored');
    const stretch = mine.slice(restored + 1);
    const counts = ({ event: e }: Seen, i: number): boolean => {
      const stop = stretch.slice(0, i).findLast(({ event: other }) => other.kind === 'agent.revoked');
      return is(e, 'tool.call', 'deny') && stop !== undefined && str(stop.event.rehearsal) === undefined;
    };
    if (!counts(last(stretch), stretch.length - 1)) return [];
    const found = within(stretch.filter(counts), num(p, 'window_seconds') * 1_000);
    return found.length >= num(p, 'denials') ? [{ clause: 'calling', key: agent, count: found.length }] : [];
  },
  D12: simple(
    (e) =>
      (e.kind === 'policy.changed' || e.kind === 'role.changed') &&
      !['stop', 'discovery', 'directory', 'agent_request'].includes(String(e.basis)) &&
      !(e.kind === 'role.changed' && ['candidate_tried', 'candidate_dropped'].includes(String(e.change))) &&
      ((e.reviewer === undefined && e.review_required !== false) ||
        (e.author !== undefined && lower(e.reviewer) === lower(e.author)) ||
        e.window === 'frozen' ||
        lower(e.actor).startsWith('agent:')),
    (e) => String(e.author ?? ''),
  ),
  D13: simple(
    (e) => e.kind === 'tool.call' && typeof e.tool === 'string' && e.tool.toLowerCase().startsWith('canary_'),
    (e) => String(e.agent_id ?? ''),
  ),
  D15: (past, p) => {
    const { event } = last(past);
    const run = (e: FlatEvent) => str(e.run_id) ?? str(e.session_id);
    if (!is(event, 'tool.call') || event.verdict === 'deny' || run(event) === undefined) return [];
    const calls = past
      .filter(
        ({ event: e }) =>
          is(e, 'tool.call') && e.verdict !== 'deny' && e.agent_id === event.agent_id && run(e) === run(event),
      )
      .map(({ event: e }) => e);
    const here = calls.length - 1;
    const acts = event.access !== 'read' || event.external === true;
    const isTaint = (e: FlatEvent) => e.access === 'read' && e.provenance === 'untrusted';
    let source = calls.slice(0, -1).findLastIndex(isTaint);
    if (source < 0) {
      // The first untrusted call after some read was led by what came in before it.
      const turned = calls.findIndex(
        (e, i) => e.provenance === 'untrusted' && calls.slice(0, i).some(({ access }) => access === 'read'),
      );
      if (turned > 0) source = turned - 1;
    }
    if (!acts || source < 0 || here - source > num(p, 'calls')) return [];
    const patterns = Array.isArray(p.sensitive_sources) ? p.sensitive_sources : [];
    const sensitive = (e: FlatEvent) =>
      e.access === 'read' &&
      patterns.some((pattern) =>
        [e.tool, e.action, e.resource].some(
          (name) =>
            typeof name === 'string' &&
            new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`, 'i').test(name),
        ),
      );
    const clause = event.external === true && calls.slice(0, -1).some(sensitive) ? 'sensitive' : 'action';
    return [{ clause, key: `${event.agent_id}|${run(event)}`, count: 2 }];
  },
  D16: (past) => {
    const { event } = last(past);
    if (!is(event, 'tool.call', 'allow') || str(event.tool_digest) === undefined || str(event.tool) === undefined)
      return [];
    const before = past.slice(0, -1);
    const calls = before.filter(
      ({ event: e }) =>
        is(e, 'tool.call', 'allow') &&
        e.tool === event.tool &&
        e.namespace === event.namespace &&
        str(e.tool_digest) !== undefined,
    );
    const approved = before.some(
      ({ event: e }) => e.kind === 'tool.changed' && e.change === 'approved' && e.pin === event.tool_digest,
    );
    return calls.length > 0 && last(calls).event.tool_digest !== event.tool_digest && !approved
      ? [one('', String(event.tool))]
      : [];
  },
  D19: simple(
    (e) =>
      e.kind === 'evaluator.error' ||
      (e.kind === 'tool.call' && e.mode !== undefined && e.mode !== 'enforce') ||
      e.kind === 'break_glass.used',
    (e) => String(e.kind),
  ),
  D20: simple(
    (e) =>
      e.kind === 'sink.paused' ||
      e.kind === 'sink.skipped' ||
      (e.kind === 'sink.changed' && e.change !== 'created' && e.change !== 'tested') ||
      (e.kind === 'webhook.changed' && (e.change === 'disabled' || e.change === 'deleted')) ||
      (e.kind === 'channel.changed' && e.change === 'removed'),
    (e) => (e.actor === undefined ? '' : `${e.kind}|${e.actor}`),
  ),
  D08b: (past, p) => {
    const { event, at } = last(past);
    const person = str(event.person);
    if (event.kind !== 'approval.decided' || event.decision !== 'approve' || person === undefined) return [];
    const policies = past.filter(({ event: e }) => e.kind === 'policy.changed');
    const inForce = policies.length === 0 ? undefined : last(policies);
    const matches: NaiveMatch[] = [];
    if (inForce?.event.author === person && at - inForce.at < num(p, 'author_hours') * HOUR)
      matches.push(one('author', person));
    const made = past.filter(
      ({ event: e }) =>
        e.kind === 'person.changed' && e.change === 'created' && e.person === person && e.actor_type === 'person',
    );
    const maker = made.length === 0 ? undefined : last(made);
    if (
      maker !== undefined &&
      [event.owner, event.requester].includes(maker.event.actor_name) &&
      at - maker.at < num(p, 'account_days') * DAY
    )
      matches.push(one('account', person));
    return matches;
  },
  D10: (past, p) => {
    const { event, at } = last(past);
    const before = past.slice(0, -1);
    const matches: NaiveMatch[] = [];
    const isCheckpoint = (each: Seen) => each.event.kind === 'stream.checkpoint';
    const checkpoints = before.filter(isCheckpoint);
    const newest = Math.max(...checkpoints.map((each) => each.at));
    const limit = num(p, 'checkpoint_seconds') * num(p, 'intervals') * 1_000;
    // Told once after each checkpoint.
    const sinceLast = before.slice(before.findLastIndex(isCheckpoint) + 1);
    if (checkpoints.length > 0 && at - newest > limit && !sinceLast.some((each) => each.at - newest > limit))
      matches.push(one('checkpoint_missing', ''));
    if (isCheckpoint(last(past))) {
      const same = checkpoints.find(({ event: e }) => e.tree_size === event.tree_size);
      if (same !== undefined && same.event.root_hash !== event.root_hash) matches.push(one('checkpoint_fork', ''));
      return matches;
    }
    const entries = before.filter((each) => !isCheckpoint(each)).map(({ event: e }) => e);
    const top = Math.max(0, ...entries.map(({ seq }) => Number(seq)));
    const twin = entries.find(({ seq }) => seq === event.seq);
    if (twin !== undefined && twin.entry_hash !== event.entry_hash) matches.push(one('position_reused', ''));
    else if (entries.length > 0 && twin === undefined && event.seq !== top + 1) matches.push(one('gap', ''));
    const mine = entries.filter(({ shard }) => shard === event.shard);
    const head = mine.reduce<FlatEvent | undefined>(
      (high, e) => (high === undefined || Number(e.shard_seq) > Number(high.shard_seq) ? e : high),
      undefined,
    );
    if (head === undefined) return matches;
    const shard = String(event.shard);
    if (event.shard_seq !== Number(head.shard_seq) + 1) {
      if (event.shard_seq !== head.shard_seq || event.hash !== head.hash) matches.push(one('shard_gap', shard));
      return matches;
    }
    if (event.prev_hash !== head.hash) matches.push(one('chain_broken', shard));
    if (Date.parse(String(head.ts)) - Date.parse(String(event.ts)) > num(p, 'clock_step_seconds') * 1_000)
      matches.push(one('clock_step', shard));
    return matches;
  },
  D12b: (past, p) => {
    const { event, at } = last(past);
    if (!is(event, 'tool.call', 'allow')) return [];
    const loosened = past.filter(
      (each) =>
        each.event.kind === 'policy.changed' &&
        each.event.loosens === true &&
        str(each.event.prev_policy) !== undefined,
    );
    // One whose hour was over at a call is over, whatever the clock says afterwards.
    const open = loosened.filter((each) =>
      past
        .slice(past.indexOf(each))
        .every(
          (later) => !is(later.event, 'tool.call', 'allow') || later.at - each.at <= num(p, 'within_seconds') * 1_000,
        ),
    );
    const against = open.filter((each) => at >= 0 && decideAgain(event, String(each.event.prev_policy)) !== 'allow');
    return against.length > 0 ? [{ clause: '', key: String(event.agent_id ?? ''), count: 2 }] : [];
  },
  D14: (past, p) => {
    const { event } = last(past);
    const agent = str(event.agent_id);
    if (event.kind !== 'tool.result' || agent === undefined || typeof event.bytes_out !== 'number') return [];
    const length = num(p, 'window_seconds') * 1_000;
    const mine = past.filter(
      ({ event: e }) => e.kind === 'tool.result' && e.agent_id === agent && typeof e.bytes_out === 'number',
    );
    const history: { at: number; amount: number; reported: boolean }[] = [];
    let matches: NaiveMatch[] = [];
    for (const [i, { event: e, at }] of mine.entries()) {
      matches = [];
      const window = within(mine.slice(0, i + 1), length);
      const sum = window.reduce((total, each) => total + Number(each.event.bytes_out), 0);
      const entry = { at, amount: Number(e.bytes_out), reported: false };
      const { z } = baseline([...history, entry], length, num(p, 'alpha'), num(p, 'learned_periods'));
      const spike = sum > num(p, 'limit_bytes') && (z === undefined || z > num(p, 'z'));
      history.push({ ...entry, reported: spike });
      if (spike) matches.push({ clause: 'spike', key: agent, count: window.length });
    }
    const results = past.filter(({ event: e }) => e.kind === 'tool.result' && typeof e.bytes_out === 'number');
    const destination = ({ event: e }: Seen, i: number) => {
      const upTo = past.slice(0, past.indexOf(results[i] ?? last(past)));
      const call = upTo.findLast(
        ({ event: c }) =>
          c.event_id === e.call_event_id &&
          is(c, 'tool.call', 'allow') &&
          c.external === true &&
          str(c.dest) !== undefined &&
          str(c.agent_id) !== undefined,
      );
      const isTaken = upTo
        .slice(call === undefined ? 0 : upTo.indexOf(call))
        .some(
          ({ event: r }) =>
            r.kind === 'tool.result' && r.call_event_id === e.call_event_id && str(r.agent_id) !== undefined,
        );
      return call === undefined || isTaken ? undefined : String(call.event.dest);
    };
    const dests = results.map((each, i) => ({ agent: each.event.agent_id, at: each.at, dest: destination(each, i) }));
    const { dest, at } = dests[dests.length - 1] ?? { dest: undefined, at: 0 };
    const earlier = dests.slice(0, -1).filter((each) => each.dest === dest && each.agent === agent);
    const isKnown = earlier.length > 0 && at - Math.max(...earlier.map((each) => each.at)) <= 30 * DAY;
    if (dest !== undefined && !isKnown && event.bytes_out > num(p, 'first_destination_bytes'))
      matches.push({ clause: 'destination', key: agent, count: 2 });
    return matches;
  },
  D17: (past, p) => {
    const { event, at } = last(past);
    if (!is(event, 'tool.call') || str(event.token_id) === undefined) return [];
    const mine = past.slice(0, -1).filter(({ event: e }) => is(e, 'tool.call') && e.token_id === event.token_id);
    const network = (e: FlatEvent) => str(e.src_ip)?.split('.').slice(0, 3).join('.');
    const here = network(event);
    const matches: NaiveMatch[] = [];
    const others = new Map(
      mine.flatMap((each) => (network(each.event) === undefined ? [] : [[network(each.event), each.at] as const])),
    );
    if (
      here !== undefined &&
      [...others].some(([net, when]) => net !== here && at - when <= num(p, 'within_seconds') * 1_000 && when <= at)
    )
      matches.push({ clause: 'networks', key: String(event.token_id), count: 2 });
    if (
      str(event.agent_id) !== undefined &&
      mine.some(({ event: e }) => str(e.agent_id) !== undefined && e.agent_id !== event.agent_id)
    )
      matches.push({ clause: 'agents', key: String(event.token_id), count: 2 });
    return matches;
  },
  D18: (past, p) => {
    const { event, at: raw } = last(past);
    if (event.kind !== 'stream.checkpoint') return [];
    const now = Math.max(raw, ...past.map((each) => each.at));
    if (!looks(past).has(past.length - 1)) return [];
    const agents = new Set(past.flatMap(({ event: e }) => (is(e, 'tool.call') ? (str(e.agent_id) ?? []) : [])));
    return [...agents].flatMap((agent) => {
      const end = past.findLastIndex(
        ({ event: e }) => (e.kind === 'agent.revoked' || e.kind === 'agent.expired') && e.agent_id === agent,
      );
      const calls = past
        .map((each, i) => ({ ...each, i }))
        .filter(({ event: e, i }) => i > end && is(e, 'tool.call') && e.agent_id === agent);
      if (calls.length < num(p, 'calls')) return [];
      let newest = -Infinity;
      let longest = 0;
      for (const { at } of calls) {
        if (newest !== -Infinity) longest = Math.max(longest, at - newest);
        newest = Math.max(newest, at);
      }
      const limit = Math.max(num(p, 'silence_seconds') * 1_000, num(p, 'factor') * longest);
      const lastCall = calls[calls.length - 1]?.i ?? 0;
      // Told once until it calls again.
      const told = [...looks(past)].some(
        (i) =>
          i > lastCall &&
          i < past.length - 1 &&
          Math.max(...past.slice(0, i + 1).map((each) => each.at)) - newest > limit,
      );
      return now - newest > limit && !told ? [one('', agent)] : [];
    });
  },
  D18b: (past, p) => {
    if (!looks(past).has(past.length - 1)) return [];
    const clock = (i: number) => Math.max(...past.slice(0, i + 1).map((each) => each.at));
    const sinks = new Set(past.flatMap(({ event: e }) => (e.kind === 'sink.paused' ? (str(e.sink_id) ?? []) : [])));
    return [...sinks].flatMap((sink) => {
      const changes = past
        .map((each, i) => ({ ...each, i }))
        .filter(
          ({ event: e }) =>
            e.sink_id === sink &&
            (e.kind === 'sink.paused' ||
              e.kind === 'sink.resumed' ||
              (e.kind === 'sink.changed' && e.change === 'deleted')),
        );
      const pause = changes[changes.length - 1];
      if (pause?.event.kind !== 'sink.paused') return [];
      const over = (i: number) => clock(i) - pause.at > num(p, 'paused_seconds') * 1_000;
      const told = [...looks(past)].some((i) => i > pause.i && i < past.length - 1 && over(i));
      return over(past.length - 1) && !told ? [one('', sink)] : [];
    });
  },
  D21: (past, p) => {
    const { event, at } = last(past);
    const key = str(event.actor_name);
    if (event.actor_type !== 'key' || key === undefined) return [];
    const known = ({ event: e }: Seen) => (e.actor_type === 'key' ? str(e.actor_name) : undefined);
    const matches: NaiveMatch[] = [];
    if (since(past, key, String(event.kind), at, p, (each) => [known(each) ?? '', String(each.event.kind)], known))
      matches.push(one('kind', `${key}|${event.kind}`));
    const from = str(event.src_ip);
    if (
      from !== undefined &&
      since(past, key, from, at, p, (each) => [known(each) ?? '', String(each.event.src_ip)], known)
    )
      matches.push(one('place', `${key}|${from}`));
    return matches;
  },
  D22: simple(
    (e) => e.kind === 'agent.woke',
    (e) => String(e.agent_id ?? ''),
  ),
};
