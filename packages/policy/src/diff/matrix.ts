/**
 * The matrix of roles and capabilities. A cell is what the decision engine answers to calls on and beside every bound of
 * the rules that apply, and to windows that are just full and just not; nothing is read off the documents but the words.
 */
import { compilePolicy } from '../decide/compile.ts';
import { settle } from '../decide/settle.ts';
import { patternsCovering } from '../documents/names.ts';
import type {
  Capability,
  CompiledPolicy,
  Decision,
  DecisionRequest,
  Evaluation,
  Guard,
  JsonObject,
  PolicySet,
  StateView,
  WindowUsage,
} from '../model.ts';
import { dimensionsOf, laxestProbe, type Probe } from './probes.ts';
import type { CellDifference, CellMark, MatrixCell } from './types.ts';
import { inTelling, limitInWords, listed, peopleInWords, shapeOf } from './words.ts';

export interface MatrixOptions {
  /** Time by which change freezes are in force, epoch milliseconds. */
  readonly atMs: number;
  /** These alone. */
  readonly roles?: ReadonlySet<string>;
  readonly capabilities?: ReadonlySet<string>;
  /** Called before each call that the engine is asked about; what it throws ends all of it. */
  readonly beforeEach?: () => void;
  /** Told of each answer that a cell is made of, in the order of the cells. */
  readonly onAnswer?: (answer: MatrixAnswer) => void;
}

/** One call that the engine was asked about, and what it said. */
export interface MatrixAnswer {
  readonly roles: readonly string[];
  readonly capability: string;
  readonly arguments: JsonObject;
  readonly state: StateView;
  /** Of a window that is just full or just not: how much was used of it before. Absent: all windows are empty. */
  readonly window?: { readonly rule: string; readonly limit: number; readonly amount: number; readonly used: number };
  readonly decision: Decision;
}

/** Every role by every capability that is known or granted, by role and then by capability. */
export function matrixCells(set: PolicySet, options: MatrixOptions): readonly MatrixCell[] {
  const matrix = new Matrix(set, options);
  const names = capabilitiesOf(set).filter((name) => options.capabilities?.has(name) ?? true);
  const roles = set.roles.map(({ name }) => name).filter((name) => options.roles?.has(name) ?? true);
  return roles.sort().flatMap((role) => names.map((capability) => matrix.cell([role], capability)));
}

/** As {@link matrixCells}, for who wears several roles at once: `role` of a cell has their names, joined with ` + `. */
export function wearerCells(
  set: PolicySet,
  wearers: readonly (readonly string[])[],
  options: MatrixOptions,
): readonly (readonly MatrixCell[])[] {
  const matrix = new Matrix(set, options);
  const names = capabilitiesOf(set);
  return wearers.map((roles) => names.map((capability) => matrix.cell(roles, capability)));
}

/** Cells that differ; of roles and capabilities that are in one of the two alone, they are refused in the other. */
export function matrixDifference(
  before: PolicySet,
  after: PolicySet,
  options: MatrixOptions,
): readonly CellDifference[] {
  const [old, now] = [new Matrix(before, options), new Matrix(after, options)];
  const both = (names: (set: PolicySet) => readonly string[]) =>
    [...new Set([...names(before), ...names(after)])].sort();
  const roles = both(({ roles: each }) => each.map(({ name }) => name));
  const granted = (set: PolicySet) => new Map(set.roles.map(({ name, allow }) => [name, allow]));
  const [wasGranted, isGranted] = [granted(before), granted(after)];
  return roles
    .filter((role) => options.roles?.has(role) ?? true)
    .flatMap((role) =>
      [...new Set([...(wasGranted.get(role) ?? []), ...(isGranted.get(role) ?? [])])]
        .filter((capability) => options.capabilities?.has(capability) ?? true)
        .sort()
        .flatMap((capability): CellDifference[] => {
          const [was, is] = [old.cell([role], capability), now.cell([role], capability)];
          return was.mark === is.mark && was.text === is.text ? [] : [{ role, capability, before: was, after: is }];
        }),
    );
}

function capabilitiesOf({ roles, capabilities }: PolicySet): readonly string[] {
  return [...new Set([...capabilities.map(({ name }) => name), ...roles.flatMap(({ allow }) => allow)])].sort();
}

const NOBODY = { workspaceId: 'workspace', agentId: 'agent', ownerId: 'owner', sessionId: 'session' };
const SECOND_MS = 1_000;

class Matrix {
  readonly #policy: CompiledPolicy;
  /** Without its freezes: they would answer for everything else. */
  readonly #thawed: CompiledPolicy;
  readonly #capabilities: ReadonlyMap<string, Capability>;
  readonly #guards: ReadonlyMap<string, ReadonlyMap<string, readonly Guard[]>>;
  readonly #freezes: readonly { readonly name: string; readonly policy: CompiledPolicy }[];
  readonly #atMs: number;
  readonly #beforeEach: (() => void) | undefined;
  readonly #onAnswer: ((answer: MatrixAnswer) => void) | undefined;

  constructor(set: PolicySet, { atMs, beforeEach, onAnswer }: MatrixOptions) {
    this.#atMs = atMs;
    this.#beforeEach = beforeEach;
    this.#onAnswer = onAnswer;
    this.#thawed = compilePolicy({ ...set, freezes: [] });
    const freezes = set.freezes ?? [];
    this.#policy = freezes.length === 0 ? this.#thawed : compilePolicy(set);
    this.#freezes = freezes.map((freeze) => ({
      name: freeze.name,
      policy: compilePolicy({ ...set, freezes: [freeze] }),
    }));
    this.#capabilities = new Map(set.capabilities.map((capability) => [capability.name, capability]));
    this.#guards = new Map(
      [{ name: 'workspace', guards: set.workspaceGuards }, ...set.roles].map(({ name, guards }) => [
        name,
        byAction(guards),
      ]),
    );
  }

  cell(roles: readonly string[], capability: string): MatrixCell {
    if (!this.#thawed.granted(roles).has(capability)) return this.#refused(roles, capability);
    const guards = ['workspace', ...roles].flatMap((origin) => this.#guardsOn(origin, capability));
    const asked = this.#ask(roles, capability, guards);
    const base = asked.base;
    const isFrozen = this.#isFrozen(this.#policy, roles, capability, base, this.#atMs);
    const mark = isFrozen ? 'F' : markOf(asked.decisions);
    const said = guardsSaid(asked.decisions, guards);
    return {
      role: nameOf(roles),
      capability,
      mark,
      text: textOf(mark, said),
      guards: said.map(({ origin, id }) => `${origin}/${id}`).sort(),
      // asked without a time, a freeze is in force
      freezes: this.#freezes.flatMap(({ name, policy }) =>
        this.#isFrozen(policy, roles, capability, base, undefined) ? [name] : [],
      ),
      probes: asked.decisions.length,
    };
  }

  #refused(roles: readonly string[], capability: string): MatrixCell {
    const evaluation = this.#thawed.evaluate({ ...NOBODY, roles, capability, arguments: {} });
    const { verdict } = evaluation;
    this.#onAnswer?.({ roles, capability, arguments: {}, state: {}, decision: settle(evaluation, []) });
    return {
      role: nameOf(roles),
      capability,
      mark: verdict === 'deny' ? '—' : 'A',
      text: '—',
      guards: [],
      freezes: [],
      probes: 1,
    };
  }

  #guardsOn(origin: string, capability: string): readonly Guard[] {
    const held = this.#guards.get(origin);
    return held === undefined ? [] : patternsCovering(capability).flatMap((pattern) => held.get(pattern) ?? []);
  }

  #isFrozen(
    policy: CompiledPolicy,
    roles: readonly string[],
    capability: string,
    base: Probe,
    atMs: number | undefined,
  ): boolean {
    if (policy === this.#thawed) return false;
    const { request, state } = this.#callOf(roles, capability, base);
    const { atMs: _, ...timeless } = state;
    const evaluation = policy.evaluate(request, atMs === undefined ? timeless : { ...state, atMs });
    return evaluation.verdict === 'deny' && evaluation.reasonClass === 'freeze';
  }

  /** The most that is allowed; then each thing moved from there, and each window. */
  #ask(roles: readonly string[], capability: string, guards: readonly Guard[]) {
    const dimensions = dimensionsOf(this.#capabilities.get(capability), guards);
    const base = laxestProbe(dimensions, (probe) => strictness(this.#decide(roles, capability, probe).decision));
    const probes = [base, ...dimensions.flatMap(({ moves }) => moves.map((move) => move(base)))];
    const answers = probes.map((probe) => {
      const { request, state, decision } = this.#decide(roles, capability, probe);
      return { roles, capability, arguments: request.arguments, state, decision };
    });
    const { request, state, evaluation } = this.#decide(roles, capability, base);
    const edges = windowEdges(evaluation).map((edge) => ({
      roles,
      capability,
      arguments: request.arguments,
      state,
      ...edge,
    }));
    const all: readonly MatrixAnswer[] = [...answers, ...edges];
    if (this.#onAnswer !== undefined) for (const answer of all) this.#onAnswer(answer);
    return { base, decisions: all.map(({ decision }) => decision) };
  }

  #decide(roles: readonly string[], capability: string, probe: Probe) {
    this.#beforeEach?.();
    const { request, state } = this.#callOf(roles, capability, probe);
    const evaluation = this.#thawed.evaluate(request, state);
    return {
      request,
      state,
      evaluation,
      decision: settle(
        evaluation,
        evaluation.demands.map(() => EMPTY),
      ),
    };
  }

  #callOf(roles: readonly string[], capability: string, { arguments: args, state: asked }: Probe) {
    const request: DecisionRequest = { ...NOBODY, roles, capability, arguments: args };
    const before = this.#atMs - SECOND_MS;
    const state: StateView = {
      atMs: this.#atMs,
      provenance: asked.provenance,
      risks: asked.risk === undefined ? [] : [{ id: 'risk', level: asked.risk, untilMs: this.#atMs + SECOND_MS }],
      prerequisites: asked.isMet
        ? this.#thawed
            .prerequisites(request)
            .map((key, i) => ({ key, eventId: `event-${i}`, doneAtMs: before, approvedAtMs: before }))
        : [],
      used: asked.isUsed
        ? this.#thawed.usedValues(request).map((key) => ({ key, eventId: 'event', usedAtMs: before }))
        : [],
    };
    return { request, state };
  }
}

const EMPTY: WindowUsage = { used: 0 };

function nameOf(roles: readonly string[]): string {
  return roles.join(' + ');
}

type Edge = Required<Pick<MatrixAnswer, 'window' | 'decision'>>;

/** Each window of the call by itself: the last that fits, and one unit more. */
function windowEdges(evaluation: Evaluation): readonly Edge[] {
  const { demands } = evaluation;
  return demands.flatMap(({ origin, guardId, limit, amount }, at) =>
    [limit - amount, limit - amount + 1].flatMap((used): readonly Edge[] =>
      used < 0
        ? []
        : [
            {
              window: { rule: `${origin}/${guardId}`, limit, amount, used },
              decision: settle(
                evaluation,
                demands.map((_, i) => (i === at ? { used } : EMPTY)),
              ),
            },
          ],
    ),
  );
}

/** How far a decision is from allowed: every rule that refuses or holds counts. */
function strictness({ trace, verdict }: Decision): number {
  if (verdict === 'allow') return 0;
  return trace.reduce((sum, { result }) => sum + { allow: 0, review: 1, deny: 1_000 }[result], 0) + 1;
}

function markOf(decisions: readonly Decision[]): CellMark {
  const verdicts = new Set(decisions.map(({ verdict }) => verdict));
  if (!verdicts.has('allow')) return verdicts.has('review') ? 'H' : '—';
  return verdicts.has('deny') ? 'A≤' : 'A';
}

/** Guards that refused or held one of the calls. */
function guardsSaid(decisions: readonly Decision[], guards: readonly Guard[]): readonly Guard[] {
  const said = new Set(
    decisions.flatMap(({ trace }) =>
      trace.flatMap(({ origin, rule, result }) => (result === 'allow' ? [] : [`${origin}/${rule}`])),
    ),
  );
  return inTelling(guards.filter(({ origin, id }) => said.has(`${origin}/${id}`)));
}

function byAction(guards: readonly Guard[]): ReadonlyMap<string, readonly Guard[]> {
  return Map.groupBy(
    guards.filter(({ mode }) => mode !== 'shadow'),
    ({ action }) => action,
  );
}

/** `A≤ $5,000 a call, $8,000 in 24 h, H > $1,000` */
function textOf(mark: CellMark, guards: readonly Guard[]): string {
  if (mark === '—') return mark;
  const parts = [...new Set(guards.map(partOf))];
  return parts.length === 0 ? mark : `${mark} ${parts.join(', ')}`;
}

function partOf(guard: Guard): string {
  const shape = shapeOf(guard);
  switch (shape.kind) {
    case 'cap':
    case 'rate':
      return `${shape.beyond === 'review' ? `H${peopleInWords(guard)} beyond ` : ''}${limitInWords(shape.window)}`;
    case 'call cap':
      return `${shape.isIncluded ? '' : 'under '}${shape.bound} a call`;
    case 'threshold':
      return `H${peopleInWords(guard)} ${shape.isIncluded ? '>' : '≥'} ${shape.bound}`;
    case 'list': {
      const items = listed(shape.items, 'or');
      const what = shape.field.of === 'argument' ? `${shape.field.name} ${items}` : `to ${items}`;
      return `${what}${shape.beyond === 'review' ? ', else H' : ''}`;
    }
    case 'approval':
      return `H${peopleInWords(guard)} every call`;
    case 'refusal':
      return 'refused';
    case 'rule':
      return guard.id;
  }
}
