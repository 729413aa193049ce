/** What a certificate is made of. Pure. */
import { hash } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import { blastRadius, type RadiusWorld, type SweepCell, sweep } from '@hivekey/policy';
import { radiusOfAlike, rankOf } from './fleet.ts';

export interface SweptWorld {
  readonly policyHash: string;
  readonly policyRevision: number;
  /** `sha256:…` over the digests of the numbers of each set of agents that are alike, and of the workspace. */
  readonly numbersDigest: string;
  readonly sweepDigest: string;
  readonly agents: number;
  readonly roleSets: number;
  readonly cells: number;
  readonly inputs: number;
  readonly differences: number;
  /** The first of them. */
  readonly differing: readonly SweepCell[];
  /** Agents that alone, within a day, are held by no number. */
  readonly unbounded: readonly string[];
}

const MOST_DIFFERENCES = 20;
const JUDGED = { horizon: '24h', line: 'alone' };

export function sweepWorld(world: RadiusWorld, ask: typeof sweep = sweep): SweptWorld {
  const swept = ask(world);
  const alike = radiusOfAlike(world);
  const whole = blastRadius(world, { kind: 'workspace' });
  const numbers = [whole.digest, ...alike.map(({ radius }) => radius.digest)];
  const { policyHash, policyRevision, digest, wearers, capabilities, inputs, differences } = swept;
  return {
    policyHash,
    policyRevision,
    numbersDigest: `sha256:${hash('sha256', canonicalJson(numbers))}`,
    sweepDigest: digest,
    agents: swept.agents,
    roleSets: wearers.length,
    cells: wearers.length * capabilities,
    inputs,
    differences: differences.length,
    differing: differences.slice(0, MOST_DIFFERENCES),
    unbounded: alike
      .filter(({ radius }) =>
        radius.cells.some(
          ({ horizon, line, amount }) => horizon === JUDGED.horizon && line === JUDGED.line && rankOf(amount) > 0,
        ),
      )
      .flatMap(({ agents }) => agents.map(({ id }) => id)),
  };
}
