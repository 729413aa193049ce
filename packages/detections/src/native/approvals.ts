/** D06, D08b and D09: how people approve, and what is done with what they approved. */
import { durationInWords } from '../documents/duration.ts';
import { idOf, isSynthetic, type Match, numberField, single, textField } from '../evaluator.ts';
import type { FlatEvent } from '../types.ts';
import { Keyed } from '../windows/keyed.ts';
import { evaluator, type NativeRule, notesMemory, ofWindow, Windows } from './native.ts';

const WEEK_MS = 7 * 86_400_000;
const HOUR_MS = 3_600_000;

/** Dwell times of an approver's newest decisions. */
const REMEMBERED_DWELLS = 15;

/** Somebody approves faster than anybody reads. */
export const approvalFatigue: NativeRule = {
  fields: ['kind', 'decision', 'person', 'dwell_ms', 'approval_id', 'amount_minor', 'destructive', 'verdict'],
  start(params) {
    const windowMs = params.seconds('window_seconds');
    const least = params.number('grants');
    const median = params.number('median_dwell_ms');
    const instant = params.number('instant_dwell_ms');
    const highAmount = params.number('high_amount_minor');
    const weekly = params.number('weekly_decisions');
    const grants = new Windows(windowMs);
    const weeks = new Windows(WEEK_MS);
    const dwells = new Keyed<readonly number[]>();
    /** Calls that wait, and could do much. */
    const risky = new Keyed<string>();
    const decided = (event: FlatEvent, at: number, person: string): readonly Match[] => {
      const isGrant = event.decision === 'approve';
      const week = ofWindow(weeks.add(person, at, isGrant ? 0 : 1, idOf(event), isSynthetic(event)), at);
      if (!isGrant) return [];
      const common = { group: { person }, to: at, event };
      const found = ofWindow(grants.add(person, at, 1, idOf(event), isSynthetic(event)), at);
      const matches: Match[] = [];
      const dwell = numberField(event, 'dwell_ms');
      const known =
        dwell === undefined
          ? (dwells.use(person) ?? [])
          : [...(dwells.use(person) ?? []), dwell].slice(-REMEMBERED_DWELLS);
      if (dwell !== undefined) dwells.set(person, known);
      const middle = medianOf(known);
      if (found.count >= least && middle !== undefined && middle < median) {
        const reason = `${found.count} approvals in ${durationInWords(windowMs)}, half of them within ${middle / 1_000} s`;
        matches.push({
          ...common,
          ...found,
          clause: 'pace',
          from: at - windowMs,
          measured: { grants: found.count, median_dwell_ms: middle },
          reason,
        });
      }
      const risk = risky.peek(textField(event, 'approval_id') ?? '');
      if (risk !== undefined && dwell !== undefined && dwell < instant)
        matches.push(
          single(event, at, ['person'], `${risk}, approved after ${dwell / 1_000} s`, {
            clause: 'instant',
            measured: { dwell_ms: dwell },
          }),
        );
      if (week.count >= weekly && week.sum === 0) {
        const reason = `${week.count} decisions in a week, all of them approvals`;
        const measured = { decisions: week.count };
        matches.push({
          ...common,
          ...week,
          clause: 'always',
          level: 'low',
          suppressionMs: WEEK_MS,
          from: at - WEEK_MS,
          measured,
          reason,
        });
      }
      return matches;
    };
    return evaluator({
      kinds: ['approval.decided', 'tool.call'],
      memory: { grants, weeks, dwells: notesMemory(dwells), risky: notesMemory(risky) },
      take(event, at) {
        if (event.kind === 'approval.decided') {
          const person = textField(event, 'person');
          return person === undefined ? [] : decided(event, at, person);
        }
        const approval = textField(event, 'approval_id');
        if (approval === undefined || event.verdict !== 'review') return [];
        const amount = numberField(event, 'amount_minor') ?? 0;
        if (event.destructive === true) risky.set(approval, 'a destructive call');
        else if (amount >= highAmount) risky.set(approval, `a call of ${amount}`);
        return [];
      },
    });
  },
};

function medianOf(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

/** Somebody approves under a policy that they have just written themselves, or was let in by whom they approve for. */
export const approverInvolved: NativeRule = {
  fields: ['kind', 'decision', 'person', 'author', 'actor_type', 'actor_name', 'owner', 'requester', 'change'],
  start(params) {
    const hours = params.number('author_hours');
    const days = params.number('account_days');
    /** Who wrote the policy that is in force, and when it came into force. */
    const authors = new Keyed<number>();
    /** Accounts and who made them. */
    const makers = new Keyed<readonly [maker: string, at: number]>();
    return evaluator({
      kinds: ['approval.decided', 'policy.changed', 'person.changed'],
      memory: { authors: notesMemory(authors), makers: notesMemory(makers) },
      take(event, at) {
        if (event.kind === 'policy.changed') {
          const author = textField(event, 'author');
          for (const [other] of [...authors.entries()]) authors.delete(other);
          if (author !== undefined) authors.set(author, at);
          return [];
        }
        const person = textField(event, 'person');
        if (person === undefined) return [];
        if (event.kind === 'person.changed') {
          const maker = textField(event, 'actor_name');
          if (event.change === 'created' && event.actor_type === 'person' && maker !== undefined)
            makers.set(person, [maker, at]);
          return [];
        }
        if (event.decision !== 'approve') return [];
        const matches: Match[] = [];
        const wroteAt = authors.peek(person);
        if (wroteAt !== undefined && at - wroteAt < hours * HOUR_MS)
          matches.push(
            single(
              event,
              at,
              ['person'],
              `${person} approved under a policy that they wrote less than ${hours} hours ago`,
              { clause: 'author' },
            ),
          );
        const [maker, madeAt] = makers.peek(person) ?? [];
        const asked = [textField(event, 'owner'), textField(event, 'requester')];
        if (maker !== undefined && madeAt !== undefined && asked.includes(maker) && at - madeAt < days * 24 * HOUR_MS)
          matches.push(
            single(event, at, ['person'], `${person} approved for ${maker}, who made their account`, {
              clause: 'account',
            }),
          );
        return matches;
      },
    });
  },
};

interface Approval {
  readonly expiresAt: number | null;
  readonly binds: string | null;
  readonly granted: boolean;
  readonly over: string | null;
  readonly usedBy: string | null;
}

const ASKED: Approval = { expiresAt: null, binds: null, granted: false, over: null, usedBy: null };
const OVER: Readonly<Record<string, string>> = {
  'approval.expired': 'had expired',
  'approval.cancelled': 'was cancelled',
  'approval.stopped': 'was stopped',
};

/** An allowed call on an approval that does not cover it. */
export const approvalMisuse: NativeRule = {
  fields: ['kind', 'verdict', 'approval_id', 'args_digest', 'binds', 'expires_at', 'seq', 'agent_id'],
  start(params) {
    const graceMs = params.seconds('grace_seconds');
    const unknownAfterMs = params.number('unknown_after_days') * 86_400_000;
    const approvals = new Keyed<Approval>();
    /** Since when the log is known, and whether from its beginning. */
    const start = new Keyed<number>();
    const misuse = (event: FlatEvent, at: number, id: string): string | undefined => {
      const approval = approvals.use(id);
      if (approval === undefined)
        return at - (start.peek('since') ?? at) >= unknownAfterMs ? 'is not known' : undefined;
      const { expiresAt, binds, granted, over, usedBy } = approval;
      approvals.set(id, { ...approval, usedBy: idOf(event) });
      if (over !== null) return over;
      if (!granted) return 'was not granted';
      if (usedBy !== null) return `was used before, by ${usedBy}`;
      if (expiresAt !== null && at > expiresAt + graceMs) return 'had expired';
      return binds !== null && binds !== event.args_digest ? 'is for other arguments' : undefined;
    };
    return evaluator({
      kinds: ['tool.call', 'approval.requested', 'approval.granted', ...Object.keys(OVER)],
      memory: { approvals: notesMemory(approvals), start: notesMemory(start) },
      take(event, at) {
        // From its first entry on nothing is unknown; joined later, approvals may be older than what was seen.
        if (start.size === 0) start.set('since', event.seq === 1 ? Number.MIN_SAFE_INTEGER : at);
        const id = textField(event, 'approval_id');
        if (id === undefined) return [];
        const before = approvals.peek(id);
        const digest = textField(event, 'args_digest');
        if (event.kind === 'tool.call') {
          if (event.verdict === 'review' && digest !== undefined)
            approvals.set(id, { ...(before ?? ASKED), binds: before?.binds ?? digest });
          if (event.verdict !== 'allow') return [];
          const why = misuse(event, at, id);
          return why === undefined
            ? []
            : [single(event, at, ['approval_id'], `a call ran on the approval ${id}, which ${why}`)];
        }
        const expires = Date.parse(textField(event, 'expires_at') ?? '');
        const known: Approval = { ...(before ?? ASKED), ...(Number.isNaN(expires) ? {} : { expiresAt: expires }) };
        const over = OVER[textField(event, 'kind') ?? ''];
        if (over !== undefined) approvals.set(id, { ...known, over });
        else if (event.kind === 'approval.granted')
          approvals.set(id, { ...known, granted: true, binds: textField(event, 'binds') ?? known.binds });
        else approvals.set(id, known);
        return [];
      },
    });
  },
};
