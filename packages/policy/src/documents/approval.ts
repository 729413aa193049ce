/** `approval` of a guard: who must decide about what it holds. */
import type { ApprovalRequirement } from '../model.ts';
import { parseDuration } from '../values/duration.ts';
import { member } from '../values/json.ts';
import { type DocumentPath, listOf, objectOf, type Problems, quote } from './problems.ts';
import type { ApprovalDocument } from './types.ts';

export const DEFAULT_APPROVAL: ApprovalRequirement = Object.freeze({ people: 1, groups: [], withinSeconds: 3_600 });

const FIELDS = ['people', 'groups', 'within'];
const MAX_PEOPLE = 10;
const MIN_SECONDS = 60;
const MAX_SECONDS = 30 * 86_400;
const GROUP = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;

interface ApprovalReading {
  readonly document: ApprovalDocument;
  readonly requirement: ApprovalRequirement;
}

/** Undefined where there is none, and after a problem. `holds`: the guard can come out as a review. */
export function readApproval(
  value: unknown,
  path: DocumentPath,
  holds: boolean,
  problems: Problems,
): ApprovalReading | undefined {
  if (value === undefined) return undefined;
  const raw = objectOf(value, path, 'approval', FIELDS, problems);
  if (raw === undefined) return undefined;
  const before = problems.count;
  if (!holds)
    problems.add(
      path,
      'approval_without_review',
      'the guard never holds a call, so that nobody is asked',
      'Write review as effect or otherwise, or leave approval out.',
    );
  const groups = readGroups(member(raw, 'groups'), [...path, 'groups'], problems);
  const people = readPeople(member(raw, 'people'), groups?.length ?? 0, [...path, 'people'], problems);
  const within = readWithin(member(raw, 'within'), [...path, 'within'], problems);
  if (problems.count > before) return undefined;
  return {
    document: {
      ...(people === undefined ? {} : { people }),
      ...(groups === undefined ? {} : { groups }),
      ...(within === undefined ? {} : { within: within.text }),
    },
    requirement: {
      people: people ?? Math.max(DEFAULT_APPROVAL.people, groups?.length ?? 0),
      groups: [...(groups ?? [])].sort(),
      withinSeconds: within?.seconds ?? DEFAULT_APPROVAL.withinSeconds,
    },
  };
}

function readGroups(value: unknown, path: DocumentPath, problems: Problems): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const items = listOf(value, path, 'groups', MAX_PEOPLE, problems);
  if (items === undefined) return undefined;
  const groups: string[] = [];
  for (const [i, item] of items.entries()) {
    if (typeof item !== 'string' || !GROUP.test(item))
      problems.add(
        [...path, i],
        'group_name',
        `${quote(item)} is not the name of a group`,
        'Use letters, digits, . _ -',
      );
    else if (groups.includes(item))
      problems.add([...path, i], 'duplicate', `${quote(item)} is listed twice`, 'Name each group once.');
    else groups.push(item);
  }
  if (items.length === 0) problems.add(path, 'empty', 'groups names none', 'Name a group, or leave groups out.');
  return groups;
}

function readPeople(value: unknown, groups: number, path: DocumentPath, problems: Problems): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_PEOPLE) {
    problems.add(path, 'range', `people is not a whole number from 1 to ${MAX_PEOPLE}`, 'Write how many must approve.');
    return undefined;
  }
  if (value < groups)
    problems.add(
      path,
      'fewer_people_than_groups',
      `${value} cannot speak for ${groups} groups: each has a person of its own`,
      `Write people: ${groups}, or leave people out.`,
    );
  return value;
}

function readWithin(
  value: unknown,
  path: DocumentPath,
  problems: Problems,
): { readonly text: string; readonly seconds: number } | undefined {
  if (value === undefined) return undefined;
  const seconds = typeof value === 'string' ? parseDuration(value) : undefined;
  if (typeof value === 'string' && seconds !== undefined && seconds >= MIN_SECONDS && seconds <= MAX_SECONDS)
    return { text: value, seconds };
  problems.add(path, 'duration', `${quote(value)} is not a time from 1m to 30d`, 'Write 15m, 4h or 2d.');
  return undefined;
}
