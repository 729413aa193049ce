/** What every part of the sample has in hand: the clock, the agenda, and keys of people and agents. */
import type { HiveKey } from '@hivekey/sdk';
import type { Agenda } from './agenda.ts';
import type { AgentCalls } from './agent-client.ts';
import type { SimulatedClock } from './clock.ts';
import type { Provider } from './provider.ts';
import type { Random } from './random.ts';

export interface Sample {
  readonly url: string;
  readonly clock: SimulatedClock;
  readonly agenda: Agenda;
  readonly random: Random;
  readonly calls: AgentCalls;
  readonly provider: Provider;
  readonly fromMs: number;
  readonly toMs: number;
  /** The key that came with the server. */
  readonly admin: HiveKey;
  /** By name. */
  readonly people: Map<string, HiveKey>;
  /** By name of the agent. */
  readonly tokens: Map<string, string>;
}

export function personOf({ people }: Pick<Sample, 'people'>, name: string): HiveKey {
  const person = people.get(name);
  if (person === undefined) throw new Error(`${name} has no key`);
  return person;
}

export function tokenOf({ tokens }: Pick<Sample, 'tokens'>, agent: string): string {
  const token = tokens.get(agent);
  if (token === undefined) throw new Error(`${agent} has no token`);
  return token;
}
