/**
 * Calls on, beside and between all bounds that the rules on a capability compare with, one thing of a call at a time. They
 * are asked of the decision engine; nothing here decides.
 */
import { boundsOf } from '../decide/condition.ts';
import { moneyUnitOf } from '../decide/measure.ts';
import { type PathStep, readField } from '../documents/fields.ts';
import { testsOf } from '../lint/outcomes.ts';
import type { Capability, Condition, Guard, ImpactRule, JsonObject, JsonValue, RiskLevel } from '../model.ts';
import { isObject, itemsOf } from '../values/json.ts';
import { currencyOf, exponentOf } from '../values/money.ts';
import { textsMatching } from '../values/pattern.ts';

/** What is beside the arguments of a call. */
interface ProbeState {
  readonly provenance: 'trusted' | 'untrusted';
  readonly risk: RiskLevel | undefined;
  /** Whether what has to come before came. */
  readonly isMet: boolean;
  /** Whether its values were used before. */
  readonly isUsed: boolean;
}

export interface Probe {
  readonly arguments: JsonObject;
  readonly state: ProbeState;
}

/** One thing of a call that can be moved by itself. */
export interface Dimension {
  readonly moves: readonly ((probe: Probe) => Probe)[];
}

const ROUNDS = 2;
const PAIRS = 512;
const SAMPLES = 128;

/**
 * The probe of which `strictness` (0: allowed) is the least that is found: by moving one thing at a time, where that leads
 * nowhere two, and then all of them at once. The same for the same policy.
 */
export function laxestProbe(dimensions: readonly Dimension[], strictness: (probe: Probe) => number): Probe {
  let base = dimensions.reduce((probe, { moves }) => moves[0]?.(probe) ?? probe, FIRST_PROBE);
  let best = strictness(base);
  const tryOut = (probe: Probe): void => {
    const found = strictness(probe);
    if (found < best) [base, best] = [probe, found];
  };
  for (let round = 0; round < ROUNDS && best > 0; round += 1)
    for (const { moves } of dimensions) for (const move of moves) tryOut(move(base));
  for (const [move, other] of best === 0 ? [] : pairsOf(dimensions)) tryOut(other(move(base)));
  for (let sample = 1; sample <= SAMPLES && best > 0; sample += 1) tryOut(sampleOf(dimensions, sample));
  return base;
}

type Move = Dimension['moves'][number];

function* pairsOf(dimensions: readonly Dimension[]): Generator<readonly [Move, Move], void, undefined> {
  let made = 0;
  for (const [i, { moves }] of dimensions.entries())
    for (const { moves: others } of dimensions.slice(i + 1))
      for (const move of moves)
        for (const other of others) {
          made += 1;
          if (made > PAIRS) return;
          yield [move, other];
        }
}

/** Each thing moved somewhere, by the minimal standard generator (Park and Miller). */
function sampleOf(dimensions: readonly Dimension[], seed: number): Probe {
  let drawn = seed * 16_807;
  return dimensions.reduce((probe, { moves }) => {
    drawn = (drawn * 48_271) % 2_147_483_647;
    return moves[drawn % moves.length]?.(probe) ?? probe;
  }, FIRST_PROBE);
}

const CALM: ProbeState = { provenance: 'trusted', risk: undefined, isMet: true, isUsed: true };
const FIRST_PROBE: Probe = { arguments: {}, state: CALM };
const MAX_MOVES = 40;
/** A batch at the edge of a window is not written out. */
const MAX_LENGTH = 200;

type Test = Extract<Condition, { readonly field: string }>;

/** Of the guards that apply to the capability, and of what it is declared to spend. */
export function dimensionsOf(capability: Capability | undefined, guards: readonly Guard[]): readonly Dimension[] {
  const tests = guards.flatMap(({ when }) => ('kind' in when ? [] : testsOf(when)));
  const paths = new Map<string, { readonly path: readonly PathStep[]; readonly values: JsonValue[] }>();
  const add = (path: readonly PathStep[], values: readonly JsonValue[]) => {
    const key = JSON.stringify(path);
    const held = paths.get(key) ?? { path, values: [] };
    for (const value of values) if (!held.values.some((each) => same(each, value))) held.values.push(value);
    paths.set(key, held);
  };
  addSpending(capability, guards, tests, add);
  const readsPayee = tests.some(({ field }) => readField(field)?.field.kind === 'payee');
  for (const test of tests) {
    const field = readField(test.field)?.field;
    if (field?.kind === 'argument') add(field.path, [...valuesBeside(test), ...joinedTexts(test, tests)]);
    else if (field?.kind === 'payee') add([PAYEE], valuesBeside(test));
    else if (field?.kind === 'recipientDomains') add([readsPayee ? CC : TO], addressesBeside(test));
  }
  for (const { when } of guards)
    if ('kind' in when && when.per !== undefined && !['payee', 'session', 'action'].includes(when.per)) {
      const field = readField(when.per)?.field;
      if (field?.kind === 'argument') add(field.path, ['any']);
    } else if ('kind' in when && when.per === 'payee') add([PAYEE], ['any']);
  return [
    ...[...paths.values()].map(({ path, values }) => ({
      moves: [
        ...values.slice(0, MAX_MOVES).map((value) => (probe: Probe): Probe => {
          return { ...probe, arguments: withValue(probe.arguments, path, value) };
        }),
        (probe: Probe): Probe => ({ ...probe, arguments: without(probe.arguments, path) }),
      ],
    })),
    ...stateDimensions(tests),
  ];
}

const PAYEE: PathStep = { name: 'payee', each: false };
const TO: PathStep = { name: 'to', each: false };
/** Where somebody is paid, `to` is the payee too. */
const CC: PathStep = { name: 'cc', each: false };
const AMOUNT: PathStep = { name: 'amount', each: false };

type Add = (path: readonly PathStep[], values: readonly JsonValue[]) => void;

/** Amounts: one unit, and beside the bounds of conditions and windows. */
function addSpending(
  capability: Capability | undefined,
  guards: readonly Guard[],
  tests: readonly Test[],
  add: Add,
): void {
  const money = moneyUnitOf(capability);
  const impact = Object.entries(capability?.impact ?? {});
  const bounds = tests.flatMap(({ field, operator, operand }) =>
    field === 'amount' && operator !== 'exists' ? [boundsOf(operand)] : [],
  );
  for (const [unit, rule] of impact) {
    const limits = guards.flatMap(({ when }) => ('kind' in when && when.unit === unit ? [when.limit] : []));
    const compared = unit === money ? bounds.flatMap((bound) => minorOf(bound, currencyOf(unit))) : [];
    addAmounts(rule, unit, [...compared, ...limits], add);
  }
  if (money !== undefined) return;
  const sums = guards.flatMap(({ when }) =>
    'kind' in when && currencyOf(when.unit ?? '') !== undefined ? [when] : [],
  );
  if (sums.length === 0 && bounds.length === 0) return;
  const values = [
    ...bounds.flatMap((bound) =>
      bound.currency === undefined ? beside(bound.numbers, 1) : major(bound.numbers, bound.currency),
    ),
    ...sums.flatMap(({ limit, unit = '' }) => major([limit], currencyOf(unit) ?? '')),
  ];
  add([AMOUNT], [1, ...values]);
}

function minorOf({ numbers, currency }: ReturnType<typeof boundsOf>, declared: string | undefined): readonly number[] {
  if (currency !== undefined) return currency === declared ? numbers : [];
  return numbers.map((number) => Math.floor(number * 10 ** (exponentOf(declared ?? '') ?? 0)));
}

function addAmounts(rule: ImpactRule, unit: string, bounds: readonly number[], add: Add): void {
  if (rule.kind === 'constant') return;
  const field = readField(`args.${rule.field.replace(/^args\./, '')}`)?.field;
  if (field?.kind !== 'argument') return;
  const amounts = beside([1, ...bounds], 1);
  if (rule.kind === 'length') {
    const lengths = [1, ...amounts].filter((length) => length <= MAX_LENGTH);
    add(
      field.path,
      lengths.map((length) => Array.from({ length }, (_, i) => `item-${i}`)),
    );
    return;
  }
  const currency = currencyOf(unit);
  const exponent = currency === undefined || rule.minor === true ? 0 : (exponentOf(currency) ?? 0);
  add(
    field.path,
    [1, ...amounts].map((amount) => amount / 10 ** exponent),
  );
}

function major(minor: readonly number[], currency: string): readonly number[] {
  return beside(minor, 1).map((amount) => amount / 10 ** (exponentOf(currency) ?? 0));
}

function beside(numbers: readonly number[], step: number): readonly number[] {
  return numbers
    .filter(Number.isFinite)
    .flatMap((number) => [number - step, number, number + step])
    .filter((number) => number >= 0 && number <= Number.MAX_SAFE_INTEGER);
}

const OTHER = 'something-else';

/** Values that the test answers in each of its ways. */
/** Texts that begin as the one asks and end as another asks of the same field. */
function joinedTexts({ field, operator, operand }: Test, tests: readonly Test[]): readonly JsonValue[] {
  if (operator !== 'startsWith') return [];
  const ends = tests.filter((other) => other.field === field && other.operator === 'endsWith');
  return itemsOf(operand).flatMap((start) =>
    ends.flatMap((other) => itemsOf(other.operand).map((end) => `${start}${OTHER}${end}`)),
  );
}

function valuesBeside({ operator, operand }: Test): readonly JsonValue[] {
  const items = itemsOf(operand);
  switch (operator) {
    case 'eq':
    case 'ne':
    case 'in':
    case 'notIn':
      return [...items, typeof items[0] === 'number' ? Math.max(...items.map(Number)) + 1 : OTHER];
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
    case 'between': {
      const { numbers, currency } = boundsOf(operand);
      return currency === undefined ? beside(numbers, 1) : major(numbers, currency);
    }
    // With more around it: the text alone may be what another rule is about.
    case 'startsWith':
      return [...items, ...items.map((item) => `${item}${OTHER}`), OTHER];
    case 'endsWith':
      return [...items, ...items.map((item) => `${OTHER}${item}`), OTHER];
    case 'contains':
      return [...items, ...items.map((item) => `${OTHER}${item}${OTHER}`), OTHER];
    case 'domainIn':
      return [...items.map((item) => hostOf(String(item))), 'elsewhere.example'];
    case 'pathUnder':
      return [...items, ...items.map((item) => `${item}/${OTHER}`), '/elsewhere'];
    case 'matches':
      return [...textsMatching(String(operand)), OTHER];
    default:
      return [OTHER];
  }
}

function addressesBeside({ operand }: Test): readonly JsonValue[] {
  const hosts = itemsOf(operand).flatMap((item) => (typeof item === 'string' ? [hostOf(item)] : []));
  return [...hosts, 'elsewhere.example'].map((host) => `somebody@${host}`);
}

function hostOf(pattern: string): string {
  return pattern.startsWith('*.') ? `below${pattern.slice(1)}` : pattern;
}

function stateDimensions(tests: readonly Test[]): readonly Dimension[] {
  const kinds = new Set(tests.map(({ field }) => readField(field)?.field.kind));
  const moved = (state: Partial<ProbeState>) => (probe: Probe) => ({ ...probe, state: { ...probe.state, ...state } });
  const risks = [undefined, 'low', 'medium', 'high', 'critical'] as const;
  return [
    ...(kinds.has('provenance')
      ? [{ moves: [moved({ provenance: 'trusted' }), moved({ provenance: 'untrusted' })] }]
      : []),
    ...(kinds.has('risk') ? [{ moves: risks.map((risk) => moved({ risk })) }] : []),
    ...(kinds.has('prerequisite') ? [{ moves: [moved({ isMet: true }), moved({ isMet: false })] }] : []),
    ...(kinds.has('firstUse') ? [{ moves: [moved({ isUsed: true }), moved({ isUsed: false })] }] : []),
  ];
}

function withValue(object: JsonObject, [step, ...rest]: readonly PathStep[], value: JsonValue): JsonObject {
  if (step === undefined) return object;
  const held = object[step.name];
  const inner = step.each && Array.isArray(held) ? held[0] : held;
  const next = rest.length === 0 ? value : withValue(isObject(inner) ? inner : {}, rest, value);
  return { ...object, [step.name]: step.each ? [next] : next };
}

function without(object: JsonObject, [step, ...rest]: readonly PathStep[]): JsonObject {
  if (step === undefined) return object;
  const { [step.name]: held, ...others } = object;
  return rest.length === 0 || held === undefined || !isObject(held)
    ? others
    : { ...others, [step.name]: without(held, rest) };
}

function same(a: JsonValue, b: JsonValue): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
