/**
 * `node scripts/run.mjs bench/blast-radius.ts [cases] [seed]`: the bound of the blast radius against the production
 * decision function, in random cases; writes bench/blast-radius.md. Ends with 1 when a bound is passed.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { anyCase, attack } from '../packages/policy/test/blast-radius/cases.ts';
import { MUTANTS } from '../packages/policy/test/blast-radius/mutants.ts';
import { readMachine } from './machine.ts';

const CASES = 100_000;
/** Processes, each with a seed of its own: the figures are the same on any machine. */
const SLICES = 4;
const [, , cases = String(CASES), seed = '1', mode] = process.argv;

interface Tally {
  numbers: number;
  reached: number;
  used: number;
}

interface Slice {
  readonly cases: number;
  readonly byUnit: Record<string, Tally>;
  readonly zero: number;
  readonly open: number;
  /** What passed a bound. */
  readonly failure: string | null;
}

const NOTHING: Tally = { numbers: 0, reached: 0, used: 0 };

function runSlice(count: number, from: number): Slice {
  const byUnit: Record<string, Tally> = {};
  let zero = 0;
  let open = 0;
  const { failed, numRuns, errorInstance } = fc.check(
    fc.property(anyCase, (each) => {
      for (const { unit, bound, used, subject } of attack(each)) {
        if (bound === undefined) {
          open += 1;
          continue;
        }
        if (used > bound)
          throw new Error(`${used} ${unit} of ${JSON.stringify(subject)} got through, and the bound is ${bound}`);
        if (bound === 0) zero += 1;
        else
          byUnit[unit] = plus(byUnit[unit] ?? NOTHING, {
            numbers: 1,
            reached: used === bound ? 1 : 0,
            used: used / bound,
          });
      }
    }),
    { numRuns: count, seed: from, endOnFailure: true },
  );
  return { cases: numRuns, byUnit, zero, open, failure: failed ? `seed ${from}: ${String(errorInstance)}` : null };
}

function plus(a: Tally, b: Tally): Tally {
  return { numbers: a.numbers + b.numbers, reached: a.reached + b.reached, used: a.used + b.used };
}

function startSlice(count: number, from: number): Promise<Slice> {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), String(count), String(from), 'slice'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`a slice ended with ${code}`)),
    );
  });
}

if (mode === 'slice') {
  process.stdout.write(JSON.stringify(runSlice(Number(cases), Number(seed))));
  process.exit(0);
}

const start = performance.now();
const { facts } = readMachine();
const slices = await Promise.all(
  Array.from({ length: SLICES }, (_, i) => startSlice(Math.ceil(Number(cases) / SLICES), Number(seed) + i)),
);
const count = (of: (slice: Slice) => number) => slices.reduce((sum, slice) => sum + of(slice), 0);
const byUnit = new Map<string, Tally>();
for (const slice of slices)
  for (const [unit, tally] of Object.entries(slice.byUnit)) byUnit.set(unit, plus(byUnit.get(unit) ?? NOTHING, tally));
const failures = slices.flatMap(({ failure }) => failure ?? []);
const killed = Object.entries(MUTANTS).map(([name, mutant]) => {
  const holds = fc.property(anyCase, (each) =>
    attack(each, mutant).every(({ used, bound = Number.POSITIVE_INFINITY }) => used <= bound),
  );
  const { failed, numRuns } = fc.check(holds, { numRuns: 2_000, seed: Number(seed), endOnFailure: true });
  return { name, after: failed ? numRuns : undefined };
});

const whole = [...byUnit.values()].reduce(plus, NOTHING);
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
  failures.length > 0
    ? `**A bound was passed**: ${failures.join('; ')}`
    : `In ${count((slice) => slice.cases)} cases no bound was passed. ${whole.reached} of ${whole.numbers} numbers above zero were reached exactly (${percent(whole.reached, whole.numbers)}). ${count(({ zero }) => zero)} were zero, and nothing got through; of ${count(({ open }) => open)} there was no number (UNBOUNDED or UNKNOWN).`,
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
process.exitCode = failures.length > 0 || killed.some(({ after }) => after === undefined) ? 1 : 0;
