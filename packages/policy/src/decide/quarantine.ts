/**
 * Quarantine: an agent keeps its roles and wears a mark beside them. Under the mark nothing is granted but what the
 * roles grant anyway, reads, and cannot be undone by mistake; with the name of a role in it, no more than that role
 * grants either. So a quarantine only ever takes away, and every guard stays.
 */
import type { Capability, Role } from '../model.ts';

/** No role can be named so. */
const PREFIX = 'quarantine:';
const ANY = '*';

/** The mark to wear beside the roles; with a role, its grants are the most that is left. */
export function quarantineMark(role?: string): string {
  return `${PREFIX}${role ?? ANY}`;
}

export interface WornRole {
  readonly role: Role;
  readonly allow: ReadonlySet<string>;
}

/** The roles as they count under the marks among `names`; the roles themselves where there is none. */
export function confine(
  names: readonly string[],
  worn: readonly WornRole[],
  roleNamed: (name: string) => WornRole | undefined,
  reads: ReadonlySet<string>,
): readonly WornRole[] {
  const marks = names.filter((name) => name.startsWith(PREFIX)).map((name) => name.slice(PREFIX.length));
  if (marks.length === 0) return worn;
  const bounds = marks.filter((name) => name !== ANY).map(roleNamed);
  // A role that is gone leaves nothing.
  const isLeft = (name: string): boolean => reads.has(name) && bounds.every((bound) => bound?.allow.has(name) === true);
  const confined = worn.map(({ role, allow }) => ({ role, allow: new Set([...allow].filter(isLeft)) }));
  const wornNames = new Set(worn.map(({ role }) => role.name));
  const guards = bounds.flatMap((bound) =>
    bound === undefined || wornNames.has(bound.role.name) ? [] : [{ role: bound.role, allow: new Set<string>() }],
  );
  return [...confined, ...guards];
}

/** Capabilities that a quarantined agent may keep. */
export function harmless(capabilities: readonly Capability[]): ReadonlySet<string> {
  return new Set(
    capabilities.filter(({ access, destructive }) => access === 'read' && !destructive).map(({ name }) => name),
  );
}
