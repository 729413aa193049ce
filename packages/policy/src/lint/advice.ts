/** What is as written and still leaves more open, or catches more, than its author may think. */
import { firstUsesIn } from '../decide/first-use.ts';
import { hasArgument } from '../documents/fit.ts';
import { isStricter, stricterOf } from '../documents/verdicts.ts';
import type { Condition, Guard, Operator, PolicySet } from '../model.ts';
import { durationInWords } from '../values/duration.ts';
import { itemsOf } from '../values/json.ts';
import { currencyOf } from '../values/money.ts';
import type { Finding } from './findings.ts';
import { type PlacedGuard, placedGuards, type View } from './lens.ts';
import { conditionOf, testsOf, truthsOf, windowOf } from './outcomes.ts';
import { binds, finding } from './rules.ts';

const MAX_NAMED = 3;

export function adviceOn(set: PolicySet, views: readonly View[]): readonly Finding[] {
  const met = new Map<Guard, View[]>();
  for (const view of views)
    for (const { guard } of view.guards) {
      const held = met.get(guard);
      if (held === undefined) met.set(guard, [view]);
      else held.push(view);
    }
  return placedGuards(set).flatMap((placed) => {
    const covered = met.get(placed.guard) ?? [];
    return [
      ...thresholdWithoutCap(placed, covered),
      ...calendarName(placed),
      ...firstUsePasses(placed),
      ...undeclaredUnit(placed, covered),
      ...absentField(placed, covered),
      ...looseMatches(placed),
      ...reachOfWildcard(placed, covered, set),
    ];
  });
}

function thresholdWithoutCap(placed: PlacedGuard, covered: readonly View[]): readonly Finding[] {
  const { guard } = placed;
  const condition = conditionOf(guard);
  if (condition === undefined || !('field' in condition) || condition.field !== 'amount') return [];
  if (!COMPARES.includes(condition.operator)) return [];
  const open = covered.find((view) => {
    const truths = truthsOf(condition, view);
    if (view.grantedBy.size === 0 || !truths.includes('holds') || !truths.includes('fails')) return false;
    // one side passes, the other does not
    if ((guard.effect === 'allow') === (guard.otherwise === 'allow')) return false;
    return !view.guards.some(({ guard: other }) => binds(other, guard) && bounds(other, guard, view));
  });
  if (open === undefined) return [];
  return [
    finding(
      'threshold_without_cap',
      'warning',
      placed,
      undefined,
      `calls of ${open.name} below the threshold pass without end, so it does not bound the loss`,
      'Add a cap beside it, such as { field: "sum(payments, 24h)", lte: $5000 }.',
    ),
  ];
}

const COMPARES: readonly Operator[] = ['lt', 'lte', 'gt', 'gte', 'between'];

/** A window over the same money that refuses or holds, asked whenever the threshold is. */
function bounds(other: Guard, { origin }: Guard, view: View): boolean {
  const window = windowOf(other);
  if (window?.unit === undefined || currencyOf(window.unit) === undefined) return false;
  if (other.origin !== 'workspace' && other.origin !== origin) return false;
  return other.otherwise !== 'allow' && view.measureOf(other)?.id.endsWith(' none') !== true;
}

/** Words for a place in the calendar, or for a span whose length the calendar sets. */
const CALENDAR =
  /(?:^|[^a-z])(calendar|midnight|today|tomorrow|yesterday|monthly|month|mtd|quarterly|quarter|qtd|yearly|annual|annually|ytd|fiscal|eod|monday|tuesday|wednesday|thursday|friday|saturday|sunday|weekday|weekend|january|february|march|april|june|july|august|september|october|november|december)(?:[^a-z]|$)/;
/** Words for a length; right where the window has it. */
const LENGTHS: readonly (readonly [RegExp, number])[] = [
  [/(?:^|[^a-z])(minutely|per-minute|a-minute)(?:[^a-z]|$)/, 60],
  [/(?:^|[^a-z])(hourly|per-hour|an-hour)(?:[^a-z]|$)/, 3_600],
  [/(?:^|[^a-z])(daily|per-day|a-day)(?:[^a-z]|$)/, 86_400],
  [/(?:^|[^a-z])(weekly|per-week|a-week)(?:[^a-z]|$)/, 604_800],
];

function calendarName(placed: PlacedGuard): readonly Finding[] {
  const window = windowOf(placed.guard);
  if (window === undefined) return [];
  const words = placed.guard.id
    .replaceAll(/([a-z])([A-Z])/g, '$1-$2')
    .replaceAll(/[_. ]/g, '-')
    .toLowerCase();
  const length = durationInWords(window.windowSeconds);
  const calendar = CALENDAR.exec(words)?.[1];
  const other = LENGTHS.find(([pattern, seconds]) => seconds !== window.windowSeconds && pattern.test(words));
  const word = calendar ?? other?.[0].exec(words)?.[1];
  if (word === undefined) return [];
  return [
    finding(
      'calendar_name',
      'warning',
      placed,
      'id',
      `"${word}" in its name reads as something else than what is counted: any ${length}, sliding`,
      'Name it after the length of its window.',
    ),
  ];
}

/** A first use that passes where what is known does not: as good as no limit, since calls at once are all first. */
function firstUsePasses(placed: PlacedGuard): readonly Finding[] {
  const { guard } = placed;
  const condition = conditionOf(guard);
  if (condition === undefined) return [];
  const isNegated = 'not' in condition;
  const test = isNegated ? condition.not : condition;
  if (!('field' in test) || firstUsesIn(test).length === 0) return [];
  const [first, known] = isNegated ? [guard.otherwise, guard.effect] : [guard.effect, guard.otherwise];
  if (!isStricter(known, first)) return [];
  return [
    finding(
      'first_use_passes',
      'warning',
      placed,
      'when',
      'a first use passes and a later one does not: of calls made at once each is the first',
      'Hold or deny the first use; for what may happen only so often, write a rate with per.',
    ),
  ];
}

function undeclaredUnit(placed: PlacedGuard, covered: readonly View[]): readonly Finding[] {
  const { guard } = placed;
  const window = windowOf(guard);
  const isAmount = testsOf(conditionOf(guard) ?? NOTHING).some(
    ({ field, operator }) => field === 'amount' && operator !== 'exists',
  );
  if (window?.unit === undefined && !isAmount) return [];
  const found = covered.filter((view) => {
    if (view.grantedBy.size === 0 || view.declared === undefined || view.currency !== undefined) return false;
    if (window === undefined) return hasArgument(view.declared, 'amount') === true;
    const { id } = view.measureOf(guard) ?? { id: '' };
    if (id.endsWith(' unknown') || id.endsWith(' amount')) return true;
    // under * what declares nothing spends nothing
    return (
      id.endsWith(' none') &&
      currencyOf(window.unit ?? '') !== undefined &&
      view.declared.access === 'write' &&
      window.over.includes('*') &&
      hasArgument(view.declared, 'amount') === true
    );
  });
  const [first] = found;
  if (first === undefined) return [];
  const names = named(found);
  const unit = window?.unit;
  const how =
    unit === undefined
      ? 'the argument amount is compared as it stands, without a currency'
      : first.measureOf(guard)?.id.endsWith(' none') === true
        ? 'its calls count as spending nothing'
        : first.measureOf(guard)?.id.endsWith(' unknown') === true
          ? 'every call takes the stricter branch'
          : `the argument amount is taken for ${unit.toUpperCase()}`;
  return [
    finding(
      'unit_undeclared',
      'warning',
      placed,
      'when',
      `${names} ${found.length === 1 ? 'declares' : 'declare'} no impact in ${unit ?? 'money'}, so ${how}`,
      `Declare it with the capability: impact: { ${unit ?? 'usd'}: { field: amount${unit === undefined || currencyOf(unit) !== undefined ? `, currency: ${(unit ?? 'usd').toUpperCase()}` : ''} } }.`,
    ),
  ];
}

const NOTHING: Condition = { all: [] };

/** Guards over several capabilities that take their stricter branch where there is nothing to look at. */
function absentField(placed: PlacedGuard, covered: readonly View[]): readonly Finding[] {
  const { guard } = placed;
  const condition = conditionOf(guard);
  if (condition === undefined || !guard.action.endsWith('*')) return [];
  const tests = testsOf(condition);
  if (tests.some(({ field, operator }) => operator === 'exists' || field === 'action')) return [];
  const stricter = stricterOf(guard.effect, guard.otherwise);
  if (stricter === 'allow') return [];
  const without = covered.filter(({ grantedBy, declared, currency }) => {
    if (grantedBy.size === 0 || declared === undefined) return false;
    return tests.every(
      ({ field }) => !(field === 'amount' && currency !== undefined) && hasArgument(declared, field) === false,
    );
  });
  if (without.length === 0) return [];
  const fields = [...new Set(tests.map(({ field }) => field))].join(', ');
  return [
    finding(
      'field_absent',
      'warning',
      placed,
      'action',
      `${guard.action} also covers ${named(without)}, without ${fields}: every call of ${without.length === 1 ? 'it' : 'them'} is ${stricter === 'deny' ? 'denied' : 'held'}`,
      'Name the capabilities that have the field.',
    ),
  ];
}

/** Second levels under which anybody registers a name; the top levels themselves are refused. */
const REGISTRY = /^\*\.(?:ac|co|com|edu|gov|ne|net|or|org)\.[a-z]{2}$/;
const HOST = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i;
const ORIGIN = /^https?:\/\/[^/]+$/i;

/** Allow-lists that let through more than they show. */
function looseMatches(placed: PlacedGuard): readonly Finding[] {
  const { guard } = placed;
  const condition = conditionOf(guard);
  if (condition === undefined || guard.effect !== 'allow' || guard.otherwise === 'allow') return [];
  return testsOf(condition).flatMap(({ field, operator, operand }): Finding[] => {
    const items = itemsOf(operand).filter((item) => typeof item === 'string');
    const wide =
      field === 'to.domain' || operator === 'domainIn' ? items.find((item) => REGISTRY.test(item)) : undefined;
    if (wide !== undefined)
      return [
        finding(
          'wildcard_domain',
          'warning',
          placed,
          'when',
          `${wide} is every domain under .${wide.slice(2)}, whoever holds it`,
          'Name the domains that are meant.',
        ),
      ];
    const [item] = items;
    if (item === undefined) return [];
    const loose = (example: string, instead: string) => [
      finding(
        'loose_match',
        'warning',
        placed,
        'when',
        `${field} ${operator} ${JSON.stringify(item)} also holds for ${example}`,
        `Write ${instead}.`,
      ),
    ];
    if ((operator === 'endsWith' || operator === 'contains') && HOST.test(item))
      return loose(`not-${item}`, `domainIn: [${item}]`);
    if (operator === 'startsWith' && ORIGIN.test(item))
      return loose(`${item}.example.net`, `domainIn: [${item.replace(/^.*\/\//, '')}]`);
    if (operator === 'startsWith' && item.startsWith('/'))
      return loose(`${item.replace(/\/$/, '')}/../other`, `pathUnder: ${item.replace(/(.)\/$/, '$1')}`);
    if (operator === 'pathUnder' && items.includes('/'))
      return loose('every absolute path', 'the folders that are meant');
    return [];
  });
}

/** A wildcard in a role is asked of what other roles grant to the same agent. */
function reachOfWildcard(placed: PlacedGuard, covered: readonly View[], { roles }: PolicySet): readonly Finding[] {
  const { guard } = placed;
  if (guard.origin === 'workspace' || !guard.action.endsWith('*') || roles.length < 2) return [];
  const beyond = covered.filter(({ grantedBy }) => grantedBy.size > 0 && !grantedBy.has(guard.origin));
  const [first] = beyond;
  if (first === undefined) return [];
  return [
    finding(
      'wildcard_reach',
      'note',
      placed,
      'action',
      `${guard.action} also binds ${named(beyond)}, where an agent has it from another role`,
      'Name the capabilities of this role if that is not meant.',
    ),
  ];
}

function named(views: readonly View[]): string {
  const names = views.slice(0, MAX_NAMED).map(({ name }) => name);
  const more = views.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(' and ');
}
