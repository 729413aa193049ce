/** What is left when nothing of the gateway holds: the limits that tools keep by themselves. */
import { covers } from '../documents/names.ts';
import type { AgentClass } from './fleet.ts';
import { type Ground, namespaceOf } from './ground.ts';
import type { Limit, Problem, Source } from './limits.ts';
import { spendOutside } from './spending.ts';
import type { OutsideLimit } from './types.ts';

/**
 * A credential opens its whole tool, so that every capability of a namespace counts of which one is granted. All that
 * use a credential share its limits.
 */
export function bypassedProblem(
  ground: Ground,
  classes: readonly AgentClass[],
  outside: readonly OutsideLimit[],
  unit: string,
): Problem {
  const granted = new Set(classes.flatMap(({ hats }) => hats.flatMap((hat) => hat.granted)));
  const opened = [...new Set([...granted].map(namespaceOf))].flatMap((name) => ground.namespace(name));
  const sources = [...new Set([...granted, ...opened])].sort().flatMap((capability): Source[] => {
    const spend = spendOutside(capability, ground.capability(capability), unit);
    return spend.kind === 'none' ? [] : [{ capability, spend }];
  });
  return { sources, limits: outside.flatMap((each) => limitFrom(each, sources, unit)) };
}

function limitFrom(
  { id, sentence, over, unit, limit, windowSeconds, window }: OutsideLimit,
  sources: readonly Source[],
  measured: string,
): readonly Limit[] {
  if (unit !== undefined && unit !== measured) return [];
  const places = sources.flatMap(({ capability }, place) =>
    over.some((pattern) => covers(pattern, capability)) ? [place] : [],
  );
  if (places.length === 0) return [];
  const kind = unit === undefined ? ('count' as const) : ('sum' as const);
  return [
    {
      rule: {
        rule: id,
        origin: 'tool',
        sentence,
        kind,
        ...(unit === undefined ? {} : { unit }),
        limit,
        windowSeconds,
        scope: 'tool',
      },
      isFixed: window === 'fixed',
      counters: 1,
      limit,
      measures: unit === undefined ? 'calls' : 'amount',
      over: new Map(places.map((place) => [place, 1])),
    },
  ];
}
