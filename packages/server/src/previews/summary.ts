/** Changed objects, each with the places that differ, and what all of it does, in sentences. Pure. */
import { countsByRole, type Difference, type JsonObject, type JsonValue, type PolicySet } from '@hivekey/policy';
import type { ChangeOperation } from '../changes/index.ts';
import { contentHash, isNarrowing, type ObjectType } from '../versions/index.ts';
import { documentDiff } from './document-diff.ts';
import type { PreviewDocument } from './preview.ts';

/** An operation with what it takes the place of. */
export interface LaidOperation {
  readonly operation: ChangeOperation;
  readonly before: JsonValue | undefined;
  /** For people: the handle of an agent. */
  readonly name: string;
}

const MAX_FIELDS = 200;

export function objectDifference({ operation, before, name }: LaidOperation): PreviewDocument['objects'][number] {
  const { type, id, document } = operation;
  const fields = documentDiff(before ?? null, document);
  const [old, now] = [
    before === undefined ? null : contentHash(before),
    document === null ? null : contentHash(document),
  ];
  const change = old === now ? 'unchanged' : old === null ? 'added' : now === null ? 'removed' : 'changed';
  return {
    type,
    id,
    name,
    change,
    before: old,
    after: now,
    fields: fields.slice(0, MAX_FIELDS).map((field) => ({ ...field })),
    fields_left_out: Math.max(0, fields.length - MAX_FIELDS),
  };
}

type Direction = PreviewDocument['direction'];

/** What is not told by the difference of policies. */
export function directionOf(difference: Difference, laid: readonly LaidOperation[], set: PolicySet): Direction {
  const all = [difference.direction, ...laid.flatMap((each) => otherDirection(each, set) ?? [])];
  const found = new Set(all.filter((each) => each !== 'neutral'));
  const [only = 'neutral'] = found;
  return found.size > 1 ? 'changes' : only;
}

const OF_POLICY: ReadonlySet<ObjectType> = new Set(['role', 'workspace_guards', 'capability', 'freeze', 'sources']);

function otherDirection(
  { operation: { type, document }, before }: LaidOperation,
  set: PolicySet,
): Direction | undefined {
  if (OF_POLICY.has(type)) return undefined;
  const after = document ?? undefined;
  if (isSame(before, after)) return 'neutral';
  if (type !== 'assignment') return isNarrowing(type, before, after) ? 'narrows' : 'changes';
  const [gained, lost] = rolesMoved(before, document);
  if (lost.length === 0) return gained.length === 0 ? 'neutral' : 'widens';
  // its guards go with a role, and may have been all that held back another
  const isBare = lost.every((role) => set.roles.find(({ name }) => name === role)?.guards.length === 0);
  const isCounted = set.workspaceGuards.some(countsByRole);
  return gained.length === 0 && isBare && !isCounted ? 'narrows' : 'changes';
}

function rolesMoved(before: JsonValue | undefined, after: JsonValue | null): readonly [string[], string[]] {
  const [old, now] = [rolesIn(before), rolesIn(after)];
  return [now.filter((role) => !old.includes(role)), old.filter((role) => !now.includes(role))];
}

function rolesIn(document: JsonValue | null | undefined): readonly string[] {
  const roles = isObject(document) ? document.roles : undefined;
  return Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [];
}

function isSame(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  return a === undefined || b === undefined ? a === b : contentHash(a) === contentHash(b);
}

const NO_DIFFERENCE = 'no difference in what is decided';
const MAX_SENTENCES = 200;

/** What decides first; then what is changed beside the policy. */
export function sentencesOf(difference: Difference, laid: readonly LaidOperation[]): string[] {
  const deciding = difference.items.filter(({ direction }) => direction !== 'neutral');
  const neutral = difference.items.filter(({ direction }) => direction === 'neutral');
  const others = laid.flatMap((each) => (OF_POLICY.has(each.operation.type) ? [] : otherSentences(each)));
  const sentences = [
    ...deciding.map(({ sentence }) => sentence),
    ...others,
    ...neutral.map(({ sentence }) => sentence),
    ...(deciding.length === 0 && others.length === 0 ? [NO_DIFFERENCE] : []),
  ];
  const more = sentences.length - MAX_SENTENCES;
  return more > 0 ? [...sentences.slice(0, MAX_SENTENCES), `and ${more} more`] : sentences;
}

const WORDS: Readonly<Record<ObjectType, string>> = {
  role: 'the role',
  workspace_guards: 'the guards of the workspace',
  capability: 'the capability',
  freeze: 'the change freeze',
  sources: 'the sources',
  assignment: 'the agent',
  mcp_server: 'the MCP server',
  http_api: 'the HTTP API',
  definition: 'the tool',
  person_authority: 'the authority of',
  breaker: 'the circuit breaker',
  detection: 'the detection',
  approval_reminders: 'the reminders of approvals',
  agent_settings: 'how agents are let in',
  containment_settings: 'which stops take two people',
  change_settings: 'how changes are reviewed',
};

function otherSentences({ operation: { type, id, document }, before, name }: LaidOperation): readonly string[] {
  if (type === 'assignment') {
    const [gained, lost] = rolesMoved(before, document);
    return [
      ...(gained.length === 0 ? [] : [`${name} is given ${listed(gained)}`]),
      ...(lost.length === 0 ? [] : [`${name} loses ${listed(lost)}`]),
      ...(gained.length + lost.length > 0 || isSame(before, document ?? undefined)
        ? []
        : [`the roles of ${name} stand in another order`]),
    ];
  }
  const what = id === '*' ? WORDS[type] : `${WORDS[type]} ${name}`;
  if (before === undefined) return document === null ? [] : [`${what} comes in`];
  if (document === null) return [`${what} is taken away`];
  return documentDiff(before, document).map(({ path, before: was, after: is }) => {
    if (was === undefined) return `${what}: ${path} is ${inWords(is)}`;
    return is === undefined
      ? `${what}: ${path} is no longer ${inWords(was)}`
      : `${what}: ${path} is ${inWords(is)} instead of ${inWords(was)}`;
  });
}

const MAX_TEXT = 80;

function inWords(value: JsonValue | undefined): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

function listed(names: readonly string[]): string {
  return `the ${names.length === 1 ? 'role' : 'roles'} ${names.join(', ')}`;
}

function isObject(value: JsonValue | null | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
