/**
 * Two policies over one recorded log: which calls the second decides otherwise than the first. What was recorded then is
 * not what they are compared with: the policy may have changed since, and that is no part of the change that is looked at.
 */
import type { JsonObject, PolicySet, Verdict } from '../model.ts';
import { isList, member } from '../values/json.ts';
import { Replay, type ReplayedCall } from './replay.ts';
import { type ReplayCounts, ReplayTally } from './tally.ts';

export interface ComparisonOptions {
  readonly before: PolicySet;
  readonly after: PolicySet;
  /** Id of an agent → the roles that it wears before and after, in place of those that it wore then. */
  readonly roles?: ReadonlyMap<string, { readonly before: readonly string[]; readonly after: readonly string[] }>;
  /** The first record is the first of the log. */
  readonly isFromStart: boolean;
  /** Calls before it fill the windows and are not counted; epoch milliseconds. */
  readonly sinceMs: number;
  /** How many changed calls are kept. */
  readonly limit: number;
}

export interface ComparisonResult extends Omit<ReplayCounts, 'changes'> {
  /** `before` is the answer of the first policy; `recorded` is what stands on the log. */
  readonly changes: readonly (ReplayedCall & { readonly recorded: Verdict })[];
  /** Replayable calls that the first policy decides otherwise than they were decided then. */
  readonly recordedOtherwise: number;
  /** Times of the first and the last call that was counted. */
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** Told apart from those that people and directories can name. */
const MARK = 'quarantine:';

export class ReplayComparison {
  readonly #options: ComparisonOptions;
  readonly #before: Replay;
  readonly #after: Replay;
  readonly #tally: ReplayTally;
  readonly #recorded = new Map<ReplayedCall, Verdict>();
  #was: ReplayedCall | undefined;
  #is: ReplayedCall | undefined;
  #recordedOtherwise = 0;
  #from: string | undefined;
  #to: string | undefined;

  constructor(options: ComparisonOptions) {
    const { before, after, isFromStart, limit } = options;
    this.#options = options;
    this.#tally = new ReplayTally(limit);
    this.#before = new Replay({
      set: before,
      isFromStart,
      onCall: (call) => {
        this.#was = call;
      },
    });
    this.#after = new Replay({
      set: after,
      isFromStart,
      onCall: (call) => {
        this.#is = call;
      },
    });
  }

  /** Records in the order of the log, all kinds of them. */
  add(record: JsonObject, seq: number): void {
    this.#was = undefined;
    this.#is = undefined;
    const agent = this.#options.roles === undefined ? undefined : member(record, 'agent_id');
    const roles = typeof agent === 'string' ? this.#options.roles?.get(agent) : undefined;
    this.#before.add(roles === undefined ? record : withRoles(record, roles.before), seq);
    this.#after.add(roles === undefined ? record : withRoles(record, roles.after), seq);
    if (this.#was !== undefined && this.#is !== undefined) this.#count(this.#was, this.#is);
  }

  result(): ComparisonResult {
    const counts = this.#tally.result();
    return {
      ...counts,
      changes: counts.changes.map((call) => ({ ...call, recorded: this.#recorded.get(call) ?? call.before.verdict })),
      recordedOtherwise: this.#recordedOtherwise,
      from: this.#from,
      to: this.#to,
    };
  }

  #count(was: ReplayedCall, is: ReplayedCall): void {
    if (!(Date.parse(is.ts) >= this.#options.sinceMs)) return;
    this.#from ??= is.ts;
    this.#to = is.ts;
    const { before: recorded } = is;
    if ('unreplayable' in was.after) {
      this.#tally.add({ ...is, after: was.after });
      return;
    }
    if (was.after.verdict !== recorded.verdict) this.#recordedOtherwise += 1;
    const call = { ...is, before: was.after };
    const isChanged = !('unreplayable' in is.after) && is.after.verdict !== was.after.verdict;
    if (isChanged && this.#recorded.size < this.#options.limit) this.#recorded.set(call, recorded.verdict);
    this.#tally.add(call);
  }
}

/** A quarantine stays what it was. */
function withRoles(record: JsonObject, roles: readonly string[]): JsonObject {
  const worn = member(record, 'roles');
  if (!isList(worn)) return record;
  const marks = worn.filter((role) => typeof role === 'string' && role.startsWith(MARK));
  return { ...record, roles: [...roles, ...marks] };
}
