/** A question as a sentence: "can role billing pay more than $1,000 without a person". */
import { patternOf } from '../documents/names.ts';
import { Problems } from '../documents/problems.ts';
import type { Outcome, Question, QuestionTest, Subject } from './question.ts';
import { type Read, readTestText, splitOutside } from './test-text.ts';

/** A question whose subject may be an agent, whose roles have to be found out first. */
export interface WrittenQuestion extends Omit<Question, 'subject'> {
  readonly subject: Subject | { readonly kind: 'agent'; readonly agent: string };
}

const SUBJECT =
  /^can (?:(?:an agent with )?roles? (?<roles>.+?)|any agent(?: with role (?<role>.+?))?|agent (?<agent>\S+)) (?<verb>pay|spend|call) (?<rest>.+)$/is;
const OUTCOMES: readonly (readonly [RegExp, Outcome])[] = [
  [/\s+without (?:a person|approval)$/i, 'allow'],
  [/\s+at all$/i, 'reach'],
  [/\s+held for a person$/i, 'review'],
];
const AMOUNT = /^(more than|at least|less than|at most) (\S+|[A-Z]{3} \S+|\S+ [A-Z]{3})(?: ([a-z][a-z0-9_]*))?$/;
const REMEDY =
  'Write: can role NAME | roles A and B | any agent | any agent with role NAME | agent NAME, then pay more than $1,000 | spend more than 500 UNIT | call CAPABILITY, then where TEST and TEST, then without a person | at all | held for a person.';

/** `units` are those that capabilities of the policy declare. */
export function readQuestionText(text: string, units: ReadonlySet<string>): Read<WrittenQuestion> {
  const sentence = text.trim().replace(/\?$/, '').trim();
  const outcome = OUTCOMES.find(([words]) => words.test(sentence));
  const asked = outcome === undefined ? sentence : sentence.replace(outcome[0], '');
  const found = SUBJECT.exec(asked)?.groups;
  if (found === undefined) return { ok: false, cause: 'The question was not understood.', remedy: REMEDY };
  const { roles, role, agent, verb = '', rest = '' } = found;
  const [object = '', ...tests] = splitOutside(rest, /^\s+where\s+/i);
  const what = verb.toLowerCase() === 'call' ? called(object) : spent(object, units);
  if (!what.ok) return what;
  const where: QuestionTest[] = [...what.value.where];
  for (const test of tests.flatMap((each) => splitOutside(each, /^\s+and\s+/i))) {
    const read = readTestText(test, units);
    if (!read.ok) return read;
    where.push(read.value);
  }
  const subject: WrittenQuestion['subject'] =
    agent !== undefined
      ? { kind: 'agent', agent }
      : roles !== undefined
        ? { kind: 'roles', roles: roles.split(/\s+and\s+|\s*,\s*/).map(unquoted) }
        : role !== undefined
          ? { kind: 'any', role: unquoted(role) }
          : { kind: 'any' };
  return { ok: true, value: { subject, action: what.value.action, where, outcome: outcome?.[1] ?? 'reach' } };
}

function unquoted(name: string): string {
  return name.trim().replace(/^"(.*)"$/s, '$1');
}

/** A capability, `payments.*`, or `*`. */
export function readAction(text: string): Read<string> {
  const problems = new Problems();
  const action = patternOf(text, [], problems);
  if (action !== undefined) return { ok: true, value: action };
  const [problem] = problems.list;
  return { ok: false, cause: `${problem?.message ?? text}.`, remedy: problem?.remedy ?? REMEDY };
}

type What = Read<Pick<Question, 'action' | 'where'>>;

function called(object: string): What {
  const action = readAction(/^any(?:thing| capability)$/i.test(object.trim()) ? '*' : object.trim());
  return action.ok ? { ok: true, value: { action: action.value, where: [] } } : action;
}

function spent(object: string, units: ReadonlySet<string>): What {
  const [, comparison = '', bound = '', unit] = AMOUNT.exec(object.trim()) ?? [];
  if (comparison === '') return { ok: false, cause: `${object} is no amount.`, remedy: REMEDY };
  if (unit !== undefined && !units.has(unit))
    return {
      ok: false,
      cause: `No capability declares the unit ${unit}.`,
      remedy: 'Declare it under impact, or write money such as $1,000.',
    };
  const test = readTestText(`${unit ?? 'amount'} ${comparison} ${bound}`, units);
  return test.ok ? { ok: true, value: { action: '*', where: [test.value] } } : test;
}
