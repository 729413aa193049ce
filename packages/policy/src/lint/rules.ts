/** Rules that never matter, always answer the same, or cancel each other. What is reported as `unreachable` or `dead` can be removed without changing a verdict. */
import type { Guard, PolicySet } from '../model.ts';
import type { Finding } from './findings.ts';
import { kindOf, type PlacedGuard, placedGuards, type View } from './lens.ts';
import {
  conditionOf,
  contradict,
  fieldsOf,
  isCoveredBy,
  readsAction,
  shareField,
  truthsOf,
  verdictsOf,
  windowOf,
} from './outcomes.ts';

/** Pairs of guards looked at on one kind of capability: a bound on time, far above what people write. */
const MAX_PAIRS = 20_000;

export function ruleFindings(set: PolicySet, views: readonly View[]): readonly Finding[] {
  const kinds = firstOfEachKind(views);
  const answers = placedGuards(set).flatMap((placed) => answerFindings(placed, set, kinds) ?? []);
  const idle = new Set(
    answers.filter(({ code }) => code === 'unreachable').map(({ origin, guard }) => `${origin} ${guard}`),
  );
  const isIdle = ({ origin, id }: Guard) => idle.has(`${origin} ${id}`);
  return [...answers, ...deadGuards(set, kinds, isIdle), ...contradictions(kinds), ...refusedGrants(set, views)];
}

function firstOfEachKind(views: readonly View[]): readonly View[] {
  const kinds = new Map<string, View>();
  for (const view of views) {
    const kind = kindOf(view);
    if (!kinds.has(kind)) kinds.set(kind, view);
  }
  return [...kinds.values()];
}

export function finding(
  code: Finding['code'],
  level: Finding['level'],
  { guard, index }: PlacedGuard,
  part: string | undefined,
  message: string,
  remedy: string,
): Finding {
  const path = ['guards', index, ...(part === undefined ? [] : [part])];
  return { code, level, origin: guard.origin, guard: guard.id, path, message, remedy };
}

/** One guard alone. */
function answerFindings(placed: PlacedGuard, set: PolicySet, views: readonly View[]): Finding | undefined {
  const { guard } = placed;
  if (guard.effect === 'allow' && guard.otherwise === 'allow')
    return finding(
      'always_allow',
      'error',
      placed,
      'effect',
      'both of its verdicts are allow, so it never refuses anything',
      'Write the verdict for what must not pass, or remove the guard.',
    );
  // an excerpt without capabilities says nothing of what is missing
  const isWhole = set.capabilities.length > 0;
  const met = views.filter(({ guards }) => guards.some((each) => each.guard === guard));
  if (met.length === 0) {
    if (!isWhole) return undefined;
    return finding(
      'unreachable',
      'warning',
      placed,
      'action',
      `no capability is covered by ${guard.action}`,
      'Correct the name, or remove the guard.',
    );
  }
  if (guard.origin !== 'workspace' && isWhole && met.every(({ grantedBy }) => grantedBy.size === 0))
    return finding(
      'unreachable',
      'warning',
      placed,
      'action',
      `no role grants what ${guard.action} covers`,
      'Grant the capability, or remove the guard.',
    );
  const condition = conditionOf(guard);
  if (condition === undefined) return undefined;
  const truths = new Set(met.flatMap((view) => truthsOf(condition, view)));
  const verdicts = new Set(met.flatMap((view) => [...verdictsOf(guard, view)]));
  if (verdicts.size === 1 && verdicts.has('allow') && readsAction(guard) && isWhole)
    return finding(
      'always_allow',
      'warning',
      placed,
      'when',
      'no capability that exists makes it refuse',
      'Correct the name of the capability, or remove the guard.',
    );
  if (verdicts.size === 1 && verdicts.has('allow'))
    return finding(
      'always_allow',
      'error',
      placed,
      'when',
      'whatever the call, its answer is allow',
      'Correct the condition, or remove the guard.',
    );
  if (fieldsOf(condition).every((field) => field === 'action')) return undefined;
  if (!truths.has('holds'))
    return finding(
      'never_holds',
      'error',
      placed,
      'when',
      `no call can meet its condition, so ${guard.effect} never applies`,
      'Join what excludes each other with any instead of all, or correct the bounds.',
    );
  if (!truths.has('fails'))
    return finding(
      'always_holds',
      'error',
      placed,
      'when',
      `every call that has its fields meets the condition, so ${guard.otherwise} applies to none of them`,
      'Correct the condition, or write effect for every call with exists.',
    );
  return undefined;
}

function deadGuards(set: PolicySet, kinds: readonly View[], isIdle: (guard: Guard) => boolean): readonly Finding[] {
  const dead = new Set<Guard>();
  const pairs = new Map<View, number>();
  // from the last to the first: of two that say the same, the later one goes
  return placedGuards(set)
    .toReversed()
    .flatMap((placed) => {
      const { guard } = placed;
      if (isIdle(guard) || (guard.effect === 'allow' && guard.otherwise === 'allow')) return [];
      const met = kinds.filter(({ guards }) => guards.some((each) => each.guard === guard));
      if (met.length === 0) return [];
      const reasons = met.map((view) =>
        view.guards.find(({ guard: other }) => {
          if (
            other === guard ||
            !binds(other, guard) ||
            dead.has(other) ||
            isIdle(other) ||
            !appliesBeside(guard, other)
          )
            return false;
          if (!spend(pairs, view)) return false;
          return isCoveredBy(guard, other, view);
        }),
      );
      const [first] = reasons;
      if (first === undefined || reasons.includes(undefined)) return [];
      dead.add(guard);
      const other = first.guard;
      const where =
        other.origin === guard.origin ? '' : other.origin === 'workspace' ? ' of the workspace' : ` of ${other.origin}`;
      const isCap = windowOf(other) !== undefined || windowOf(guard) !== undefined;
      return [
        finding(
          'dead',
          'error',
          placed,
          undefined,
          isCap
            ? `${other.id}${where} already refuses whatever it would refuse: ${other.sentence.replace(/\.$/, '')}`
            : `wherever it would refuse or hold, ${other.id}${where} is at least as strict`,
          `Set it apart from ${other.id}: a threshold lies below a cap. Or remove it.`,
        ),
      ];
    });
}

/** For one capability: both guards are asked of each of its calls by whoever is asked the first. */
function appliesBeside(guard: Guard, other: Guard): boolean {
  return other.origin === 'workspace' || other.origin === guard.origin;
}

/** What is not enforced stands in for nothing that is. */
export function binds(other: Guard, guard: Guard): boolean {
  return other.mode !== 'shadow' || guard.mode === 'shadow';
}

function spend(pairs: Map<View, number>, view: View): boolean {
  const spent = (pairs.get(view) ?? 0) + 1;
  pairs.set(view, spent);
  return spent <= MAX_PAIRS;
}

/** Two guards that leave no call of a granted capability. */
function contradictions(kinds: readonly View[]): readonly Finding[] {
  const found = new Map<Guard, Finding>();
  for (const view of kinds) {
    if (view.grantedBy.size === 0) continue;
    const restricting = view.guards.filter(({ guard }) => {
      if (guard.mode === 'shadow') return false;
      const verdicts = conditionOf(guard) === undefined ? undefined : verdictsOf(guard, view);
      return verdicts?.has('deny') === true && verdicts.size > 1;
    });
    let spent = 0;
    for (const [i, placed] of restricting.entries())
      for (const other of restricting.slice(0, i)) {
        spent += 1;
        if (spent > MAX_PAIRS || found.has(placed.guard)) break;
        const isTogether = appliesBeside(placed.guard, other.guard) || appliesBeside(other.guard, placed.guard);
        if (!isTogether || !onOneField(placed.guard, other.guard) || !contradict(placed.guard, other.guard, view))
          continue;
        found.set(
          placed.guard,
          finding(
            'contradiction',
            'error',
            placed,
            'when',
            `together with ${other.guard.id}${other.guard.origin === placed.guard.origin ? '' : ` (${other.guard.origin})`} it denies every call of ${view.name}`,
            'Join the two conditions with any in one guard, or remove one of them.',
          ),
        );
      }
  }
  return [...found.values()];
}

function onOneField(a: Guard, b: Guard): boolean {
  const [first, second] = [conditionOf(a), conditionOf(b)];
  return first !== undefined && second !== undefined && shareField(first, second);
}

/** What a role grants and a guard denies whatever the call. */
function refusedGrants({ roles }: PolicySet, views: readonly View[]): readonly Finding[] {
  const byName = new Map(views.map((view) => [view.name, view]));
  return roles.flatMap(({ name, allow }) =>
    allow.flatMap((capability, i): Finding[] => {
      const view = byName.get(capability);
      const denying = view?.guards.find(({ guard }) => {
        if (guard.mode === 'shadow' || (guard.origin !== 'workspace' && guard.origin !== name)) return false;
        const verdicts = conditionOf(guard) === undefined ? undefined : verdictsOf(guard, view);
        return verdicts?.size === 1 && verdicts.has('deny');
      });
      if (denying === undefined) return [];
      const { id, origin } = denying.guard;
      return [
        {
          code: 'grant_refused',
          level: 'warning',
          origin: name,
          path: ['scope', 'allow', i],
          message: `${capability} is granted, and ${id}${origin === 'workspace' ? ' of the workspace' : ''} denies every call of it`,
          remedy: 'Remove the grant, or correct the guard.',
        },
      ];
    }),
  );
}
