/** A call on behalf of others: what is decided for the one who acts, and for each of those whom it acts for. Pure. */
import type { Evaluation, Verdict } from '@hivekey/policy';

const STRICTNESS: Readonly<Record<Verdict, number>> = { allow: 0, review: 1, deny: 2 };

/**
 * The strictest of them. Every window of every one of them is demanded and charged, once for each counter: what the
 * delegating agents may spend is spent by the call, as if each had made it.
 */
export function decidedForAll(own: Evaluation, others: readonly Evaluation[]): Evaluation {
  const strictest = others.reduce(
    (worst, each) => (STRICTNESS[each.verdict] > STRICTNESS[worst.verdict] ? each : worst),
    own,
  );
  const all = [own, ...others];
  const { verdict, reasonClass, reason, trace } = strictest;
  const { rule: _, retryAfterSeconds: __, holds: ___, uses: ____, leaves: _____, ...rest } = own;
  const holds = all.flatMap((each) => each.holds ?? []);
  const uses = distinct(
    all.flatMap((each) => each.uses ?? []),
    (use) => use,
  );
  const leaves = distinct(
    all.flatMap((each) => each.leaves ?? []),
    (leave) => leave,
  );
  return {
    ...rest,
    ...{ verdict, reasonClass, reason, trace },
    ...(strictest.rule === undefined ? {} : { rule: strictest.rule }),
    ...(strictest.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: strictest.retryAfterSeconds }),
    demands: added(
      all.map(({ demands }) => demands.map(({ afterSteps: _, ...demand }) => demand)),
      (demand) => demand.key,
    ),
    charges: added(
      all.map(({ charges }) => charges),
      (charge) => charge.key,
    ),
    ...(holds.length === 0
      ? {}
      : {
          holds: {
            fromMs: Math.max(...holds.map(({ fromMs }) => fromMs)),
            untilMs: Math.min(...holds.map(({ untilMs }) => untilMs)),
          },
        }),
    ...(uses.length === 0 ? {} : { uses }),
    ...(leaves.length === 0 ? {} : { leaves }),
  };
}

/** All of the first; of each further one, what is about a counter that none before it has. */
function added<T>(lists: readonly (readonly T[])[], keyOf: (item: T) => string): T[] {
  const known = new Set<string>();
  const items: T[] = [];
  for (const list of lists) {
    const fresh = list.filter((item) => !known.has(keyOf(item)));
    items.push(...fresh);
    for (const item of fresh) known.add(keyOf(item));
  }
  return items;
}

function distinct<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [keyOf(item), item])).values()];
}
