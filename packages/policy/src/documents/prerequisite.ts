/** `done(tests.run)` and `approved(review)`: what has to come before. */
import type { JsonValue, PrerequisiteScope } from '../model.ts';
import { parseDuration } from '../values/duration.ts';
import { isList, isObject, member } from '../values/json.ts';
import { type DocumentPath, type Problems, quote } from './problems.ts';
import { readTest, testDocument } from './test.ts';
import type { TestReading } from './when.ts';

const SCOPES: readonly PrerequisiteScope[] = ['session', 'agent', 'owner', 'workspace'];
const ARGUMENT = /^[A-Za-z_$@][A-Za-z0-9_$@-]{0,99}(?:\.[A-Za-z_$@][A-Za-z0-9_$@-]{0,99}){0,9}$/;
const MAX_BOUND = 20;

export function readPrerequisite(value: unknown, path: DocumentPath, problems: Problems): TestReading | undefined {
  const test = readTest(value, path, problems, ['scope', 'bind']);
  if (test === undefined || !isObject(value)) return undefined;
  const before = problems.count;
  const { operator, operand, reading } = test;
  const seconds = operator === 'within' && typeof operand === 'string' ? parseDuration(operand) : undefined;
  if (seconds === undefined)
    problems.add(
      [...path, operator],
      'bad_operator',
      `${quote(operand)} does not say how fresh ${reading.canonical} has to be`,
      'Write within: and a time span, such as 4h.',
    );
  const scope = readScope(member(value, 'scope'), [...path, 'scope'], problems);
  const written = member(value, 'bind');
  const bind = written === undefined ? {} : readBind(written, [...path, 'bind'], problems);
  if (seconds === undefined || bind === undefined || problems.count > before) return undefined;
  return {
    document: {
      ...testDocument(reading.canonical, operator, operand),
      ...(scope === undefined ? {} : { scope }),
      ...(Object.keys(bind).length === 0 ? {} : { bind }),
    },
    model: { field: reading.canonical, operator, operand: { seconds, scope: scope ?? 'session', bind } },
  };
}

function readScope(
  value: JsonValue | undefined,
  path: DocumentPath,
  problems: Problems,
): PrerequisiteScope | undefined {
  const scope = SCOPES.find((each) => each === value);
  if (value !== undefined && scope === undefined)
    problems.add(path, 'bad_scope', `${quote(value)} does not say who did it`, `Write ${SCOPES.join(', ')}.`);
  return scope;
}

/** `[build]`, or `{build_id: build}` where the prerequisite calls it by another name. In the order of the names. */
function readBind(value: JsonValue, path: DocumentPath, problems: Problems): Record<string, string> | undefined {
  const pairs = isList(value)
    ? value.map((name) => [name, name] as const)
    : isObject(value)
      ? Object.entries(value)
      : [];
  const remedy = 'Write bind: [build], or bind: { build_id: build } with the name in the prerequisite first.';
  if (pairs.length === 0 || pairs.length > MAX_BOUND) {
    problems.add(path, 'bad_bind', `${quote(value)} names no arguments`, remedy);
    return undefined;
  }
  const names = pairs.flatMap(([there, here]): [string, string][] => {
    if (typeof there === 'string' && typeof here === 'string' && ARGUMENT.test(there) && ARGUMENT.test(here))
      return [[there, here]];
    problems.add(path, 'bad_bind', `${quote(there)}, ${quote(here)}: that is no argument`, remedy);
    return [];
  });
  return Object.fromEntries(names.sort(([a], [b]) => (a < b ? -1 : 1)));
}
