/**
 * `node scripts/run.mjs bench/blast-radius.ts [cases] [seed]`: the bound of the blast radius against the production
 * decision function, in random cases; writes bench/blast-radius.md. Ends with 1 when a bound is passed.
 */
import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { anyCase, attack } from '../packages/policy/test/blast-radius/cases.ts';
import { MUTANTS } from '../packages/policy/test/blast-radius/mutants.ts';
import { readMachine } from './machine.ts';

const CASES = 100_000;
const [, , cases = String(CASES), seed = '1'] = process.argv;

interface Tally {
  numbers: number;
  reached: number;
  used: number;
}

const byUnit = new Map<string, Tally>();
let zero = 0;
let open = 0;
const start = performance.now();
const { facts } = readMachine();
const result = fc.check(
  fc.property(anyCase, (each) => {
    for (const { unit, bound, used, subject } of attack(each)) {
      if (bound === undefined) {
        open += 1;
        continue;
      }
      if (used > bound)
        throw new Error(`${used} ${unit} of ${JSON.stringify(subject)} got through, and the bound is ${bound}`);
      if (bound === 0) {
        zero += 1;
        continue;
      }
      const tally = byUnit.get(unit) ?? { numbers: 0, reached: 0, used: 0 };
      byUnit.set(unit, {
        numbers: tally.numbers + 1,
        reached: tally.reached + (used === bound ? 1 : 0),
        used: tally.used + used / bound,
      });
    }
  }),
  { numRuns: Number(cases), seed: Number(seed), endOnFailure: true },
);
const killed = Object.entries(MUTANTS).map(([name, mutant]) => {
  const holds = fc.property(anyCase, (each) =>
    attack(each, mutant).every(({ used, bound = Number.POSITIVE_INFINITY }) => used <= bound),
  );
  const { failed, numRuns } = fc.check(holds, { numRuns: 2_000, seed: Number(seed), endOnFailure: true });
  return { name, after: failed ? numRuns : undefined };
});

const whole = [...byUnit.values()].reduce(
  (sum, each) => ({
    numbers: sum.numbers + each.numbers,
    reached: sum.reached + each.reached,
    used: sum.used + each.used,
  }),
  { numbers: 0, reached: 0, used: 0 },
);
const percent = (part: number, of: number) => `${((100 * part) / of).toFixed(1)} %`;
const row = (unit: string, { numbers, reached, used }: Tally) =>
  `| ${unit} | ${numbers} | ${reached} | ${percent(reached, numbers)} | ${percent(used, numbers)} |`;
const report = [
  '# The bound against the engine',
  '',
  `Written by \`node scripts/run.mjs bench/blast-radius.ts ${cases} ${seed}\`; nothing in it is entered by hand.`,
  '',
  ...facts.map((fact) => `- ${fact}`),
  `- ${Math.round((performance.now() - start) / 1_000)} s`,
  '',
  'A case is a random policy, random agents, a subject (agent, role, owner or workspace), a horizon and a line. Every measure is attacked through `compilePolicy` and `settle` with exact sliding windows: by 60 random calls, then by a greedy adversary in two orders, until the bound is reached. Tokens are narrowed, sessions are fresh, calls fail with unknown effect, are answered with errors, or settle below what they reserved.',
  '',
  result.failed
    ? `**A bound was passed** after ${result.numRuns} cases: ${String(result.errorInstance)}`
    : `In ${result.numRuns} cases no bound was passed. ${whole.reached} of ${whole.numbers} numbers above zero were reached exactly. ${zero} were zero, and nothing got through; of ${open} there was no number (UNBOUNDED or UNKNOWN).`,
  '',
  '| Measure | Numbers above zero | Reached exactly | Share | Used ÷ bound, mean |',
  '|---|--:|--:|--:|--:|',
  ...[...byUnit.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([unit, tally]) => row(unit, tally)),
  row('all', whole),
  '',
  'What the greedy adversary does not reach is not always loose: it takes the largest calls first, and another order may get more through.',
  '',
  '## Mutants',
  '',
  'Bounds and enforcements that are wrong on purpose, and the case in which the same property found that out:',
  '',
  '| If … | Found in case |',
  '|---|--:|',
  ...killed.map(({ name, after }) => `| ${name} | ${after ?? '**not found**'} |`),
  '',
].join('\n');
writeFileSync(new URL('blast-radius.md', import.meta.url), report);
console.log(report);
process.exitCode = result.failed || killed.some(({ after }) => after === undefined) ? 1 : 0;
