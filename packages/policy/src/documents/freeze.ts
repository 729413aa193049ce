/** Change freezes: file, body of the API, and the typed model. */
import { Calendar } from '../freezes/calendar.ts';
import type { Checked, Freeze, FreezeClass, FreezeOverride, FrozenChange, JsonObject, JsonValue } from '../model.ts';
import { member } from '../values/json.ts';
import { patternOf, roleNameOf } from './names.ts';
import { type DocumentPath, listOf, objectOf, Problems, quote, textOf } from './problems.ts';
import { checkHead } from './role.ts';
import { freezeSentence } from './sentence.ts';
import { API_VERSION, type FreezeDocument } from './types.ts';

const MAX_DESCRIPTION = 2_000;
const MAX_LIST = 500;
const MAX_RULE = 500;
/** A freeze that lasts longer is a guard. */
const MAX_DAYS = 366;
const DAY_MS = 86_400_000;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;
const ENVIRONMENT = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;
/** Names, not offsets: an offset knows nothing of summer. */
const TIME_ZONE = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+){0,2}$/;
const WALL_TIME = /^([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?$/;
/** Days and longer: the time of day is that of `starts`. */
const RULE =
  /^(?:FREQ=(?:DAILY|WEEKLY|MONTHLY|YEARLY)|(?:INTERVAL|COUNT|UNTIL|BYDAY|BYMONTH|BYMONTHDAY|BYSETPOS|WKST)=[A-Z0-9,+-]+)$/;
const CLASSES: readonly FreezeClass[] = ['read', 'write', 'destructive'];
const CHANGES: readonly FrozenChange[] = [
  '*',
  'role',
  'workspace_guards',
  'capability',
  'freeze',
  'sources',
  'assignment',
  'mcp_server',
  'http_api',
  'definition',
  'person_authority',
  'breaker',
  'detection',
  'approval_reminders',
  'agent_settings',
  'containment_settings',
  'change_settings',
];
const FIELDS = ['apiVersion', 'kind', 'metadata', 'time_zone', 'starts', 'ends', 'repeats', 'scope'];
const SCOPE = ['actions', 'classes', 'roles', 'environments', 'changes'];

/** The document in its canonical form. */
export function checkFreeze(value: unknown): Checked<FreezeDocument> {
  const problems = new Problems();
  return problems.checked(readFreeze(value, [], problems));
}

export function freezeFromDocument(document: unknown, overrides: readonly FreezeOverride[]): Checked<Freeze> {
  const checked = checkFreeze(document);
  if (!checked.ok) return checked;
  const { metadata, time_zone: timeZone, starts, ends, repeats, scope } = checked.value;
  const { actions = [], classes = [], roles = [], environments = [], changes } = scope;
  const freeze = {
    name: metadata.name,
    description: metadata.description ?? '',
    timeZone,
    starts,
    ends,
    ...(repeats === undefined ? {} : { repeats }),
    scope: { actions, classes, roles, environments, ...(changes === undefined ? {} : { changes }) },
    overrides,
  };
  return { ok: true, value: { ...freeze, sentence: freezeSentence(freeze) } };
}

export function readFreeze(value: unknown, path: DocumentPath, problems: Problems): FreezeDocument | undefined {
  const before = problems.count;
  const raw = objectOf(value, path, 'a freeze', FIELDS, problems);
  if (raw === undefined) return undefined;
  checkHead(raw, 'Freeze', path, problems);
  const at = (field: string): DocumentPath => [...path, field];
  const metadata = readMetadata(member(raw, 'metadata'), at('metadata'), problems);
  const timeZone = readTimeZone(member(raw, 'time_zone'), at('time_zone'), problems);
  const starts = readWallTime(member(raw, 'starts'), at('starts'), problems);
  const ends = readWallTime(member(raw, 'ends'), at('ends'), problems);
  const written = member(raw, 'repeats');
  const repeats = written === undefined ? undefined : readRule(written, at('repeats'), problems);
  const scope = readScope(member(raw, 'scope'), at('scope'), problems);
  if (metadata === undefined || timeZone === undefined || starts === undefined || ends === undefined) return undefined;
  if (problems.count > before || scope === undefined) return undefined;
  const schedule = { timeZone, starts, ends, ...(repeats === undefined ? {} : { repeats }) };
  if (!checkSchedule(schedule, path, problems)) return undefined;
  const { timeZone: _, ...times } = schedule;
  return { apiVersion: API_VERSION, kind: 'Freeze', metadata, time_zone: timeZone, ...times, scope };
}

function readMetadata(value: unknown, path: DocumentPath, problems: Problems): FreezeDocument['metadata'] | undefined {
  const raw = objectOf(value, path, 'metadata', ['name', 'description'], problems);
  if (raw === undefined) return undefined;
  const name = member(raw, 'name');
  const described = member(raw, 'description');
  const description =
    described === undefined
      ? undefined
      : textOf(described, [...path, 'description'], 'description', MAX_DESCRIPTION, problems);
  if (typeof name === 'string' && NAME.test(name))
    return { name, ...(description === undefined ? {} : { description }) };
  problems.add(
    [...path, 'name'],
    'bad_name',
    `${quote(name)} cannot be the name of a freeze`,
    'Use up to 64 ASCII letters, digits and . _ -, such as year-end.',
  );
  return undefined;
}

function readTimeZone(value: JsonValue | undefined, path: DocumentPath, problems: Problems): string | undefined {
  if (typeof value === 'string' && TIME_ZONE.test(value) && isTimeZone(value)) return value;
  problems.add(
    path,
    'bad_time_zone',
    `${quote(value)} is no time zone`,
    'Write an IANA name, such as Europe/Berlin or UTC.',
  );
  return undefined;
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

/** With its seconds, so that one time has one spelling. */
function readWallTime(value: JsonValue | undefined, path: DocumentPath, problems: Problems): string | undefined {
  const [, date, time, seconds = ':00'] = (typeof value === 'string' ? WALL_TIME.exec(value) : null) ?? [];
  const text = `${date}T${time}${seconds}`;
  // a date that does not exist comes back as another one
  const ms = Date.parse(`${text}Z`);
  if (Number.isFinite(ms) && new Date(ms).toISOString().startsWith(text)) return text;
  problems.add(
    path,
    'bad_time',
    `${quote(value)} is no time`,
    'Write the local date and time between quotes: "2026-12-18T18:00".',
  );
  return undefined;
}

function readRule(value: JsonValue, path: DocumentPath, problems: Problems): string | undefined {
  const text = typeof value === 'string' ? value.replace(/^RRULE:/, '') : '';
  const parts = text.split(';');
  const names = new Set(parts.map((part) => part.slice(0, part.indexOf('='))));
  if (
    text.length <= MAX_RULE &&
    names.has('FREQ') &&
    names.size === parts.length &&
    parts.every((part) => RULE.test(part))
  )
    return text;
  problems.add(
    path,
    'bad_rule',
    `${quote(value)} is no recurrence rule`,
    'Write an RFC 5545 rule by day or longer: FREQ=WEEKLY;BYDAY=FR. The time of day is that of starts.',
  );
  return undefined;
}

function readScope(value: JsonValue | undefined, path: DocumentPath, problems: Problems) {
  const raw = objectOf(value, path, 'scope', SCOPE, problems);
  if (raw === undefined) return undefined;
  const actions = readNames(raw, 'actions', path, problems, (item, at) => patternOf(item, at, problems));
  const classes = readNames(raw, 'classes', path, problems, (item, at) => classOf(item, at, problems));
  const roles = readNames(raw, 'roles', path, problems, (item, at) => roleNameOf(item, at, problems));
  const environments = readNames(raw, 'environments', path, problems, (item, at) => environmentOf(item, at, problems));
  const changes = readNames(raw, 'changes', path, problems, (item, at) => changeOf(item, at, problems));
  if (actions === undefined && classes === undefined && roles === undefined && changes === undefined)
    problems.add(
      path,
      'empty',
      'the scope names nothing',
      'Write classes: [destructive] for what cannot be undone, actions: ["*"] for everything, or changes: ["*"] for changes of policy.',
    );
  return {
    ...(actions === undefined ? {} : { actions }),
    ...(classes === undefined ? {} : { classes }),
    ...(roles === undefined ? {} : { roles }),
    ...(environments === undefined ? {} : { environments }),
    ...(changes === undefined ? {} : { changes }),
  };
}

/** Sorted, each once. */
function readNames<T extends string>(
  raw: JsonObject,
  field: string,
  path: DocumentPath,
  problems: Problems,
  read: (item: JsonValue, at: DocumentPath) => T | undefined,
): readonly T[] | undefined {
  const value = member(raw, field);
  if (value === undefined) return undefined;
  const at = [...path, field];
  const items = listOf(value, at, field, MAX_LIST, problems);
  if (items?.length === 0) problems.add(at, 'empty', `${field} is empty`, `Name at least one, or leave ${field} out.`);
  const names = (items ?? []).flatMap((item, i) => read(item, [...at, i]) ?? []);
  return [...new Set(names)].sort();
}

function classOf(value: JsonValue, path: DocumentPath, problems: Problems): FreezeClass | undefined {
  const found = CLASSES.find((each) => each === value);
  if (found === undefined)
    problems.add(path, 'bad_class', `${quote(value)} is no class of actions`, `Write ${CLASSES.join(', ')}.`);
  return found;
}

function changeOf(value: JsonValue, path: DocumentPath, problems: Problems): FrozenChange | undefined {
  const found = CHANGES.find((each) => each === value);
  if (found === undefined)
    problems.add(
      path,
      'bad_change',
      `${quote(value)} is nothing that is under change control`,
      `Write ${CHANGES.join(', ')}.`,
    );
  return found;
}

function environmentOf(value: JsonValue, path: DocumentPath, problems: Problems): string | undefined {
  if (typeof value === 'string' && ENVIRONMENT.test(value)) return value;
  problems.add(path, 'bad_name', `${quote(value)} cannot be an environment`, 'Write its name, such as prod.');
  return undefined;
}

function checkSchedule(
  schedule: ConstructorParameters<typeof Calendar>[0],
  path: DocumentPath,
  problems: Problems,
): boolean {
  const { starts, ends, repeats } = schedule;
  if (Date.parse(`${ends}Z`) - Date.parse(`${starts}Z`) > MAX_DAYS * DAY_MS)
    problems.add([...path, 'ends'], 'too_long', 'the freeze is longer than a year', `Keep it to ${MAX_DAYS} days.`);
  let fault: Calendar['fault'] | 'unreadable';
  try {
    fault = new Calendar(schedule).fault;
  } catch {
    fault = 'unreadable';
  }
  switch (fault) {
    case undefined:
      return true;
    case 'ends_first':
      problems.add([...path, 'ends'], 'ends_first', `${ends} is not after ${starts}`, 'Write a later end.');
      return false;
    case 'starts_outside':
      problems.add(
        [...path, 'starts'],
        'starts_outside',
        `${starts} is not one of the times of ${repeats}`,
        'Let starts be the first time that follows the rule.',
      );
      return false;
    case 'unreadable':
      problems.add(
        [...path, 'repeats'],
        'bad_rule',
        `${quote(repeats)} cannot be followed`,
        'Write an RFC 5545 rule that has a time to begin: FREQ=WEEKLY;BYDAY=FR.',
      );
      return false;
  }
}
