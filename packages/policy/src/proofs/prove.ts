/**
 * Answers a question about a policy: a proof that no call is decided so, or a call that is. The solver is an argument:
 * what it says is a proof only where the encoding leaves nothing out, and a call only where the engine agrees.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { compilePolicy } from '../decide/compile.ts';
import { boundsOf } from '../decide/condition.ts';
import { GuardIndex } from '../decide/guard-index.ts';
import { moneyUnitOf } from '../decide/measure.ts';
import { hasArgument } from '../documents/fit.ts';
import { covers } from '../documents/names.ts';
import type { Capability, CompiledPolicy, Decision, JsonObject, PolicySet } from '../model.ts';
import { currencyOf } from '../values/money.ts';
import type { Model } from './arguments.ts';
import { testsIn } from './conditions.ts';
import { type Encoding, encode, outcomeTerm } from './encode.ts';
import { type Question, type QuestionTest, questionInWords } from './question.ts';
import { type Replayed, replay } from './replay.ts';
import { asking } from './script.ts';
import { Search, type Solve } from './search.ts';
import { type Term, TRUE } from './smt.ts';

export type { Solve } from './search.ts';

export type ProofVerdict = 'proved' | 'counter-example' | 'unknown';

export interface ProofReport {
  readonly verdict: ProofVerdict;
  /** The question as it was understood. */
  readonly question: string;
  readonly policy: string;
  readonly counterExample?: CounterExample;
  /** Why it is unknown. */
  readonly reasons: readonly string[];
  /** Each roles and capability that was asked about. */
  readonly cases: readonly CaseReport[];
  /** Capabilities that fit the question by their name and were not asked about, and why. */
  readonly leftOut: readonly { readonly capability: string; readonly why: string }[];
  /** What the answer says, and what it does not. */
  readonly covers: readonly string[];
}

export interface CaseReport {
  readonly roles: readonly string[];
  readonly capability: string;
  readonly answer: ProofVerdict;
  /** Proved, as no call fits the question whatever is decided. */
  readonly isVacuous?: true;
}

export interface CounterExample {
  readonly roles: readonly string[];
  readonly capability: string;
  readonly arguments: JsonObject;
  readonly decision: Decision;
  /** What has to be so beside the call; empty: nothing that was not there from the start. */
  readonly when: readonly string[];
  /** Whether the arguments fit the input schema; undefined where there is none. Where one is pinned, a gateway refuses what does not fit. */
  readonly fitsSchema: boolean | undefined;
}

export interface ProveOptions {
  readonly solve: Solve;
  /** The time that counter-examples are tried at, epoch milliseconds. */
  readonly atMs: number;
  /** Whether the time for the question is over; then what is left is unknown. */
  readonly isOver?: () => boolean;
  /** Gives every script that is run, for those who would run it elsewhere. */
  readonly onScript?: (title: string, script: string) => void;
}

interface AskedCase {
  readonly roles: readonly string[];
  readonly capability: string;
}

export async function prove(set: PolicySet, question: Question, options: ProveOptions): Promise<ProofReport> {
  const prover = new Prover(set, question, options);
  return prover.run();
}

class Prover {
  readonly #set: PolicySet;
  readonly #question: Question;
  readonly #options: ProveOptions;
  readonly #policy: CompiledPolicy;
  readonly #index: GuardIndex;
  readonly #declared: ReadonlyMap<string, Capability>;
  readonly #leftOut = new Map<string, string>();
  readonly #windows = new Set<string>();
  /** Answers by script: capabilities under the same guards ask the same. */
  readonly #proved = new Map<string, { readonly isVacuous: boolean }>();

  constructor(set: PolicySet, question: Question, options: ProveOptions) {
    this.#set = set;
    this.#question = question;
    this.#options = options;
    this.#policy = compilePolicy(set);
    this.#index = new GuardIndex(set);
    this.#declared = new Map(set.capabilities.map((capability) => [capability.name, capability]));
  }

  async run(): Promise<ProofReport> {
    const cases: CaseReport[] = [];
    const reasons = new Set<string>();
    for (const asked of this.#cases()) {
      const found = await this.#answer(asked);
      const { roles, capability } = asked;
      if (found.kind === 'proved')
        cases.push({ roles, capability, answer: 'proved', ...(found.isVacuous ? { isVacuous: true } : {}) });
      else if (found.kind === 'unknown') {
        cases.push({ roles, capability, answer: 'unknown' });
        for (const reason of found.reasons) reasons.add(`${capability}: ${reason}`);
      } else {
        cases.push({ roles, capability, answer: 'counter-example' });
        return this.#report('counter-example', cases, [], this.#counterExample(asked, found.replayed));
      }
    }
    return this.#report(reasons.size > 0 ? 'unknown' : 'proved', cases, [...reasons]);
  }

  readonly #solve: Solve = async (script) =>
    this.#options.isOver?.() === true ? { failed: 'the time for the question is over' } : this.#options.solve(script);

  #report(
    verdict: ProofVerdict,
    cases: readonly CaseReport[],
    reasons: readonly string[],
    counterExample?: CounterExample,
  ): ProofReport {
    return {
      verdict,
      question: questionInWords(this.#question),
      policy: this.#policy.hash,
      ...(counterExample === undefined ? {} : { counterExample }),
      reasons,
      cases,
      leftOut: [...this.#leftOut].map(([capability, why]) => ({ capability, why })),
      covers: this.#covers(),
    };
  }

  /** Roles and capabilities to look at. Another role beside the granting one only adds guards. */
  *#cases(): Generator<AskedCase> {
    const { subject } = this.#question;
    const granting = this.#set.roles.map(({ name, allow }) => ({ name, allow: [...new Set(allow)].sort() }));
    // for `review` more roles are no less: then they are looked at together
    const isNarrowed = subject.kind === 'roles' && subject.orFewer === true && this.#question.outcome !== 'review';
    if (isNarrowed) {
      for (const { name, allow } of granting)
        for (const capability of subject.roles.includes(name) ? allow : [])
          if (this.#isAbout(capability)) yield { roles: [name], capability };
      return;
    }
    if (subject.kind === 'roles') {
      for (const capability of [...this.#policy.granted(subject.roles)].sort())
        if (this.#isAbout(capability)) yield { roles: subject.roles, capability };
      return;
    }
    const { role } = subject;
    const own = new Set(granting.find(({ name }) => name === role)?.allow);
    for (const { name, allow } of granting)
      for (const capability of allow) {
        if (!this.#isAbout(capability)) continue;
        if (role === undefined || name === role) yield { roles: [name], capability };
        else if (!own.has(capability)) yield { roles: [role, name].sort(), capability };
      }
  }

  #isAbout(capability: string): boolean {
    const { action, where } = this.#question;
    if (!covers(action, capability)) return false;
    const declared = this.#declared.get(capability);
    const why = where.map((test) => whyNotAbout(test, declared)).find((each) => each !== undefined);
    if (why !== undefined) this.#leftOut.set(capability, why);
    return why === undefined;
  }

  async #answer(asked: AskedCase): Promise<CaseAnswer> {
    const { where, outcome } = this.#question;
    const encoding = encode({ index: this.#index, ...asked, where, outcome });
    for (const guard of encoding.windows) this.#windows.add(`${guard.origin}/${guard.id}: ${guard.sentence}`);
    const { script } = encoding;
    const question = [encoding.isAsked, outcomeTerm(encoding.verdict, outcome)];
    const whole = asking(script.whole, question);
    this.#options.onScript?.(`${asked.roles.join(' + ')} calls ${asked.capability}`, whole);
    const held = this.#proved.get(whole);
    if (held !== undefined) return { kind: 'proved', ...held };
    const search = new Search(script, this.#solve);
    const found = await this.#find(asked, encoding, search, question);
    if (found !== undefined) return found;
    if (script.narrowed.size > 0)
      return { kind: 'unknown', reasons: [...script.narrowed].map((each) => `not looked at: ${each}`) };
    const any = await search.find([encoding.isAsked]);
    const proved = { isVacuous: any.kind === 'none' };
    this.#proved.set(whole, proved);
    return { kind: 'proved', ...proved };
  }

  /** The most readable call that the engine decides so; undefined where there is none at all. */
  async #find(
    asked: AskedCase,
    { script, ...encoding }: Encoding,
    search: Search,
    question: readonly Term[],
  ): Promise<CaseAnswer | undefined> {
    let last: Replayed | undefined;
    let why: string | undefined;
    if ((await search.skeleton(question)).kind === 'none') return undefined;
    for (const preference of script.preferences) {
      const found = await search.find([...question, preference]);
      if (found.kind === 'none' && preference === TRUE) return undefined;
      if (found.kind === 'unknown') why = found.why;
      if (found.kind !== 'model') continue;
      last = this.#replayed(asked, { script, ...encoding }, found.model);
      if (last.agrees) return { kind: 'found', replayed: last };
    }
    if (last?.decision.reasonClass === 'freeze')
      return { kind: 'unknown', reasons: ['a change freeze is in force at every time that was tried'] };
    const widened = [...script.widened];
    if (widened.length > 0) return { kind: 'unknown', reasons: widened };
    if (last === undefined) return { kind: 'unknown', reasons: [why ?? 'no call was found that could be tried'] };
    return {
      kind: 'unknown',
      reasons: [`solver and engine differ about ${JSON.stringify(last.request.arguments)}: please report this`],
    };
  }

  #replayed(asked: AskedCase, encoding: Encoding, model: Model): Replayed {
    const { where, outcome } = this.#question;
    return replay(
      { set: this.#set, policy: this.#policy, ...asked, where, outcome, atMs: this.#options.atMs },
      encoding,
      model,
    );
  }

  #counterExample({ roles, capability }: AskedCase, replayed: Replayed): CounterExample {
    const { request, decision, full, state } = replayed;
    const schema = this.#declared.get(capability)?.inputSchema;
    return {
      roles,
      capability,
      arguments: request.arguments,
      decision,
      when: [
        ...full.map((guard) => `the window of ${guard} is full`),
        ...(state.prerequisites ?? []).map(
          ({ key }) => `done or approved before: ${key.split('/').slice(0, 3).join('/')}`,
        ),
        ...(decision.read?.used ?? []).map(() => 'the value that is asked about was used before'),
        ...(decision.read?.provenance === undefined ? [] : [`what led to the call is ${decision.read.provenance}`]),
        ...(decision.read?.risks ?? []).map(({ level }) => `a detector says ${level}`),
        ...(decision.read?.atMs === undefined || decision.read.atMs === this.#options.atMs
          ? []
          : [`at ${new Date(decision.read.atMs).toISOString()}, when no freeze is in force`]),
      ],
      fitsSchema: schema === undefined ? undefined : fitsSchema(request.arguments, schema),
    };
  }

  #covers(): readonly string[] {
    const frozen = (this.#set.freezes ?? []).length > 0;
    return [
      'One call, with any arguments, whatever calls came before it and whatever detectors say.',
      ...(frozen ? ['Outside of change freezes: in force, they only refuse more.'] : []),
      ...(this.#windows.size > 0
        ? [
            `Several calls together are bounded by windows alone, and that bound is the blast radius: ${[...this.#windows].join(' ')}`,
          ]
        : ['No window bounds what several such calls do together: see the blast radius.']),
    ];
  }
}

type CaseAnswer =
  | { readonly kind: 'proved'; readonly isVacuous: boolean }
  | { readonly kind: 'found'; readonly replayed: Replayed }
  | { readonly kind: 'unknown'; readonly reasons: readonly string[] };

/** Why no call of the capability can be meant; undefined where one can. */
function whyNotAbout(test: QuestionTest, declared: Capability | undefined): string | undefined {
  if (test.kind === 'unit')
    return declared !== undefined && Object.hasOwn(declared.impact, test.unit) ? undefined : `declares no ${test.unit}`;
  const money = currencyOf(moneyUnitOf(declared) ?? '');
  for (const { field, operator, operand } of testsIn(test.condition)) {
    if (field !== 'amount') continue;
    const asked = operator === 'exists' ? undefined : boundsOf(operand).currency;
    if (money !== undefined && asked !== undefined && asked !== money) return `spends ${money}: ask in that currency`;
    if (money === undefined && declared !== undefined && hasArgument(declared, 'amount') === false)
      return 'declares no money, and takes no argument amount';
  }
  return undefined;
}

function fitsSchema(args: JsonObject, schema: JsonObject): boolean | undefined {
  try {
    return new Ajv2020({ strict: false, logger: false }).compile(schema)(args);
  } catch {
    return undefined;
  }
}
