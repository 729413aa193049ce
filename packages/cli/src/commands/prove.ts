/** prove: whether any call of a kind is decided so, with a proof or with the call. */
import {
  type PolicySet,
  type ProofReport,
  prove,
  type Question,
  type QuestionTest,
  readAction,
  readQuestionText,
  readTestText,
  type WrittenQuestion,
} from '@hivekey/policy';
import type { Agent } from '@hivekey/sdk';
import { type Command, InvalidArgumentError } from 'commander';
import { EXIT, exitCodeOf, explain, UsageError } from '../exit.ts';
import { type Output, paint, printable, verdictLabel } from '../output.ts';
import { policyTexts } from '../prove/policy-files.ts';
import { BundledSolver, InstalledSolver, type Solver, type SolverLimits } from '../prove/solver.ts';
import { offline } from '../run.ts';
import { repeated, wholeNumber } from '../values.ts';
import { connect, joined, serverPolicy } from './replay.ts';

const OUTCOMES = ['allow', 'reach', 'review'] as const;
const SOLVERS = ['bundled', 'z3', 'cvc5'] as const;

/** A counter-example is an answer, not a failure: the numbers are those of a search that has found nothing or something. */
const PROOF_EXIT = { proved: EXIT.done, 'counter-example': 1, unknown: EXIT.checkFailed } as const;

/** For one query to the solver, of which a question takes several. */
const QUERY_MS = 10_000;

interface Flags {
  readonly role?: readonly string[];
  readonly anyRole?: true;
  readonly with?: string;
  readonly agent?: string;
  readonly action: string;
  readonly where: readonly string[];
  readonly outcome: (typeof OUTCOMES)[number];
  readonly file?: readonly string[];
  readonly policy?: string;
  readonly solver: (typeof SOLVERS)[number];
  readonly timeout: number;
  readonly memory: number;
  readonly smt?: true;
  readonly url?: string;
  readonly json?: boolean;
}

function oneOf<T extends string>(known: readonly T[]): (text: string) => T {
  return (text) => {
    const found = known.find((each) => each === text);
    if (found === undefined) throw new InvalidArgumentError(`Write one of ${known.join(', ')}.`);
    return found;
  };
}

/** The question of the sentence, or of the flags. */
function questionOf(sentence: string | undefined, flags: Flags, set: PolicySet): WrittenQuestion {
  const units = new Set(set.capabilities.flatMap(({ impact }) => Object.keys(impact)));
  if (sentence !== undefined) {
    if (flags.role !== undefined || flags.agent !== undefined || flags.anyRole !== undefined || flags.where.length > 0)
      throw new UsageError('A question is a sentence or flags.', 'Leave out --role, --any-role, --agent and --where.');
    return taken(readQuestionText(sentence, units));
  }
  const where = flags.where.map((text): QuestionTest => taken(readTestText(text, units)));
  return { subject: subjectOf(flags), action: taken(readAction(flags.action)), where, outcome: flags.outcome };
}

function subjectOf({ role, anyRole, with: beside, agent }: Flags): WrittenQuestion['subject'] {
  const named = [role, anyRole ?? beside, agent].filter((each) => each !== undefined);
  if (named.length !== 1)
    throw new UsageError(
      'The question is about nobody, or about several.',
      'Write one of --role, --any-role, --with and --agent.',
    );
  if (role !== undefined) return { kind: 'roles', roles: role };
  if (agent !== undefined) return { kind: 'agent', agent };
  return beside === undefined ? { kind: 'any' } : { kind: 'any', role: beside };
}

function taken<T>(
  read: { readonly ok: true; readonly value: T } | { readonly ok: false; cause: string; remedy: string },
): T {
  if (read.ok) return read.value;
  throw new UsageError(read.cause, read.remedy);
}

/** With the roles of an agent looked up, and all of them known. */
async function aboutRoles(question: WrittenQuestion, set: PolicySet, { url, file }: Flags): Promise<Question> {
  const { subject } = question;
  let about: Question['subject'];
  if (subject.kind === 'agent') {
    if (file !== undefined)
      throw new UsageError('Files say nothing of agents.', 'Ask about roles, or leave -f out to ask the server.');
    const agent = await connect(url).request<Agent>('GET', `/v1/agents/${encodeURIComponent(subject.agent)}`);
    about = { kind: 'roles', roles: agent.roles, orFewer: true };
  } else about = subject;
  const named = about.kind === 'roles' ? about.roles : about.role === undefined ? [] : [about.role];
  const missing = named.find((name) => !set.roles.some((role) => role.name === name));
  if (missing !== undefined)
    throw new UsageError(
      `The policy has no role ${missing}.`,
      `Roles: ${set.roles.map(({ name }) => name).join(', ') || 'none'}.`,
    );
  return { ...question, subject: about };
}

async function policyOf({ file, policy, url }: Flags): Promise<PolicySet> {
  const beside =
    file === undefined || policy !== undefined
      ? await serverPolicy(connect(url), policy === undefined ? {} : { policy })
      : undefined;
  return file === undefined && beside !== undefined ? beside : joined(policyTexts(file ?? []), beside);
}

function solverOf(name: Flags['solver'], limits: SolverLimits): Solver {
  return name === 'bundled' ? new BundledSolver(limits) : new InstalledSolver(name, limits);
}

interface Ran {
  readonly report: ProofReport;
  readonly solver: { readonly name: string; readonly queries: number; readonly ms: number };
  readonly scripts: readonly { readonly title: string; readonly script: string }[];
}

async function run(set: PolicySet, question: Question, { solver: name, timeout, memory }: Flags): Promise<Ran> {
  const started = performance.now();
  const solver = solverOf(name, { timeoutMs: Math.min(timeout * 1_000, QUERY_MS), memoryMb: memory });
  const scripts: { title: string; script: string }[] = [];
  let queries = 0;
  try {
    const report = await prove(set, question, {
      atMs: Date.now(),
      isOver: () => performance.now() - started > timeout * 1_000,
      solve: (script) => {
        queries += 1;
        return solver.solve(script);
      },
      onScript: (title, script) => scripts.push({ title, script }),
    });
    const version = await solver.solve('(get-info :version)\n');
    const [, number = ''] = typeof version === 'string' ? (/"([^"]*)"/.exec(version) ?? []) : [];
    const said = `${name === 'bundled' ? 'z3' : name} ${number}`.trim();
    return { report, scripts, solver: { name: said, queries, ms: Math.round(performance.now() - started) } };
  } finally {
    solver.close();
  }
}

const SIGNS = { proved: ['green', '✓'], 'counter-example': ['red', '✗'], unknown: ['yellow', '?'] } as const;
const ANSWERS = {
  proved: 'proved: there is no such call',
  'counter-example': 'counter-example: the engine decides this call so',
  unknown: 'unknown',
} as const;

function reportText({ report, solver }: Ran): string {
  const { verdict, question, policy, reasons, cases, leftOut, covers } = report;
  const [style, sign] = SIGNS[verdict];
  const vacuous = cases.filter(({ isVacuous }) => isVacuous === true);
  return [
    question,
    `${paint(style, sign)} ${ANSWERS[verdict]}`,
    ...reasons.map((reason) => `  ${printable(reason)}`),
    ...exampleText(report.counterExample),
    ...(cases.length === 0 ? ['  Nothing of that kind is granted.'] : []),
    ...(vacuous.length > 0 ? [`  No call at all is asked about of ${namesOf(vacuous)}.`] : []),
    ...(cases.length > 0 ? [paint('dim', `  looked at  ${namesOf(cases)}`)] : []),
    ...leftOut.map(({ capability, why }) => paint('dim', `  left out   ${capability}: ${why}`)),
    ...covers.map((each) => paint('dim', `  ${each}`)),
    paint('dim', `  policy ${policy} · ${solver.name} · ${solver.queries} queries · ${solver.ms} ms`),
  ].join('\n');
}

function namesOf(cases: ProofReport['cases']): string {
  return cases.map(({ roles, capability }) => `${capability} (${roles.join(' + ')})`).join(', ');
}

function exampleText(example: ProofReport['counterExample']): readonly string[] {
  if (example === undefined) return [];
  const { roles, capability, arguments: args, decision, when, fitsSchema } = example;
  return [
    `  ${capability} ${printable(JSON.stringify(args))}  by an agent with ${roles.join(' + ')}`,
    ...when.map((each) => `  when ${printable(each)}`),
    ...(fitsSchema === false
      ? ['  The arguments do not fit the input schema: a gateway that has it refuses the call.']
      : []),
    `  ${verdictLabel(decision.verdict, decision.reasonClass)}  ${printable(decision.reason)}`,
    ...decision.trace.map(
      ({ rule, origin, result, sentence, detail }) =>
        `    ${rule} (${origin}) ${verdictLabel(result, undefined)}  ${printable(sentence)} ${paint('dim', printable(detail))}`,
    ),
  ];
}

function reportJson({ report, solver, scripts }: Ran, withScripts: boolean): object {
  const { verdict, question, policy, reasons, cases, leftOut, covers, counterExample } = report;
  return {
    object: 'proof',
    verdict,
    question,
    policy,
    counter_example: counterExample === undefined ? null : exampleJson(counterExample),
    reasons,
    cases: cases.map(({ isVacuous, ...each }) => ({ ...each, vacuous: isVacuous === true })),
    left_out: leftOut,
    covers,
    solver,
    ...(withScripts ? { smt: scripts } : {}),
  };
}

function exampleJson(example: NonNullable<ProofReport['counterExample']>): object {
  const { roles, capability, arguments: args, decision, when, fitsSchema } = example;
  const { verdict, reasonClass, reason, rule, trace } = decision;
  return {
    roles,
    capability,
    arguments: args,
    when,
    fits_schema: fitsSchema ?? null,
    decision: { verdict, reason_class: reasonClass, reason, rule: rule ?? null, trace },
  };
}

/** Scripts that any solver runs, one after the other; the answer stands below as comments. */
function scriptsText(ran: Ran): string {
  const scripts = ran.scripts.map(
    ({ title, script }) => `; ${title}: unsat means that there is no such call\n${script}`,
  );
  const answer = reportText(ran)
    .split('\n')
    .map((line) => `; ${line}`);
  return [scripts.join('(reset)\n'), ...answer].join('\n');
}

function show(out: Output, ran: Ran, { smt, json }: Flags): void {
  out.result(reportJson(ran, smt === true), () => (smt === true && json !== true ? scriptsText(ran) : reportText(ran)));
}

export function addProveCommand(program: Command): void {
  program
    .command('prove [question]')
    .description(
      'whether any call of a kind is decided so: a proof, or the call; exit 0 proved, 1 counter-example, 3 unknown',
    )
    .option('--role <name>', 'an agent that wears exactly this; repeatable', repeated)
    .option('--any-role', 'any agent, whatever it wears')
    .option('--with <role>', 'any agent that wears this among others')
    .option('--agent <name>', 'an agent of the server, with its roles')
    .option('--action <capability>', 'a capability, payments.*, or *', '*')
    .option('--where <test>', 'such as "amount > $1,000"; repeatable, all of them', repeated, [])
    .option(
      '--outcome <outcome>',
      'allow: without a person; reach: at all; review: held for a person',
      oneOf(OUTCOMES),
      'reach',
    )
    .option('-f, --file <path>', 'file, folder or -, instead of the policy of the server; repeatable', repeated)
    .option('--policy <revision>', 'the policy of the server at a revision or hash; with -f, what files are put over')
    .option('--solver <name>', 'bundled, or a z3 or cvc5 of this machine', oneOf(SOLVERS), 'bundled')
    .option('--timeout <seconds>', 'for the question; what is left then is unknown', wholeNumber, 60)
    .option('--memory <mb>', 'for the solver', wholeNumber, 1_024)
    .option('--smt', 'print the question as SMT-LIB 2, with the answer as comments')
    .addHelpText(
      'after',
      `
Examples:
  hivekey prove "can role billing pay more than $1,000 without a person"
  hivekey prove -f policy "can any agent call crm.delete at all"
  hivekey prove -f policy --role billing --action mail.send --where "to.domain outside acme.com" --outcome allow`,
    )
    .action(
      offline<[string | undefined], Flags>(async (out, flags, sentence) => {
        try {
          const set = await policyOf(flags);
          const question = await aboutRoles(questionOf(sentence, flags, set), set, flags);
          const ran = await run(set, question, flags);
          show(out, ran, flags);
          return PROOF_EXIT[ran.report.verdict];
        } catch (error) {
          // 1 is a counter-example here, and nothing else
          process.stderr.write(`hivekey: ${explain(error)}`);
          const code = exitCodeOf(error);
          return code === EXIT.failed ? EXIT.checkFailed : code;
        }
      }),
    );
}
