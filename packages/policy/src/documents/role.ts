/** Roles: file, body of POST, body of PATCH, and the typed model. */
import type { Checked, JsonObject, JsonValue, Role } from '../model.ts';
import { isObject, member } from '../values/json.ts';
import { type GuardReading, readGuards } from './guards.ts';
import { capabilityOf, roleNameOf } from './names.ts';
import { type DocumentPath, listOf, objectOf, Problems, quote, textOf } from './problems.ts';
import { fromRoleGuide, isRoleGuide } from './role-guide.ts';
import { API_VERSION, type GuardDocument, type RoleDocument, type RolePatch } from './types.ts';

const MAX_GRANTS = 5_000;
const MAX_DESCRIPTION = 2_000;

interface RoleReading {
  readonly document: RoleDocument;
  readonly guards: readonly GuardReading[];
}

/** The model of one revision of a role. Accepts every notation, as it was stored. */
export function roleFromDocument(document: unknown, revision: number): Checked<Role> {
  const problems = new Problems();
  const read = readRole(document, [], problems);
  return problems.checked(read === undefined ? undefined : roleOf(read, revision));
}

function roleOf({ document, guards }: RoleReading, revision: number): Role {
  return {
    name: document.metadata.name,
    description: document.metadata.description ?? '',
    revision,
    allow: document.scope.allow,
    guards: guards.map(({ guard }) => guard),
  };
}

/** A role as the body of `POST /v1/roles`: the published document, the role guide, or `{name, description, scope, guards}`. */
export function checkRole(value: unknown): Checked<RoleDocument> {
  const problems = new Problems();
  const flat = isObject(value) && Object.hasOwn(value, 'name') && !Object.hasOwn(value, 'kind');
  const read = readRole(flat ? fromFlat(value, problems) : value, [], problems);
  return problems.checked(read?.document);
}

function fromFlat(value: JsonObject, problems: Problems): JsonObject {
  objectOf(value, [], 'the role', ['name', 'description', 'scope', 'guards'], problems);
  const description = member(value, 'description');
  return {
    apiVersion: API_VERSION,
    kind: 'Role',
    metadata: { name: member(value, 'name') ?? null, ...(description === undefined ? {} : { description }) },
    scope: member(value, 'scope') ?? { allow: [] },
    guards: member(value, 'guards') ?? [],
  };
}

/** The body of `PATCH /v1/roles/:name`. `name` is the role's, for the guards' sentences. */
export function checkRolePatch(value: unknown, name: string): Checked<RolePatch> {
  const problems = new Problems();
  const raw = objectOf(value, [], 'the change', ['description', 'scope', 'guards'], problems);
  if (raw === undefined) return problems.checked<RolePatch>(undefined);
  if (Object.keys(raw).length === 0)
    problems.add([], 'empty', 'the change changes nothing', 'Send scope, guards or description.');
  const description = member(raw, 'description');
  const scope = member(raw, 'scope');
  const guards = member(raw, 'guards');
  const patch = {
    ...(description === undefined
      ? {}
      : { description: textOf(description, ['description'], 'description', MAX_DESCRIPTION, problems) ?? '' }),
    ...(scope === undefined ? {} : { scope: { allow: readScope(scope, ['scope'], problems) ?? [] } }),
    ...(guards === undefined ? {} : { guards: documentsOf(readGuards(guards, ['guards'], name, problems)) }),
  };
  return problems.checked<RolePatch>(patch);
}

export function applyRolePatch(document: RoleDocument, patch: RolePatch): RoleDocument {
  const { description, scope = document.scope, guards = document.guards } = patch;
  const metadata = description === undefined ? document.metadata : { ...document.metadata, description };
  return { ...document, metadata, scope, guards };
}

function documentsOf(read: readonly GuardReading[] | undefined): GuardDocument[] {
  return (read ?? []).map(({ document }) => document);
}

/** Reads a role in any notation. */
export function readRole(value: unknown, path: DocumentPath, problems: Problems): RoleReading | undefined {
  if (!isRoleGuide(value)) return readPublished(value, path, problems);
  const { document, originOf } = fromRoleGuide(value, path, problems);
  const found = new Problems();
  const read = readPublished(document, [], found);
  problems.addFrom(found, originOf);
  return problems.none ? read : undefined;
}

function readPublished(value: unknown, path: DocumentPath, problems: Problems): RoleReading | undefined {
  const before = problems.count;
  const raw = objectOf(value, path, 'a role', ['apiVersion', 'kind', 'metadata', 'scope', 'guards'], problems);
  if (raw === undefined) return undefined;
  checkHead(raw, 'Role', path, problems);
  const metadata = objectOf(
    member(raw, 'metadata'),
    [...path, 'metadata'],
    'metadata',
    ['name', 'description'],
    problems,
  );
  const name =
    metadata === undefined ? undefined : roleNameOf(member(metadata, 'name'), [...path, 'metadata', 'name'], problems);
  const described = metadata === undefined ? undefined : member(metadata, 'description');
  const description =
    described === undefined
      ? undefined
      : textOf(described, [...path, 'metadata', 'description'], 'description', MAX_DESCRIPTION, problems);
  const allow = readScope(member(raw, 'scope') ?? { allow: [] }, [...path, 'scope'], problems);
  const guards = readGuards(member(raw, 'guards') ?? [], [...path, 'guards'], name ?? '', problems);
  if (problems.count > before || name === undefined || allow === undefined || guards === undefined) return undefined;
  return {
    document: {
      apiVersion: API_VERSION,
      kind: 'Role',
      metadata: { name, ...(description === undefined ? {} : { description }) },
      scope: { allow },
      guards: documentsOf(guards),
    },
    guards,
  };
}

/** `apiVersion` and `kind`, which every document has. */
export function checkHead(raw: JsonObject, kind: string, path: DocumentPath, problems: Problems): void {
  const version = member(raw, 'apiVersion');
  if (version !== API_VERSION)
    problems.add(
      [...path, 'apiVersion'],
      'bad_version',
      `${quote(version)} is not an apiVersion known here`,
      `Write apiVersion: ${API_VERSION}.`,
    );
  const found = member(raw, 'kind');
  if (found !== kind)
    problems.add(
      [...path, 'kind'],
      'bad_kind',
      `${quote(found)} is not the kind expected here`,
      `Write kind: ${kind}.`,
    );
}

function readScope(value: JsonValue, path: DocumentPath, problems: Problems): readonly string[] | undefined {
  const scope = objectOf(value, path, 'scope', ['allow'], problems);
  if (scope === undefined) return undefined;
  const at = [...path, 'allow'];
  const items = listOf(member(scope, 'allow') ?? [], at, 'allow', MAX_GRANTS, problems);
  if (items === undefined) return undefined;
  const seen = new Set<string>();
  items.forEach((item, i) => {
    if (item === '*' || (typeof item === 'string' && item.endsWith('.*'))) {
      const remedy = 'Name each capability: what comes later must not be granted today.';
      problems.add([...at, i], 'wildcard_grant', `${quote(item)} grants more than one capability`, remedy);
      return;
    }
    const name = capabilityOf(item, [...at, i], problems);
    if (name === undefined) return;
    if (seen.has(name)) problems.add([...at, i], 'duplicate', `${name} is granted twice`, 'Keep one of the two.');
    seen.add(name);
  });
  return [...seen];
}
