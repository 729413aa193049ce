/** The most that gets through, by trying everything: every order of every amount at every second. */
import { compilePolicy, type PolicySet, settle, type WindowCharge } from '../../src/index.ts';

interface Step {
  readonly atSeconds: number;
  readonly charges: readonly WindowCharge[];
}

/** `amounts` in minor units; calls are made at whole seconds from 0, before `seconds`. */
export function mostPossible(
  set: PolicySet,
  roles: readonly string[],
  capabilities: readonly string[],
  amounts: readonly number[],
  seconds: number,
): number {
  const policy = compilePolicy(set);
  const options = capabilities.flatMap((capability) => amounts.map((amount) => ({ capability, amount })));
  const evaluations = options.map(({ capability, amount }) =>
    policy.evaluate({
      workspaceId: 'w',
      agentId: 'a',
      ownerId: 'o',
      roles,
      capability,
      arguments: { amount: amount / 100 },
    }),
  );
  const best = (path: readonly Step[], from: number, fromOption: number): number => {
    let most = 0;
    for (let at = from; at < seconds; at += 1)
      // at one moment the order of calls changes nothing: largest first
      for (let i = at === from ? fromOption : 0; i < options.length; i += 1) {
        const evaluation = evaluations[i];
        if (evaluation === undefined) continue;
        const { verdict } = settle(
          evaluation,
          evaluation.demands.map(({ key, windowSeconds }) => ({
            used: path
              .filter(({ atSeconds }) => atSeconds > at - windowSeconds)
              .flatMap(({ charges }) => charges)
              .reduce((sum, charge) => (charge.key === key ? sum + charge.amount : sum), 0),
          })),
        );
        if (verdict !== 'allow') continue;
        const more = best([...path, { atSeconds: at, charges: evaluation.charges }], at, i);
        most = Math.max(most, (evaluation.impact.usd ?? 0) + more);
      }
    return most;
  };
  return best([], 0, 0);
}
