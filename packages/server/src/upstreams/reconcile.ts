/**
 * What a server's lists, or its server map, mean for the definitions we hold. Pure: rows in, rows out.
 *
 * A definition is live when a person (or the server's default access) approved it, what was approved is what
 * was last seen, and nothing speaks against publishing it. Everything else is hidden and refused.
 */
import type { JsonObject } from '@hivekey/policy';
import type { PreparedDefinition } from './definitions.ts';
import type { DefinitionStatus } from './management.ts';
import { foldName, wireNameOf } from './names.ts';
import { type MappedTool, mappedTools, nameAll } from './naming.ts';
import type { DefaultAccess, RenameMap } from './server-map.ts';
import type { DefinitionKind } from './types.ts';

export type Access = 'read' | 'write';

export interface DefinitionRow {
  readonly kind: DefinitionKind;
  readonly upstreamName: string;
  readonly capability: string;
  readonly access: Access;
  /** As last seen. */
  readonly definition: JsonObject;
  readonly pin: string;
  readonly approvedDefinition: JsonObject | null;
  readonly approvedPin: string | null;
  readonly status: DefinitionStatus;
  /** Why it cannot be published whatever anybody approves. */
  readonly problem: string | null;
  readonly switchedOff: boolean;
}

/** What decides names and access classes. */
export interface NamingRules {
  readonly namespace: string;
  readonly renameMap: RenameMap;
  readonly defaultAccess: DefaultAccess;
  readonly trustAnnotations: boolean;
}

/**
 * `discovered`: with the first reading. `new`, `changed`, `gone`, `returned`: found later. `reclassified`: name,
 * class or availability follow from what the operator said of the server. `approved`, `switched_off`: by a person.
 */
type DefinitionChange =
  | 'discovered'
  | 'new'
  | 'changed'
  | 'gone'
  | 'returned'
  | 'reclassified'
  | 'approved'
  | 'switched_off';

export interface ChangedRow {
  readonly change: DefinitionChange;
  readonly before: DefinitionRow | undefined;
  readonly row: DefinitionRow;
}

interface Draft {
  /** Its status and problem are found out last. */
  readonly row: DefinitionRow;
  readonly before: DefinitionRow | undefined;
  readonly problem: string | undefined;
}

export function keyOf({
  kind,
  upstreamName,
}: {
  readonly kind: DefinitionKind;
  readonly upstreamName: string;
}): string {
  return `${kind} ${upstreamName}`;
}

/** True when a definition of this class is available as soon as the server is registered. */
function isAvailable(access: Access, defaultAccess: DefaultAccess): boolean {
  return defaultAccess === 'read-write' || (defaultAccess === 'read-only' && access === 'read');
}

/** Reading a resource or a prompt changes nothing; a tool writes unless the operator says otherwise. */
function defaultClass(found: Pick<PreparedDefinition, 'kind' | 'readOnlyHint'>, trustAnnotations: boolean): Access {
  return found.kind !== 'tool' || (trustAnnotations && found.readOnlyHint) ? 'read' : 'write';
}

/** The rows that differ after the lists were read. `first`: nothing had been read before, so the default access applies. */
export function reconcile(
  stored: readonly DefinitionRow[],
  found: readonly PreparedDefinition[],
  rules: NamingRules,
  first: boolean,
): readonly ChangedRow[] {
  const known = new Map(stored.map((row) => [keyOf(row), row]));
  const here = new Set(found.map(keyOf));
  const gone = stored.filter((row) => !here.has(keyOf(row)));
  const names = nameAll([...found, ...gone], known, rules);
  const mapped = mappedTools(rules.renameMap);
  const drafts = found.map((each): Draft => {
    const before = known.get(keyOf(each));
    const { capability, problem: ofName } = names.of(each);
    const problem = each.problem ?? ofName;
    const { definition, pin } = each;
    if (before !== undefined) {
      const status = before.status === 'gone' ? 'new' : before.status;
      return { row: { ...before, capability, definition, pin, status }, before, problem };
    }
    const access = mapped.of(each)?.access ?? defaultClass(each, rules.trustAnnotations);
    const approved = first && problem === undefined && isAvailable(access, rules.defaultAccess);
    return { row: fresh(each, capability, access, approved), before, problem };
  });
  const changes = finish(rules.namespace, drafts, first).map(({ row, before }) => ({
    row,
    before,
    change: changeOf(before, first),
  }));
  const left = gone
    .map((row): ChangedRow => {
      const away = { ...row, capability: names.of(row).capability, status: 'gone' as const };
      return { change: row.status === 'gone' ? 'reclassified' : 'gone', before: row, row: away };
    })
    .filter(differs);
  return [...changes.filter(differs), ...left];
}

function fresh(
  { kind, upstreamName, definition, pin }: PreparedDefinition,
  capability: string,
  access: Access,
  approved: boolean,
): DefinitionRow {
  return {
    kind,
    upstreamName,
    capability,
    access,
    definition,
    pin,
    approvedDefinition: approved ? definition : null,
    approvedPin: approved ? pin : null,
    status: 'new',
    problem: null,
    switchedOff: false,
  };
}

function changeOf(before: DefinitionRow | undefined, first: boolean): DefinitionChange {
  if (before === undefined) return first ? 'discovered' : 'new';
  return before.status === 'gone' ? 'returned' : 'changed';
}

function differs({ before, row }: Pick<ChangedRow, 'before' | 'row'>): boolean {
  return (
    before === undefined ||
    before.capability !== row.capability ||
    before.access !== row.access ||
    before.pin !== row.pin ||
    before.approvedPin !== row.approvedPin ||
    before.status !== row.status ||
    before.problem !== row.problem
  );
}

/** The rows that differ after the operator said other things about the server. `prepare` reads a stored definition again. */
export function reclassify(
  stored: readonly DefinitionRow[],
  prepare: (row: DefinitionRow) => PreparedDefinition,
  old: NamingRules,
  next: NamingRules,
): readonly ChangedRow[] {
  const names = nameAll(stored, new Map(stored.map((row) => [keyOf(row), row])), next);
  const [oldTools, nextTools] = [mappedTools(old.renameMap), mappedTools(next.renameMap)];
  const drafts = stored.map((before): Draft => {
    const prepared = prepare(before);
    const { capability, problem: ofName } = names.of(before);
    const problem = prepared.problem ?? ofName;
    const [was, is] = [oldTools.of(before), nextTools.of(before)];
    const access = is?.access ?? unmappedClass(before, prepared, was, old, next);
    const row = { ...before, capability, access };
    if (problem !== undefined || row.status === 'gone') return { row, before, problem };
    const [could, can] = [isAvailable(before.access, old.defaultAccess), isAvailable(access, next.defaultAccess)];
    const named = is !== undefined && was === undefined;
    if (can && (named || (!could && row.status === 'off')) && row.approvedPin === null && !row.switchedOff)
      return { row: { ...row, approvedDefinition: row.definition, approvedPin: row.pin }, before, problem };
    // What was available by the old rules alone is not by the new ones.
    if (could && !can) return { row: { ...row, ...NOT_APPROVED, status: 'off' }, before, problem };
    return { row, before, problem };
  });
  return finish(next.namespace, drafts, false)
    .filter(differs)
    .map(({ before, row }) => ({ change: 'reclassified' as const, before, row }));
}

const NOT_APPROVED = { approvedDefinition: null, approvedPin: null } as const;

/** What a person said of one definition outlasts the server's settings; what followed from those follows again. */
function unmappedClass(
  row: DefinitionRow,
  prepared: PreparedDefinition,
  was: MappedTool | undefined,
  old: NamingRules,
  next: NamingRules,
): Access {
  const followed = was?.access ?? defaultClass(prepared, old.trustAnnotations);
  return row.access === followed ? defaultClass(prepared, next.trustAnnotations) : row.access;
}

/** Adds what only all of them together show: names that clients take for one another, of which none is published. */
function finish(namespace: string, drafts: readonly Draft[], first: boolean): readonly Draft[] {
  const byFold = new Map<string, Draft[]>();
  for (const draft of drafts) {
    const { kind, upstreamName, capability, status } = draft.row;
    if ((kind !== 'tool' && kind !== 'prompt') || status === 'gone') continue;
    const fold = `${kind} ${foldName(wireNameOf(namespace, kind, upstreamName, capability))}`;
    byFold.set(fold, [...(byFold.get(fold) ?? []), draft]);
  }
  const twins = new Map<Draft, string>();
  for (const [one, other, ...more] of byFold.values()) {
    if (one === undefined || other === undefined) continue;
    twins.set(one, other.row.upstreamName);
    for (const each of [other, ...more]) twins.set(each, one.row.upstreamName);
  }
  return drafts.map((draft) => {
    if (draft.row.status === 'gone') return draft;
    const twin = twins.get(draft);
    const collision = twin === undefined ? undefined : `clients may take its name for that of ${JSON.stringify(twin)}`;
    const problem = draft.problem ?? collision ?? null;
    return { ...draft, row: { ...draft.row, problem, status: statusOf(draft, problem, first) } };
  });
}

function statusOf({ row, before }: Draft, problem: string | null, first: boolean): DefinitionStatus {
  if (row.approvedPin === null)
    return row.switchedOff || row.status === 'off' || (before === undefined && first) ? 'off' : 'new';
  if (problem !== null || row.approvedPin !== row.pin) return 'changed';
  // Once its definition has changed it stays suspended, also when it changes back, until a person has looked.
  const suspended = before?.status === 'changed' && (before.problem === null || before.approvedPin !== before.pin);
  return suspended ? 'changed' : 'live';
}

/** Approved as last seen. `row` must have no problem and not be gone. */
export function approve(row: DefinitionRow, access: Access | undefined): ChangedRow {
  const approved: DefinitionRow = {
    ...row,
    access: access ?? row.access,
    approvedDefinition: row.definition,
    approvedPin: row.pin,
    status: 'live',
    switchedOff: false,
  };
  return { change: 'approved', before: row, row: approved };
}

export function switchOff(row: DefinitionRow): ChangedRow {
  const status = row.status === 'gone' ? 'gone' : 'off';
  return { change: 'switched_off', before: row, row: { ...row, ...NOT_APPROVED, switchedOff: true, status } };
}
