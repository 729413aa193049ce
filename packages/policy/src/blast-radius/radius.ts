/** The blast radius of an agent, a role, an owner or the workspace. Pure: the same world has the same digest. */
import { bypassedProblem } from './bypass.ts';
import { type Cover, cover } from './cover.ts';
import { digestOf } from './digest.ts';
import { AUTHORITY_CAPABILITIES, type Reached, reachedBy } from './escalation.ts';
import { type AgentClass, classesOf, type Member, membersOf } from './fleet.ts';
import { Ground } from './ground.ts';
import { guardedProblem, type Problem, windowsIn } from './limits.ts';
import type { GuardedLine } from './passing.ts';
import { callsOf } from './spending.ts';
import type {
  Binding,
  BlastRadius,
  Escalation,
  Horizon,
  RadiusAgent,
  RadiusAmount,
  RadiusCell,
  RadiusLine,
  RadiusOptions,
  RadiusReason,
  RadiusSubject,
  RadiusWorld,
  ReachableCapability,
} from './types.ts';

/** What no bound on calls can hold. */
export const EXCLUDED: readonly string[] = Object.freeze([
  'harm done by the content of a message that is permitted',
  'wrong decisions within the limits',
  'what can be concluded from data that was read',
  'what a tool does beyond the arguments of the call once it has accepted it',
  'credentials that are used outside the gateway',
]);

const HOUR = 3_600;
const LINES: readonly RadiusLine[] = ['alone', 'fooled', 'bypassed'];

/** Throws a RangeError for an agent that is not of the world, or a horizon that is no whole number of seconds from 1. */
export function blastRadius(world: RadiusWorld, subject: RadiusSubject, options: RadiusOptions = {}): BlastRadius {
  const ground = Ground.of(world.set);
  const horizons = options.horizons ?? horizonsOf(world);
  for (const { id, seconds } of horizons)
    if (seconds !== undefined && !(Number.isSafeInteger(seconds) && seconds >= 1))
      throw new RangeError(`the horizon ${id} is no whole number of seconds`);
  const members = subjectMembers(ground, world.agents, subject);
  const own = classesOf(members);
  const authority = world.authority ?? AUTHORITY_CAPABILITIES;
  const reached: Readonly<Record<'alone' | 'fooled', Reached>> = {
    alone: reachedBy(ground, members, world.agents, authority, 'alone'),
    fooled: reachedBy(ground, members, world.agents, authority, 'fooled'),
  };
  const { units } = ground;
  const cells = units.flatMap((unit) => {
    const bypassed = bypassedProblem(ground, reached.fooled.classes, world.outside ?? [], unit);
    const numbers = LINES.map((line) => {
      if (line === 'bypassed')
        return { line, problem: bypassed, where: 'of the tool itself', limitless: [], own: undefined };
      const { classes, limitless, escalations } = reached[line];
      const problem = guardedProblem(ground, classes, line, unit);
      return {
        line,
        problem,
        where: '',
        limitless,
        own: escalations.length === 0 ? undefined : guardedProblem(ground, own, line, unit),
      };
    });
    return horizons.flatMap(({ id, seconds }) =>
      numbers.map(({ line, problem, where, limitless, own: alone }): RadiusCell => {
        const { amount, ...rest } = numberOf(problem, unit, seconds, where, limitless);
        const place = { unit, horizon: id, line, amount, ...rest };
        return alone === undefined
          ? place
          : { ...place, withoutEscalation: numberOf(alone, unit, seconds, where, []).amount };
      }),
    );
  });
  const content = {
    subject,
    policyHash: ground.hash,
    policyRevision: world.set.revision,
    agents: members.length,
    horizons,
    units,
    cells,
    capabilities: capabilitiesOf(ground, own),
    escalations: reached.fooled.escalations,
    excluded: EXCLUDED,
  };
  return { ...content, digest: digestOf(content) };
}

const NOT_MEASURED: RadiusReason = { sentence: 'how long it takes to find and stop a compromise was not measured' };

function horizonsOf({ containmentSeconds }: RadiusWorld): readonly Horizon[] {
  return [
    { id: 'contained', ...(containmentSeconds === undefined ? {} : { seconds: containmentSeconds }) },
    { id: '1h', seconds: HOUR },
    { id: '24h', seconds: 24 * HOUR },
    { id: '7d', seconds: 7 * 24 * HOUR },
  ];
}

function subjectMembers(ground: Ground, agents: readonly RadiusAgent[], subject: RadiusSubject): readonly Member[] {
  switch (subject.kind) {
    case 'agent': {
      const agent = agents.find(({ id }) => id === subject.id);
      if (agent === undefined) throw new RangeError(`there is no agent ${subject.id}`);
      return membersOf(ground, [agent]);
    }
    case 'owner':
      return membersOf(
        ground,
        agents.filter(({ ownerId }) => ownerId === subject.id),
      );
    case 'role':
      return membersOf(
        ground,
        agents.filter(({ roles }) => roles.includes(subject.id)),
      ).map(({ agent, hats }) => ({ agent, hats: hats.filter(({ names }) => names.includes(subject.id)) }));
    case 'workspace':
      return membersOf(ground, agents);
  }
}

type Numbered = Pick<RadiusCell, 'amount' | 'binding' | 'contributing'>;

function numberOf(
  problem: Problem,
  unit: string,
  seconds: number | undefined,
  where: string,
  limitless: readonly Escalation[],
): Numbered {
  // zero in a second is zero at any time, and so is no limit: these are known without the time
  const { value, shares, open } = cover(problem, seconds ?? 1);
  const contributing = [...new Set(problem.sources.map(({ capability }) => capability))].sort();
  if (limitless.length > 0) {
    const reasons = limitless.map(({ capability, sentence }): RadiusReason => ({ ...named(capability), sentence }));
    return { amount: { kind: 'unbounded', reasons: firstOf(reasons) }, binding: [], contributing };
  }
  if (!Number.isFinite(value)) return { amount: openAmount(open, unit, where), binding: [], contributing };
  if (value > 0 && seconds === undefined)
    return { amount: { kind: 'unknown', reasons: [NOT_MEASURED] }, binding: [], contributing };
  return { amount: { kind: 'bounded', value }, binding: bindingOf(shares, seconds ?? 1), contributing };
}

function named(capability: string | undefined): { readonly capability?: string } {
  return capability === undefined ? {} : { capability };
}

const MAX_REASONS = 20;

function firstOf(reasons: readonly RadiusReason[]): RadiusReason[] {
  const first = reasons.slice(0, MAX_REASONS);
  return reasons.length > MAX_REASONS ? [...first, { sentence: `and ${reasons.length - MAX_REASONS} more` }] : first;
}

/** What is certain to have no limit outranks what nobody knows. */
function openAmount(open: Cover['open'], unit: string, where: string): RadiusAmount {
  const reasons = new Map<string, RadiusReason>();
  for (const { capability, spend } of open) {
    const sentence =
      spend.kind === 'most'
        ? `${capability} has no limit ${where === '' ? '' : `${where} `}on ${unit}`
        : spend.sentence;
    reasons.set(sentence, { capability, sentence });
  }
  const sorted = firstOf([...reasons.values()].sort((a, b) => (a.sentence < b.sentence ? -1 : 1)));
  if (sorted.length === 0) sorted.push({ sentence: `the limits on ${unit} are too large to be added up` });
  const isKnown = open.length === 0 || open.some(({ spend }) => spend.kind !== 'unknown');
  return { kind: isKnown ? 'unbounded' : 'unknown', reasons: sorted };
}

/** A guard that binds several counters is told once. */
function bindingOf(shares: Cover['shares'], seconds: number): readonly Binding[] {
  const found = new Map<string, Binding>();
  for (const { limit, sources, value, perCall } of shares) {
    const key = JSON.stringify([limit.rule.origin, limit.rule.rule]);
    const held = found.get(key);
    const capabilities = new Set([...(held?.capabilities ?? []), ...sources.map(({ capability }) => capability)]);
    const largest = Math.max(held?.perCall ?? 0, Number.isFinite(perCall) ? perCall : 0);
    found.set(key, {
      ...limit.rule,
      windows: windowsIn(limit, seconds),
      counters: (held?.counters ?? 0) + limit.counters,
      ...(limit.measures === 'calls' ? { perCall: largest } : {}),
      value: (held?.value ?? 0) + value,
      capabilities: [...capabilities].sort(),
    });
  }
  return [...found.entries()]
    .sort(([a, one], [b, other]) => other.value - one.value || (a < b ? -1 : 1))
    .map(([, binding]) => binding);
}

function capabilitiesOf(ground: Ground, classes: readonly AgentClass[]): readonly ReachableCapability[] {
  const found = new Map<string, ReachableCapability>();
  const hats = new Map(classes.flatMap((each) => each.hats.map((hat) => [hat.key, hat])));
  for (const hat of hats.values())
    for (const capability of hat.granted) {
      const held = found.get(capability);
      const can = (line: GuardedLine) => callsOf(ground, hat, capability, line).passes;
      const reach =
        held?.reach === 'alone' || can('alone')
          ? 'alone'
          : held?.reach === 'approval' || can('approved')
            ? 'approval'
            : 'never';
      const granting = hat.worn.flatMap(({ role, allow }) => (allow.has(capability) ? [role.name] : []));
      found.set(capability, {
        capability,
        reach,
        grantedBy: [...new Set([...(held?.grantedBy ?? []), ...granting])].sort(),
        declared: ground.capability(capability) !== undefined,
      });
    }
  return [...found.values()].sort((a, b) => (a.capability < b.capability ? -1 : 1));
}
