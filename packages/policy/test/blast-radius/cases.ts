/** One case: a policy, a subject, a measure, a horizon and a line, attacked. */
import fc from 'fast-check';
import { blastRadius, compilePolicy, type PolicySet, type RadiusSubject } from '../../src/index.ts';
import { greedyAttack, randomAttack, randomFrom } from './adversaries.ts';
import { Gateway, mostWithin, type Passed } from './engine.ts';
import { HORIZONS, type RandomWorld, randomWorld } from './worlds.ts';

export interface Case {
  readonly world: RandomWorld;
  readonly subject: number;
  readonly seconds: number;
  readonly line: 'alone' | 'fooled';
  readonly seed: number;
}

export const anyCase: fc.Arbitrary<Case> = fc.record({
  world: randomWorld,
  subject: fc.nat({ max: 9 }),
  seconds: fc.constantFrom(...HORIZONS),
  line: fc.constantFrom('alone', 'fooled'),
  seed: fc.nat(),
});

export interface Outcome {
  readonly unit: string;
  /** Undefined for what has no bound. */
  readonly bound: number | undefined;
  readonly used: number;
  readonly subject: RadiusSubject;
  readonly passed: readonly Passed[];
}

/** What is wrong on purpose: the bound of another set, the enforcement of another set, failures given back. */
export interface Mutant {
  readonly bound?: (set: PolicySet, seconds: number) => PolicySet;
  readonly enforced?: (set: PolicySet) => PolicySet;
  readonly forgivesFailures?: boolean;
}

function subjectOf({ world, subject }: Case): RadiusSubject {
  const { agents } = world;
  const [first] = agents;
  const agent = agents[subject % agents.length] ?? first;
  if (agent === undefined || subject < 3) return { kind: 'workspace' };
  if (subject < 5) return { kind: 'owner', id: agent.ownerId };
  if (subject < 7) return { kind: 'role', id: agent.roles[0] ?? '' };
  return { kind: 'agent', id: agent.id };
}

function isOf(subject: RadiusSubject, { call }: Passed, { set }: RandomWorld): boolean {
  switch (subject.kind) {
    case 'agent':
      return call.agent.id === subject.id;
    case 'owner':
      return call.agent.ownerId === subject.id;
    case 'role':
      return (
        call.roles.includes(subject.id) &&
        set.roles.some(({ name, allow }) => name === subject.id && allow.includes(call.capability))
      );
    case 'workspace':
      return true;
  }
}

/** Every measure of the case, each after the attacks on it. */
export function attack(each: Case, mutant: Mutant = {}): readonly Outcome[] {
  const { world, seconds, line, seed } = each;
  const { set, agents } = world;
  const subject = subjectOf(each);
  const radius = blastRadius({ set: mutant.bound?.(set, seconds) ?? set, agents, authority: [] }, subject, {
    horizons: [{ id: 'h', seconds }],
  });
  const enforced = mutant.enforced?.(set) ?? set;
  const enforcement = {
    set: enforced,
    policy: compilePolicy(enforced),
    line,
    ...(mutant.forgivesFailures === undefined ? {} : { forgivesFailures: mutant.forgivesFailures }),
  };
  const chance = new Gateway(enforcement);
  randomAttack(chance, world, seconds * 3, 60, randomFrom(seed));
  const byChance = chance.passed.filter((passed) => isOf(subject, passed, world));
  return radius.cells.flatMap((cell): Outcome[] => {
    if (cell.line !== line) return [];
    const { unit, amount } = cell;
    if (amount.kind !== 'bounded')
      return [{ unit, bound: undefined, used: mostWithin(byChance, unit, seconds), subject, passed: byChance }];
    let best = byChance;
    let most = mostWithin(byChance, unit, seconds);
    for (const reverse of [false, true]) {
      if (most >= amount.value) break;
      const greedy = new Gateway(enforcement);
      greedyAttack(greedy, world, unit, seconds, reverse);
      const passed = greedy.passed.filter((call) => isOf(subject, call, world));
      const used = mostWithin(passed, unit, seconds);
      if (used > most) [best, most] = [passed, used];
    }
    return [{ unit, bound: amount.value, used: most, subject, passed: best }];
  });
}
