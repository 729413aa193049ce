/** Who tries to get as much through as there is: at random, and greedily. */
import type { JsonObject, RadiusAgent } from '../../src/index.ts';
import type { Call, Fate, Gateway } from './engine.ts';
import { PAYEES, type RandomWorld } from './worlds.ts';

/** Numbers below one, the same for the same seed. */
export type Random = () => number;

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function pick<T>(items: readonly T[], random: Random): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

/** Arguments of a call that spends the amount: money in cents. */
function argumentsFor(capability: string, amount: number, payee: string, odd: number): JsonObject {
  const who = { payee, shop: payee };
  switch (capability) {
    case 'pay.out':
      return {
        ...who,
        amount: odd === 1 ? (amount / 100).toFixed(2) : amount / 100,
        ...(odd === 2 ? { currency: 'EUR' } : {}),
      };
    case 'pay.card':
    case 'pay.meter':
      return { ...who, amount: amount / 100 };
    case 'pay.refund':
      return { ...who, cents: amount };
    case 'pay.batch': {
      const half = Math.floor(amount / 2);
      return {
        ...who,
        items: odd === 1 ? [{ amount: amount / 100 }] : [{ amount: half / 100 }, { amount: (amount - half) / 100 }],
      };
    }
    case 'crm.search':
      return { ...who, limit: amount };
    case 'crm.bulk':
      return { ...who, ids: Array.from({ length: Math.min(amount, 40) }, (_, i) => `id-${i}`) };
    case 'mail.send':
      return {
        ...who,
        to: Array.from({ length: Math.min(amount, 40) }, (_, i) => `x${i}@acme.example`),
        ...(odd === 1 ? { cc: 'y@acme.example' } : {}),
      };
    default:
      return who;
  }
}

const NAMES = [...PAYEES, 'd', 'e'];

/** Whatever comes to mind, at any time within three horizons. */
export function randomAttack(
  gateway: Gateway,
  { set, agents }: RandomWorld,
  seconds: number,
  calls: number,
  random: Random,
): void {
  const times = Array.from({ length: calls }, () => Math.floor(random() * seconds * 2) / 2).sort((a, b) => a - b);
  let session = 0;
  for (const atSeconds of times) {
    const agent = pick(agents, random);
    const roles = random() < 0.5 ? agent.roles : [pick(agent.roles, random)];
    const granted = set.roles.flatMap(({ name, allow }) => (roles.includes(name) ? allow : []));
    const capability = pick(granted, random);
    session += 1;
    const call: Call = {
      agent,
      roles,
      capability,
      arguments: randomArguments(capability, random),
      sessionId: random() < 0.7 ? `s${session}` : 's',
      provenance: random() < 0.8 ? 'trusted' : 'untrusted',
    };
    gateway.call(call, atSeconds, pick<Fate>(['done', 'done', 'failed', 'error', 'not_attempted'], random));
  }
}

function randomArguments(capability: string, random: Random): JsonObject {
  const small = capability.startsWith('pay.') ? 1_600 : 12;
  const amount = Math.floor(random() * small);
  const odd = Math.floor(random() * 4);
  const args = argumentsFor(capability, amount, pick(NAMES, random), odd);
  if (random() > 0.06) return args;
  // something missing, or twice
  const { amount: _a, cents: _c, limit: _l, items: _i, ...rest } = args;
  return random() < 0.5 ? rest : { ...args, payee: [pick(NAMES, random), pick(NAMES, random)] };
}

interface Way {
  readonly agent: RadiusAgent;
  readonly role: string;
  readonly capability: string;
  /** Undefined: another one each time. */
  readonly payee: string | undefined;
  /** The argument is what is measured: the more the better. Else the less the better, as it fills other windows. */
  readonly isMeasured: boolean;
  /** An answer may give it back. */
  readonly settles: boolean;
}

const MAX_CALLS = 300;
const MAX_AT_ONCE = 40;

/**
 * At each moment the largest calls that pass, way by way, until none does; then at the next moment at which a window
 * holds less. Roles are worn one at a time, sessions are new each time, and what was sent fails in
 * one way or the other.
 */
export function greedyAttack(
  gateway: Gateway,
  world: RandomWorld,
  unit: string,
  seconds: number,
  reverse = false,
): void {
  const amounts = [0, 1, ...amountsOf(world)];
  // what does not pass while all windows are empty never does, but for what is let through when they are full
  const ways = waysOf(world, unit).flatMap((way) => {
    const passing = amounts.filter(
      (amount) => (amount > 0 || !way.isMeasured) && gateway.wouldPass(callOf(way, amount, 0), 0),
    );
    return passing.length === 0 ? [] : [{ way, passing }];
  });
  if (reverse) ways.reverse();
  let calls = 0;
  let at: number | undefined = 0;
  while (at !== undefined && at < seconds && calls < MAX_CALLS) {
    const now: number = at;
    for (const { way, passing } of ways) {
      let largest = Number.POSITIVE_INFINITY;
      for (let n = 0; n < MAX_AT_ONCE && calls < MAX_CALLS; n += 1) {
        const call = (amount: number) => callOf(way, amount, calls);
        const tried = way.isMeasured ? within(passing, gateway.roomFor(call(1), unit, now), largest) : passing;
        const amount = tried.find((each) => gateway.wouldPass(call(each), now));
        if (amount === undefined) break;
        if (way.isMeasured) largest = amount;
        calls += 1;
        gateway.call(call(amount), now, calls % 2 === 0 || way.settles ? 'failed' : 'error');
      }
    }
    at = gateway.nextFree(now);
  }
}

/** Largest first. What did not pass a moment ago does not pass now. */
function within(amounts: readonly number[], room: number, largest: number): readonly number[] {
  const fitting = amounts.filter((each) => each <= room && each <= largest);
  return [...(Number.isFinite(room) && room > 0 && room <= largest ? [room] : []), ...fitting.sort((a, b) => b - a)];
}

function callOf({ agent, role, capability, payee }: Way, amount: number, session: number): Call {
  return {
    agent,
    roles: [role],
    capability,
    arguments: argumentsFor(capability, amount, payee ?? `n${session}`, 0),
    sessionId: `s${session}`,
    provenance: 'trusted',
  };
}

/** Amounts beside all bounds that the policy names. */
function amountsOf({ set }: RandomWorld): readonly number[] {
  const text = JSON.stringify([set.workspaceGuards, set.roles.map(({ guards }) => guards)]);
  const money = [...text.matchAll(/\$(\d+)/g)].map(([, dollars]) => Number(dollars) * 100);
  const others = [...text.matchAll(/"(?:operand|limit)":(\d+)/g)].map(([, bound]) => Number(bound));
  return [...new Set([2, 3, ...[...money, ...others].flatMap((bound) => [bound - 1, bound, bound + 1])])].filter(
    (each) => each > 1,
  );
}

function waysOf({ set, agents }: RandomWorld, unit: string): Way[] {
  const text = JSON.stringify([set.workspaceGuards, set.roles]);
  const payees = /"payee"|"shop"/.test(text) ? [...PAYEES, undefined] : [undefined];
  return agents.flatMap((agent) =>
    agent.roles.flatMap((role) =>
      (set.roles.find(({ name }) => name === role)?.allow ?? []).flatMap((capability) => {
        const declared = set.capabilities.find(({ name }) => name === capability);
        if (declared === undefined || !(unit in declared.impact)) return [];
        const rule = declared.impact[unit];
        const isMeasured = rule?.kind !== 'constant';
        const settles = rule?.settle !== undefined;
        return payees.map((payee) => ({ agent, role, capability, payee, isMeasured, settles }));
      }),
    ),
  );
}
