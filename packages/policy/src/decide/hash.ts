/**
 * The policy hash: SHA-256 over the RFC 8785 form of everything that can change a verdict, and of nothing
 * else. Descriptions, ids, sentences, revisions and the order of roles, grants and guards are left out.
 */
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Capability, Condition, Freeze, Guard, JsonValue, PolicySet, Sources, WindowCondition } from '../model.ts';
import { stopsActions } from './freezes.ts';

/** Raised when the same documents would decide differently. */
const SEMANTICS = 'hivekey-policy/1';

/** `sha256:<hex>` */
export function policyHash(set: PolicySet): string {
  const { roles, workspaceGuards, capabilities, sources } = set;
  const freezes = (set.freezes ?? []).filter(stopsActions);
  const readsClass = readsDestructive(set);
  const content = {
    semantics: SEMANTICS,
    roles: Object.fromEntries(
      roles.map(({ name, allow, guards }) => [name, { allow: unique(allow), guards: guardSet(guards) }]),
    ),
    workspace: guardSet(workspaceGuards),
    capabilities: Object.fromEntries(
      capabilities.map((capability) => [capability.name, capabilityContent(capability, readsClass)]),
    ),
    ...(sources === undefined ? {} : { sources: sourcesContent(sources) }),
    // Left out where there are none: a policy without freezes keeps the hash it always had.
    ...(freezes.length === 0 ? {} : { freezes: unique(freezes.map(freezeText)) }),
  };
  return `sha256:${createHash('sha256').update(canonicalText(content)).digest('hex')}`;
}

/** A guard written twice decides as one. */
function guardSet(guards: readonly Guard[]): readonly string[] {
  return unique(guards.filter(({ mode }) => mode !== 'shadow').map(guardText));
}

/** All of a guard that decides; guards of one origin with the same text are one. */
export function guardText({ action, when, effect, otherwise, approval }: Guard): string {
  // Left out where there is none: a policy without requirements keeps the hash it always had.
  const asked = approval === undefined ? {} : { approval };
  return canonicalText({ action, when: whenContent(when), effect, otherwise, ...asked });
}

export function conditionText(when: Condition | WindowCondition): string {
  return canonicalText(whenContent(when));
}

export function freezeText(freeze: Freeze): string {
  return canonicalText(freezeContent(freeze));
}

export function sourcesText(sources: Sources | undefined): string {
  return sources === undefined ? '' : canonicalText(sourcesContent(sources));
}

/** `readsClass`: whether a change freeze asks if it is destructive. */
export function capabilityText(capability: Capability, readsClass: boolean): string {
  return canonicalText(capabilityContent(capability, readsClass));
}

export function readsDestructive({ freezes = [] }: PolicySet): boolean {
  return freezes.some((freeze) => stopsActions(freeze) && freeze.scope.classes.includes('destructive'));
}

function whenContent(when: Condition | WindowCondition): unknown {
  if ('kind' in when) return { ...when, over: unique(when.over) };
  if ('all' in when) return { all: unique(when.all.map((part) => canonicalText(whenContent(part)))) };
  if ('any' in when) return { any: unique(when.any.map((part) => canonicalText(whenContent(part)))) };
  if ('not' in when) return { not: whenContent(when.not) };
  const { field, operator, operand } = when;
  return {
    field,
    operator,
    operand: operator === 'between' || !Array.isArray(operand) ? operand : unorderedContent(operand),
  };
}

function unorderedContent(items: readonly JsonValue[]): readonly string[] {
  return unique(items.map((item) => canonicalText(item)));
}

function sourcesContent({ trusted, untrusted, unmarked }: Sources): unknown {
  return { trusted: unique(trusted), untrusted: unique(untrusted), unmarked };
}

function freezeContent({ timeZone, starts, ends, repeats, scope, overrides }: Freeze): unknown {
  const { actions, classes, roles, environments } = scope;
  return {
    timeZone,
    starts,
    ends,
    repeats: repeats ?? null,
    scope: [actions, classes, roles, environments].map(unique),
    overrides: unique(overrides.map(({ fromMs, untilMs }) => canonicalText({ fromMs, untilMs }))),
  };
}

/** Whether it is destructive decides only where a freeze asks for it. */
function capabilityContent({ access, impact, destructive }: Capability, readsClass: boolean): unknown {
  return readsClass ? { access, impact, destructive } : { access, impact };
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}

function canonicalText(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('a policy is JSON');
  return text;
}
