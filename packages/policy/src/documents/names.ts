/** Names of capabilities, roles, guards, units and fields. ASCII where a machine compares them: no look-alikes. */
import type { Checked } from '../model.ts';
import { type DocumentPath, Problems, quote } from './problems.ts';

/** The first part has no underscore, so that a name without a dot and with an underscore is always the other spelling. */
const CAPABILITY = /^[a-z][a-z0-9-]*(?:\.[A-Za-z0-9_-]+)*$/;
const MAX_CAPABILITY = 200;
/** `mail_send`, `crm_delete_record`. */
const UNDERSCORED = /^[a-z][a-z0-9-]*_[A-Za-z0-9_-]+$/;
/** Published names have spaces and a middle dot: `Support · L2`. */
const ROLE = /^[A-Za-z0-9](?:[A-Za-z0-9._·-]| (?! )){0,62}[A-Za-z0-9]$|^[A-Za-z0-9]$/;
const GUARD_ID = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;
const UNIT = /^[a-z][a-z0-9_]{0,62}$/;

export function isCapabilityName(text: string): boolean {
  return text.length <= MAX_CAPABILITY && CAPABILITY.test(text);
}

/** `count` is what windows of calls are kept under. */
export function isUnitName(text: string): boolean {
  return UNIT.test(text) && text !== 'count';
}

/** The dotted form: the first underscore of a name without a dot becomes the dot. Other names stay as they are. */
export function dotted(name: string): string {
  return UNDERSCORED.test(name) ? name.replace('_', '.') : name;
}

/**
 * The capability a name means, where `known` exist. `mail_send` means `mail.send`; a name that two known
 * capabilities can be written as is refused (`ambiguous_name`), a name of no capability at all too (`bad_name`).
 */
export function canonicalCapability(name: string, known: ReadonlySet<string> | readonly string[]): Checked<string> {
  const problems = new Problems();
  const canonical = dotted(name);
  if (!isCapabilityName(canonical)) {
    reportCapability(name, [], problems);
    return problems.checked<string>(undefined);
  }
  if (canonical === name) return { ok: true, value: name };
  const meant = [...known].filter((each) => each.replaceAll('.', '_') === name);
  if (meant.length > 1) {
    const message = `${quote(name)} can mean ${meant.sort().join(' or ')}`;
    problems.add([], 'ambiguous_name', message, 'Write the dotted name.');
    return problems.checked<string>(undefined);
  }
  return { ok: true, value: meant[0] ?? canonical };
}

/** A capability's dotted name; reports a name that cannot be one. */
export function capabilityOf(value: unknown, path: DocumentPath, problems: Problems): string | undefined {
  if (typeof value === 'string') {
    const name = dotted(value);
    if (isCapabilityName(name)) return name;
  }
  reportCapability(value, path, problems);
  return undefined;
}

function reportCapability(value: unknown, path: DocumentPath, problems: Problems): void {
  const remedy = 'Write lower-case ASCII with a dot, such as mail.send, or one word, such as deploy.';
  problems.add(path, 'bad_name', `${quote(value)} cannot be the name of a capability`, remedy);
}

/** What a guard covers: a capability, `crm.*` (that is `crm` and all below it), or `*`. */
export function patternOf(value: unknown, path: DocumentPath, problems: Problems): string | undefined {
  if (value === '*') return value;
  if (typeof value === 'string') {
    const wide = value.endsWith('.*');
    const name = dotted(wide ? value.slice(0, -2) : value);
    if (isCapabilityName(name)) return wide ? `${name}.*` : name;
  }
  const remedy = 'Write a capability such as mail.send, all of a namespace as mail.*, or * for everything.';
  problems.add(path, 'bad_name', `${quote(value)} does not name capabilities`, remedy);
  return undefined;
}

export function covers(pattern: string, capability: string): boolean {
  if (pattern === '*' || pattern === capability) return true;
  if (!pattern.endsWith('.*')) return false;
  return capability.startsWith(pattern.slice(0, -1)) || capability === pattern.slice(0, -2);
}

/** Whether the first pattern covers all that the second does. */
export function coversAll(pattern: string, other: string): boolean {
  if (pattern === other || pattern === '*') return true;
  if (other === '*') return false;
  return covers(pattern, other.endsWith('.*') ? other.slice(0, -2) : other);
}

/** Every pattern that covers the capability, narrowest first. */
export function patternsCovering(capability: string): string[] {
  const patterns = [capability, `${capability}.*`];
  for (let dot = capability.lastIndexOf('.'); dot !== -1; dot = capability.lastIndexOf('.', dot - 1))
    patterns.push(`${capability.slice(0, dot)}.*`);
  return [...patterns, '*'];
}

export function roleNameOf(value: unknown, path: DocumentPath, problems: Problems): string | undefined {
  if (typeof value === 'string' && ROLE.test(value) && value !== 'workspace') return value;
  const remedy =
    'Use up to 64 ASCII letters, digits, single spaces and . _ - ·, such as support-agent; not "workspace".';
  problems.add(path, 'bad_name', `${quote(value)} cannot be the name of a role`, remedy);
  return undefined;
}

export function guardIdOf(value: unknown, path: DocumentPath, problems: Problems): string | undefined {
  if (typeof value === 'string' && GUARD_ID.test(value)) return value;
  const remedy = 'Use up to 64 ASCII letters, digits and . _ -, such as daily-volume-cap.';
  problems.add(path, 'bad_name', `${quote(value)} cannot be the id of a guard`, remedy);
  return undefined;
}
