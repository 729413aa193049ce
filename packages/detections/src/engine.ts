/**
 * Evaluates rules over one log. What it finds is a function of the rules and of the events and checkpoints that it was
 * given, in their order: not of the clock, not of when it was stopped and started again, not of what came twice.
 */
import { sha256 } from '@hivekey/action-log';
import { type Evaluator, idOf, keyOf, type Match, numberField, textField } from './evaluator.ts';
import { Suppression } from './suppression.ts';
import type {
  Engine,
  EngineState,
  EngineStats,
  EvaluatorError,
  Finding,
  FlatEvent,
  Outside,
  Rule,
  Taken,
} from './types.ts';

/** Raised whenever the same rules and events give other findings than before. */
export const ENGINE_VERSION = '1';

/** Clocks of two nodes differ: a time that steps back by no more is taken for the newest so far. */
const TOLERANCE_MS = 5_000;

/** Of the newest events, so that one which is sent again is known. */
const REMEMBERED = 4_096;

const CHECKPOINT = 'stream.checkpoint';
const ERROR = 'evaluator.error';
const NOTHING: Taken = { findings: [], errors: [] };

interface Running {
  readonly rule: Rule;
  readonly evaluator: Evaluator;
  readonly suppression: Suppression;
}

/** `state` is what `state()` of an engine gave; without it the engine has seen nothing. */
export function createEngine(rules: readonly Rule[], state?: EngineState, outside: Outside = {}): Engine {
  const running = rules.map((rule): Running => {
    return { rule, evaluator: rule.start(outside), suppression: new Suppression() };
  });
  return new RuleEngine(running, state?.v === 1 && state.engine === ENGINE_VERSION ? state : undefined);
}

class RuleEngine implements Engine {
  readonly #running: readonly Running[];
  readonly #byKind = new Map<string, readonly Running[]>();
  /** Entry hash by id, of the ids in the ring below: finding the oldest key of a map that shrinks at its front is slow. */
  readonly #seen = new Map<string, string>();
  readonly #ids: string[] = [];
  #next = 0;
  #clock = 0;
  #seq = 0;
  #events = 0;
  #duplicates = 0;

  constructor(running: readonly Running[], state: EngineState | undefined) {
    this.#running = running;
    if (state === undefined) return;
    this.#clock = state.clock;
    this.#seq = state.seq;
    for (const [id, hash] of state.seen) this.#remember(id, hash);
    for (const { rule, evaluator, suppression } of running) {
      const saved = state.rules[rule.digest];
      if (saved === undefined) continue;
      evaluator.load(saved.evaluator);
      // Only `save` of the same version writes it.
      suppression.load(saved.suppression as ReturnType<Suppression['save']>);
    }
  }

  take(event: FlatEvent): Taken {
    const kind = textField(event, 'kind') ?? '';
    if (this.#isRepeated(event)) {
      this.#duplicates += 1;
      return NOTHING;
    }
    this.#events += 1;
    const at = this.#timeOf(event);
    const findings: Finding[] = [];
    const errors: EvaluatorError[] = [];
    for (const each of this.#readersOf(kind))
      this.#run(each, event, () => each.evaluator.take(event, at), findings, errors);
    if (kind === CHECKPOINT)
      for (const each of this.#running) {
        const { evaluator } = each;
        if (evaluator.tick !== undefined)
          this.#run(each, event, () => evaluator.tick?.(this.#clock) ?? [], findings, errors);
      }
    if (findings.length === 0 && errors.length === 0) return NOTHING;
    // Errors are recorded, and come by here again: one about a record of an error would have no end.
    return { findings, errors: kind === ERROR ? [] : errors };
  }

  state(): EngineState {
    return {
      ...{ v: 1, engine: ENGINE_VERSION, clock: this.#clock, seq: this.#seq, seen: this.#remembered() },
      rules: Object.fromEntries(
        this.#running.map(({ rule, evaluator, suppression }) => [
          rule.digest,
          { evaluator: evaluator.save(), suppression: suppression.save() },
        ]),
      ),
    };
  }

  /** The oldest first. */
  #remembered(): readonly (readonly [string, string])[] {
    const ids = [...this.#ids.slice(this.#next), ...this.#ids.slice(0, this.#next)];
    return ids.map((id) => [id, this.#seen.get(id) ?? '']);
  }

  stats(): EngineStats {
    const rules = this.#running.map(({ rule, evaluator: { keys, evicted } }) => [rule.document.ref, { keys, evicted }]);
    return { events: this.#events, duplicates: this.#duplicates, rules: Object.fromEntries(rules) };
  }

  /**
   * By its id and hash; further back than ids are remembered, by its number. The same id or number with another hash is
   * no repetition: the rule on the integrity of the log has to see it.
   */
  #isRepeated(event: FlatEvent): boolean {
    const id = idOf(event);
    const hash = textField(event, 'entry_hash') ?? '';
    const seq = numberField(event, 'seq') ?? 0;
    const before = this.#seen.get(id);
    if (before !== undefined && before === hash) return true;
    if (before === undefined && seq > 0 && seq <= this.#seq - REMEMBERED) return true;
    // A number that jumps is a gap, and must not make all that comes after it look old.
    if (this.#seq === 0 || seq <= this.#seq + REMEMBERED) this.#seq = Math.max(this.#seq, seq);
    this.#remember(id, hash);
    return false;
  }

  #remember(id: string, hash: string): void {
    if (!this.#seen.has(id)) {
      const oldest = this.#ids[this.#next];
      if (oldest !== undefined) this.#seen.delete(oldest);
      this.#ids[this.#next] = id;
      this.#next = (this.#next + 1) % REMEMBERED;
    }
    this.#seen.set(id, hash);
  }

  #timeOf(event: FlatEvent): number {
    const time = Date.parse(textField(event, 'ts') ?? '');
    if (Number.isNaN(time)) return this.#clock;
    const isLate = time < this.#clock - TOLERANCE_MS;
    this.#clock = Math.max(this.#clock, time);
    return isLate ? time : this.#clock;
  }

  #readersOf(kind: string): readonly Running[] {
    let readers = this.#byKind.get(kind);
    if (readers === undefined) {
      readers = this.#running.filter(({ evaluator: { kinds } }) => kinds === undefined || kinds.has(kind));
      if (this.#byKind.size < 1_000) this.#byKind.set(kind, readers);
    }
    return readers;
  }

  #run(
    { rule, suppression }: Running,
    event: FlatEvent,
    work: () => readonly Match[],
    findings: Finding[],
    errors: EvaluatorError[],
  ): void {
    try {
      for (const match of work()) {
        const found = told(rule, suppression, match);
        if (found !== undefined) findings.push(found);
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const { id, ref } = rule.document;
      errors.push({ rule_id: id, ref, digest: rule.digest, event_id: idOf(event), message: message.slice(0, 500) });
    }
  }
}

/** Undefined: it is suppressed. A finding of marked tests never silences one of real events. */
function told({ document, digest, fileDigest }: Rule, suppression: Suppression, match: Match): Finding | undefined {
  const { clause, event, group, synthetic } = match;
  const key = keyOf(group);
  const lengthMs = match.suppressionMs ?? document.suppressionSeconds * 1_000;
  const suppressed = suppression.admit(`${clause ?? ''}|${synthetic ? 'test' : ''}|${key}`, match.to, lengthMs);
  if (suppressed === undefined) return undefined;
  const made = [digest, clause ?? '', key, String(match.to), ...match.evidence.slice(-1)].join('\n');
  const of = (field: 'agent_id' | 'agent' | 'owner' | 'run_id') => {
    const value = textField(event, field);
    return value === undefined ? {} : { [field]: value };
  };
  return {
    id: `fnd_${sha256(Buffer.from(made)).toString('hex').slice(0, 26)}`,
    ...{ rule_id: document.id, ref: document.ref, version: document.version, title: document.title },
    ...{ level: match.level ?? document.level, file_digest: fileDigest, digest, engine_version: ENGINE_VERSION },
    ...(clause === undefined ? {} : { clause }),
    ...{ group, key, window: { from: new Date(match.from).toISOString(), to: new Date(match.to).toISOString() } },
    ...{ count: match.count, count_is_exact: match.isExact, evidence: match.evidence, measured: match.measured },
    ...{ reason: match.reason, suppressed, synthetic },
    ...of('agent_id'),
    ...of('agent'),
    ...of('owner'),
    ...of('run_id'),
  };
}
