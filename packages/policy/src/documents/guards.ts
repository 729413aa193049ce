/** Guards: read in any accepted notation, checked, in their canonical document form and as the model. */
import type { Checked, Guard, JsonValue } from '../model.ts';
import { isObject, member } from '../values/json.ts';
import { readApproval } from './approval.ts';
import { readConsoleRule } from './console-rule.ts';
import { guardIdOf, patternOf } from './names.ts';
import { type DocumentPath, listOf, objectOf, Problems, quote } from './problems.ts';
import { guardSentence } from './sentence.ts';
import type { GuardDocument } from './types.ts';
import { verdictOf } from './verdicts.ts';
import { readWhen } from './when.ts';

const MAX_GUARDS = 500;
const FIELDS = ['id', 'action', 'when', 'effect', 'otherwise', 'approval', 'mode'];

export interface GuardReading {
  readonly document: GuardDocument;
  readonly guard: Guard;
}

/** The guards of one role, or of the workspace (`origin` is `workspace`). Paths in the problems begin at the list. */
export function checkGuards(value: unknown, origin: string): Checked<Guard[]> {
  const problems = new Problems();
  const read = readGuards(value, [], origin, problems);
  return problems.checked(read?.map(({ guard }) => guard));
}

/** Reads a list of guards: canonical objects, or console rules as text (numbered R1, R2, … by position). */
export function readGuards(
  value: unknown,
  path: DocumentPath,
  origin: string,
  problems: Problems,
): GuardReading[] | undefined {
  const items = listOf(value, path, 'guards', MAX_GUARDS, problems);
  if (items === undefined) return undefined;
  const before = problems.count;
  const read = items.map((item, i) => {
    const line = consoleLine(item);
    if (line === undefined) return readGuard(item, [...path, i], origin, problems);
    const rule = readConsoleRule(line, `R${i + 1}`, [...path, i], problems);
    return rule === undefined ? undefined : readGuard(rule, [...path, i], origin, problems);
  });
  const first = new Map<string, number>();
  read.forEach((reading, i) => {
    if (reading === undefined) return;
    const id = reading.document.id;
    const earlier = first.get(id);
    if (earlier === undefined) first.set(id, i);
    else
      problems.add(
        [...path, i, 'id'],
        'duplicate_id',
        `guard ${earlier + 1} has the id ${quote(id)} too`,
        'Give each guard an id of its own.',
      );
  });
  return problems.count === before ? read.filter((reading) => reading !== undefined) : undefined;
}

/** A console rule; YAML reads an unquoted `payments: amount > …` as a map of one text. */
function consoleLine(item: JsonValue): string | undefined {
  if (typeof item === 'string') return item;
  const [entry, second] = isObject(item) ? Object.entries(item) : [];
  if (entry === undefined || second !== undefined || typeof entry[1] !== 'string') return undefined;
  return FIELDS.includes(entry[0]) ? undefined : `${entry[0]}: ${entry[1]}`;
}

/** Reads one guard in the canonical form. */
function readGuard(value: unknown, path: DocumentPath, origin: string, problems: Problems): GuardReading | undefined {
  const raw = objectOf(value, path, 'a guard', FIELDS, problems);
  if (raw === undefined) return undefined;
  const id = guardIdOf(member(raw, 'id'), [...path, 'id'], problems);
  const action = patternOf(member(raw, 'action'), [...path, 'action'], problems);
  const effect = verdictOf(member(raw, 'effect'), [...path, 'effect'], problems);
  const written = member(raw, 'otherwise');
  const otherwise = written === undefined ? undefined : verdictOf(written, [...path, 'otherwise'], problems);
  const when = readWhen(member(raw, 'when'), [...path, 'when'], action ?? '*', problems);
  const mode = member(raw, 'mode') ?? 'enforce';
  if (mode !== 'enforce' && mode !== 'shadow')
    problems.add([...path, 'mode'], 'bad_mode', `${quote(mode)} is no mode`, 'Write enforce or shadow.');
  if (id === undefined || action === undefined || effect === undefined || when === undefined) return undefined;
  const isShadow = mode === 'shadow';
  const fallback = otherwise ?? (effect === 'allow' ? 'deny' : 'allow');
  const holds = effect === 'review' || fallback === 'review';
  const approval = readApproval(member(raw, 'approval'), [...path, 'approval'], holds, problems);
  const model = {
    id,
    action,
    when: when.model,
    effect: when.inverted ? fallback : effect,
    otherwise: when.inverted ? effect : fallback,
    ...(approval === undefined ? {} : { approval: approval.requirement }),
    ...(isShadow ? { mode: 'shadow' as const } : {}),
    origin,
  };
  if ('kind' in model.when && model.when.unattended && (model.effect !== 'allow' || model.otherwise !== 'review'))
    problems.add(
      [...path, 'when', 'unattended'],
      'unattended_not_held',
      'what no person approved is counted to have a person look at the rest: the guard does not hold what is beyond',
      'Write effect: allow and otherwise: review, and a guard of its own for a cap that denies.',
    );
  return {
    document: {
      id,
      action,
      when: when.document,
      effect,
      ...(otherwise === undefined ? {} : { otherwise }),
      ...(approval === undefined ? {} : { approval: approval.document }),
      ...(isShadow ? { mode: 'shadow' } : {}),
    },
    guard: { ...model, sentence: isShadow ? `In shadow: ${guardSentence(model)}` : guardSentence(model) },
  };
}
