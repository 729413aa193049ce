/** What a folder says against what is live: the operations that would make the second the first. Pure but for `parse` of the types. */
import type { JsonValue } from '@hivekey/policy';
import type { ChangeOperation } from '../changes/index.ts';
import { Failure } from '../errors.ts';
import { type ControlledTypes, contentHash, type ObjectRef, type ObjectType } from '../versions/index.ts';
import { compare, type LiveObject, type Names } from './objects.ts';

/** An object as a folder has it. */
export interface FolderObject {
  readonly type: ObjectType;
  readonly name: string;
  readonly document: JsonValue;
}

/** A folder, whole. */
export interface Folder {
  /** Types of which the folder has every object: what is live and not in it is removed. */
  readonly owned: ReadonlySet<ObjectType>;
  readonly objects: readonly FolderObject[];
}

/** What is wrong with the folder; `path` is within the request, such as `objects[3].document.guards[0].when`, or empty. */
interface PlanProblem {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly path: string;
}

interface PlannedOperation extends ChangeOperation {
  readonly name: string;
  readonly action: 'add' | 'change' | 'remove';
}

/** What Git says of an object. */
export interface FolderHash extends ObjectRef {
  readonly sha256: string;
}

export interface Plan {
  readonly operations: readonly PlannedOperation[];
  /** Of every object of the folder. */
  readonly hashes: readonly FolderHash[];
  /** Content hash of the operations with what they are based on: two plans with the same one do the same to the same. */
  readonly digest: string;
  /** Content hash of what the folder says and owns, whatever is live. */
  readonly folder: string;
  /** Objects of the folder that are live as they are in it. */
  readonly unchanged: number;
}

export type Planned =
  | { readonly ok: true; readonly plan: Plan }
  | { readonly ok: false; readonly problems: readonly PlanProblem[] };

interface Wanted extends FolderHash {
  readonly path: string;
  readonly name: string;
  readonly document: JsonValue;
}

export function planOf(
  folder: Folder,
  live: readonly LiveObject[],
  names: Names,
  controlled: ControlledTypes,
): Planned {
  const problems: PlanProblem[] = [];
  const wanted = folder.objects.flatMap((object, i) => wantedOf(object, `objects[${i}]`, names, controlled, problems));
  const liveByKey = new Map(live.map((object) => [keyOf(object), object]));
  const known = new Set<string>();
  const operations: PlannedOperation[] = [];
  for (const object of wanted) {
    const key = keyOf(object);
    if (known.has(key)) problems.push({ ...TWICE, path: object.path });
    known.add(key);
    const { type, id, name, document, sha256 } = object;
    const now = liveByKey.get(key);
    if (now?.sha256 === sha256) continue;
    const action = now === undefined ? 'add' : 'change';
    operations.push({ type, id, name, action, document, base: now?.sha256 ?? null });
  }
  for (const { type, id, name, sha256 } of live) {
    if (!folder.owned.has(type) || known.has(keyOf({ type, id }))) continue;
    if (isNothing({ type, sha256 })) continue;
    if (KEPT.has(type)) {
      const message = `the ${type.replaceAll('_', ' ')} ${name} is live, not in the folder, and not removed by files`;
      problems.push({ ...NOT_REMOVED, message, path: '' });
      continue;
    }
    const empty = EMPTY.get(type) ?? null;
    operations.push({ type, id, name, action: 'remove', document: empty, base: sha256 });
  }
  if (problems.length > 0) return { ok: false, problems };
  operations.sort(byOrder);
  const hashes = wanted.map(({ type, id, sha256 }) => ({ type, id, sha256 })).sort(byKey);
  const differing = operations.filter(({ action }) => action !== 'remove').length;
  return {
    ok: true,
    plan: {
      operations,
      hashes,
      digest: digestOf(operations),
      folder: contentHash({ owned: [...folder.owned].sort(), objects: hashes }),
      unchanged: wanted.length - differing,
    },
  };
}

const byKey = (a: ObjectRef, b: ObjectRef): number => compare(a.type, b.type) || compare(a.id, b.id);

function wantedOf(
  { type, name, document }: FolderObject,
  path: string,
  names: Names,
  controlled: ControlledTypes,
  problems: PlanProblem[],
): Wanted[] {
  const id = names.idOf(type, name);
  if (id === undefined) {
    problems.push({ ...UNKNOWN, message: `nobody here is called ${JSON.stringify(name)}`, path });
    return [];
  }
  try {
    const parsed = controlled.get(type)?.parse(id, document);
    if (parsed === undefined) throw new Error(`objects of the type ${type} are not under change control`);
    return [{ path, type, id, name, document: parsed, sha256: contentHash(parsed) }];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    problems.push(...problemsOf(error, `${path}.document`));
    return [];
  }
}

const UNKNOWN = {
  code: 'not_found',
  remedy: 'Correct the name, or create it first: files say what it is given, not that it exists.',
};
const TWICE = { code: 'duplicate', message: 'two documents are of the same object', remedy: 'Keep one of the two.' };
const NOT_REMOVED = {
  code: 'not_in_folder',
  remedy: 'Write it into the folder (hivekey policy export), or do not own its kind.',
};

function problemsOf(failure: Failure, at: string): readonly PlanProblem[] {
  const whole = { code: failure.code, message: failure.message, remedy: failure.remedy, path: at };
  const each = (failure.problems ?? []).flatMap((problem): PlanProblem[] => {
    if (typeof problem !== 'object' || problem === null) return [];
    const { code, message, remedy, path } = problem as Readonly<Record<string, unknown>>;
    if (typeof message !== 'string') return [];
    return [
      {
        code: typeof code === 'string' ? code : failure.code,
        message,
        remedy: typeof remedy === 'string' ? remedy : failure.remedy,
        path: typeof path === 'string' && path !== '' ? `${at}${path.startsWith('[') ? '' : '.'}${path}` : at,
      },
    ];
  });
  return each.length === 0 ? [whole] : each;
}

/** What stays where the folder has nothing of an object: an agent without roles. */
const EMPTY: ReadonlyMap<ObjectType, JsonValue> = new Map<ObjectType, JsonValue>([
  ['assignment', { roles: [] }],
  ['workspace_guards', { guards: [] }],
]);
const EMPTY_HASHES: ReadonlyMap<ObjectType, string> = new Map(
  [...EMPTY].map(([type, document]) => [type, contentHash(document)]),
);

/** Whether a live object is what there is where no file says anything. */
export function isNothing({ type, sha256 }: Pick<LiveObject, 'type' | 'sha256'>): boolean {
  return EMPTY_HASHES.get(type) === sha256;
}

/**
 * Whether files have it: what is not as if no file said anything, and can be asked for. A definition that is suspended, because
 * its server has changed it, is no wish of anybody's.
 */
export function isForFiles({ type, document, sha256 }: Pick<LiveObject, 'type' | 'document' | 'sha256'>): boolean {
  if (isNothing({ type, sha256 })) return false;
  if (type !== 'definition' || typeof document !== 'object' || document === null) return true;
  return 'status' in document && document.status === 'live';
}

/** Their absence from a file would take more away than a line in a plan shows. */
const KEPT: ReadonlySet<ObjectType> = new Set<ObjectType>([
  'mcp_server',
  'http_api',
  'person_authority',
  'sources',
  'approval_reminders',
  'agent_settings',
  'containment_settings',
  'change_settings',
]);

/** What is named by others comes before them, and goes after them. */
const ORDER: readonly ObjectType[] = [
  'mcp_server',
  'http_api',
  'definition',
  'capability',
  'role',
  'workspace_guards',
  'freeze',
  'sources',
  'assignment',
  'breaker',
  'detection',
  'person_authority',
  'approval_reminders',
  'agent_settings',
  'containment_settings',
  'change_settings',
];
const RANK: ReadonlyMap<ObjectType, number> = new Map(ORDER.map((type, i) => [type, i]));

function byOrder(a: PlannedOperation, b: PlannedOperation): number {
  const rank = ({ type, action }: PlannedOperation) => {
    const at = RANK.get(type) ?? ORDER.length;
    return action === 'remove' ? 2 * ORDER.length - at : at;
  };
  return rank(a) - rank(b) || compare(a.name, b.name);
}

/** Of what a change asks for. */
export function digestOf(operations: readonly ChangeOperation[]): string {
  const content = operations.map(({ type, id, document, base }) => {
    return { type, id, base, sha256: document === null ? null : contentHash(document) };
  });
  return contentHash(content.sort(byKey));
}

function keyOf({ type, id }: ObjectRef): string {
  return `${type} ${id}`;
}
