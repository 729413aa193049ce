/**
 * Rules as the console prints them, one line each:
 *
 *   payments: sum(payments, 24h) + amount ≤ $500 allow else deny·cap
 *   deploy: target == staging allow else require approval
 *
 * A line becomes a guard in the canonical shape, which is then checked like any other.
 */
import type { JsonObject, JsonValue } from '../model.ts';
import { type DocumentPath, type Problems, quote } from './problems.ts';
import { parseVerdict } from './verdicts.ts';

const MAX_LINE = 1_000;
/** `R2 · payments: …`, `payments: …`, `mail.send: …` */
const HEAD = /^(?:(R[0-9]{1,3})(?: ?[·:.] ?| ))?(?:([a-z][A-Za-z0-9_.*-]*|\*) ?: ?)?(.+)$/;
const CONDITION =
  /^([A-Za-z_][A-Za-z0-9_.[\]-]*(?:\([^)]*\)(?: ?\+ ?amount)?)?) ?(==|=|!=|≤|<=|≥|>=|<|>|in|not in) ?(.+)$/;
const OPERATORS: Readonly<Record<string, string>> = {
  '==': 'eq',
  '=': 'eq',
  '!=': 'ne',
  '≤': 'lte',
  '<=': 'lte',
  '≥': 'gte',
  '>=': 'gte',
  '<': 'lt',
  '>': 'gt',
  in: 'in',
  'not in': 'notIn',
};
const VERDICT = 'allow|deny(?: ?· ?cap)?|block|review|hold|require approval';
const TAIL = new RegExp(`^(.*?) (${VERDICT})(?: else (${VERDICT}))?$`);
const LATER: readonly (readonly [RegExp, string])[] = [[/^trigger\b|role ?= ?/, 'quarantine']];

/** The guard as an unchecked object, or undefined with a problem reported. `id` is used when the line has none. */
export function readConsoleRule(
  line: string,
  id: string,
  path: DocumentPath,
  problems: Problems,
): JsonObject | undefined {
  const refuse = (code: string, message: string, remedy: string): undefined => {
    problems.add(path, code, message, remedy);
    return undefined;
  };
  const text = line.trim().replaceAll(/\s+/g, ' ');
  if (text.length > MAX_LINE) return refuse('too_long', 'the rule is too long', `Keep it to ${MAX_LINE} characters.`);
  const later = LATER.find(([pattern]) => pattern.test(text));
  if (later !== undefined)
    return refuse(
      'guard_not_available',
      `${later[1]}: such rules are not available in this version`,
      'Remove the rule, or hold the action with require approval.',
    );
  const stated = readSequence(text, id) ?? readRisk(text, id) ?? readFirstUse(text, id);
  if (stated !== undefined) return stated;
  const [, number, subject, body = ''] = HEAD.exec(text) ?? [];
  const [, tested = body, first, second] = TAIL.exec(body) ?? [];
  const condition = CONDITION.exec(tested);
  const operator = OPERATORS[condition?.[2] ?? ''];
  if (condition === null || operator === undefined)
    return refuse('bad_rule', `${quote(text)} is no rule`, 'Write: payments: amount > $200 require approval.');
  const [, field = '', , operand = ''] = condition;
  // a bare limit, such as tool.calls ≤ 20/hour/agent, allows what is within it
  if (first === undefined && !field.startsWith('tool.') && !field.startsWith('rate.') && !field.includes('('))
    return refuse(
      'bad_rule',
      `${quote(text)} has no verdict`,
      'End it with allow else deny, deny, or require approval.',
    );
  if (subject === undefined && !field.startsWith('tool.'))
    return refuse(
      'bad_rule',
      `${quote(text)} does not say what it is about`,
      'Begin it with the namespace or capability: payments: ….',
    );
  return {
    id: number ?? id,
    action: subject === undefined ? '*' : patternIn(subject),
    when: { field, [operator]: operator === 'in' || operator === 'notIn' ? listIn(operand) : valueIn(operand, field) },
    effect: first === undefined ? 'allow' : (parseVerdict(first) ?? first),
    ...(second === undefined ? {} : { otherwise: parseVerdict(second) ?? second }),
  };
}

/** `deploy(prod) requires approved(review) for the same build within 4h by this agent` */
const SEQUENCE =
  /^(?:(R[0-9]{1,3})(?: ?[·:.] ?| ))?([a-z][A-Za-z0-9_.*-]*)(?: ?\(([^()]*)\))? requires ?((?:approved|done) ?\([^()]*\))(?: for the same ([A-Za-z0-9_$@.-]+(?: and [A-Za-z0-9_$@.-]+)*))?(?: within ([0-9]+[smhdw]))?(?: by this (session|agent|owner|workspace))?$/;
const FRESH = '24h';

/** What stands in brackets behind the action is its `target`. */
function readSequence(text: string, id: string): JsonObject | undefined {
  const [, number, action, target, field, same, within = FRESH, scope] = SEQUENCE.exec(text) ?? [];
  if (action === undefined || field === undefined) return undefined;
  const before: JsonObject = {
    field,
    within,
    ...(same === undefined ? {} : { bind: same.split(' and ') }),
    ...(scope === undefined ? {} : { scope }),
  };
  const when: JsonObject =
    target === undefined ? before : { any: [{ not: { field: 'target', eq: valueIn(target.trim(), '') } }, before] };
  return { id: number ?? id, action, when, effect: 'allow', otherwise: 'deny' };
}

/** `risk_signal(high) → require approval`, `payments: risk_signal(critical) → deny` */
const RISK = new RegExp(
  `^(?:(R[0-9]{1,3})(?: ?[·:.] ?| ))?(?:([a-z][A-Za-z0-9_.*-]*|\\*) ?: ?)?risk_signal ?\\( ?([a-z]+) ?\\) ?(?:→|->|=>) ?(${VERDICT})$`,
);

/** `mail` is all of a namespace. */
function patternIn(subject: string): string {
  return subject.includes('.') || subject.includes('_') || subject === '*' ? subject : `${subject}.*`;
}

/** At that level and above. */
function readRisk(text: string, id: string): JsonObject | undefined {
  const [, number, subject, level, verdict] = RISK.exec(text) ?? [];
  if (level === undefined || verdict === undefined) return undefined;
  const effect = parseVerdict(verdict) ?? verdict;
  return {
    id: number ?? id,
    action: subject === undefined ? '*' : patternIn(subject),
    when: { field: 'risk', gte: level },
    effect,
  };
}

/** `payments: first_use(payee, 90d) by this owner require approval` */
const FIRST_USE = new RegExp(
  `^(?:(R[0-9]{1,3})(?: ?[·:.] ?| ))?([a-z][A-Za-z0-9_.*-]*|\\*) ?: ?first_use ?\\( ?([^(), ]+) ?(?:, ?([0-9]+[smhdw]) ?)?\\)(?: by this (agent|role|owner|workspace))? ?(?:→|->|=>)? ?(${VERDICT})$`,
);
const REMEMBERED = '90d';

function readFirstUse(text: string, id: string): JsonObject | undefined {
  const [, number, subject, of, within = REMEMBERED, scope, verdict] = FIRST_USE.exec(text) ?? [];
  if (subject === undefined || verdict === undefined) return undefined;
  return {
    id: number ?? id,
    action: patternIn(subject),
    when: { field: `first_use(${of})`, within, ...(scope === undefined ? {} : { scope }) },
    effect: parseVerdict(verdict) ?? verdict,
  };
}

/** `{a, b}` */
function listIn(text: string): JsonValue {
  const inner = /^\{(.*)\}$/.exec(text)?.[1];
  if (inner === undefined) return text;
  return inner.trim() === '' ? [] : inner.split(',').map((item) => valueIn(item.trim(), ''));
}

function valueIn(text: string, field: string): JsonValue {
  const quoted = /^"([^"]*)"$|^'([^']*)'$/.exec(text);
  if (quoted !== null) return quoted[1] ?? quoted[2] ?? '';
  if (field !== 'tool.calls' && /^-?[0-9]+(\.[0-9]+)?$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  return text;
}
