/** Bounds and enforcements that are wrong on purpose: the property has to find a case against each. */
import type { Capability, Guard, ImpactRule, PolicySet } from '../../src/index.ts';
import type { Mutant } from './cases.ts';

function withGuards(set: PolicySet, change: (guard: Guard) => readonly Guard[]): PolicySet {
  return {
    ...set,
    workspaceGuards: set.workspaceGuards.flatMap(change),
    roles: set.roles.map((role) => ({ ...role, guards: role.guards.flatMap(change) })),
  };
}

function withCapabilities(set: PolicySet, change: (capability: Capability) => Capability): PolicySet {
  return { ...set, capabilities: set.capabilities.map(change) };
}

function isWindow(guard: Guard, is: (window: Extract<Guard['when'], { kind: string }>) => boolean): boolean {
  return 'kind' in guard.when && is(guard.when);
}

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'a window is counted once, however long the horizon': {
    bound: (set, seconds) =>
      withGuards(set, (guard) => {
        const { when } = guard;
        return [
          'kind' in when
            ? { ...guard, when: { ...when, windowSeconds: Math.max(when.windowSeconds, seconds) } }
            : guard,
        ];
      }),
  },
  'limits of groups are not enforced': {
    enforced: (set) => withGuards(set, (guard) => (isWindow(guard, ({ scope }) => scope !== 'agent') ? [] : [guard])),
  },
  'limits of groups are taken for limits of each agent, and enforced so': {
    enforced: (set) =>
      withGuards(set, (guard) => {
        const { when } = guard;
        return ['kind' in when ? { ...guard, when: { ...when, scope: 'agent' } } : guard];
      }),
  },
  'limits on calls are not enforced': {
    enforced: (set) => withGuards(set, (guard) => (isWindow(guard, ({ kind }) => kind === 'count') ? [] : [guard])),
  },
  'a batch counts as one': {
    bound: (set) =>
      withCapabilities(set, (capability) => ({
        ...capability,
        impact: Object.fromEntries(
          Object.entries(capability.impact).map(([unit, rule]): [string, ImpactRule] => [
            unit,
            rule.kind === 'length' ? { kind: 'constant', amount: 1 } : rule,
          ]),
        ),
      })),
  },
  'what failed is given back': { forgivesFailures: true },
  'a counter for each value is taken for one': {
    bound: (set) =>
      withGuards(set, (guard) => {
        const { when } = guard;
        if (!('kind' in when)) return [guard];
        const { per: _, ...whole } = when;
        return [{ ...guard, when: whole }];
      }),
  },
  'the approval threshold is taken for a cap': {
    bound: (set) =>
      withGuards(set, (guard) => [
        {
          ...guard,
          effect: guard.effect === 'review' ? 'deny' : guard.effect,
          otherwise: guard.otherwise === 'review' ? 'deny' : guard.otherwise,
        },
      ]),
  },
  'what nobody declares is taken for nothing': {
    bound: (set) =>
      withCapabilities(set, (capability) =>
        Object.keys(capability.impact).length > 0
          ? capability
          : { ...capability, impact: { records_read: { kind: 'constant', amount: 0 } } },
      ),
  },
  'guards in shadow are taken for enforced': {
    bound: (set) => withGuards(set, ({ mode: _, ...guard }) => [guard]),
  },
  'the guards of every role are taken to bind in each of them': {
    bound: (set) => ({
      ...set,
      roles: set.roles.map((role) => ({
        ...role,
        guards: set.roles.flatMap(({ name, guards }) =>
          guards.map((guard) => ({ ...guard, id: `${name}-${guard.id}`, origin: role.name })),
        ),
      })),
    }),
  },
};
