/**
 * The notation of the role guide:
 *
 *   role: Billing
 *   guard payments_pay:
 *     per_action_max: 1000
 *     per_day_max: 5000
 *     approved_payees: true
 *
 * Amounts without a currency are US dollars. `approved_payees: true` is an allow list that `payees` fills;
 * while it is empty nobody is paid. A guard grants nothing: `allow` lists what the role may do.
 */
import type { JsonObject, JsonValue } from '../model.ts';
import { isObject, member } from '../values/json.ts';
import { capabilityOf } from './names.ts';
import { type DocumentPath, objectOf, type Problems } from './problems.ts';

const GUARD_KEY = /^guard[ .](.+)$/;
const FIELDS = ['per_action_max', 'per_minute_max', 'per_hour_max', 'per_day_max', 'approved_payees', 'payees'];
const WINDOWS: readonly (readonly [string, string])[] = [
  ['per_minute_max', '1m'],
  ['per_hour_max', '1h'],
  ['per_day_max', '24h'],
];

export function isRoleGuide(value: unknown): value is JsonObject {
  return isObject(value) && Object.hasOwn(value, 'role') && !Object.hasOwn(value, 'kind');
}

export interface GuideReading {
  /** The role in the published shape, unchecked but for what only this notation has. */
  readonly document: JsonObject;
  /** Where a place of that document comes from. */
  readonly originOf: (path: DocumentPath) => DocumentPath;
}

export function fromRoleGuide(value: JsonObject, path: DocumentPath, problems: Problems): GuideReading {
  const blocks = Object.keys(value).filter((key) => GUARD_KEY.test(key));
  objectOf(value, path, 'the role', ['role', 'description', 'allow', 'scope', ...blocks], problems);
  const scope = member(value, 'scope');
  const allow = member(value, 'allow');
  if (scope !== undefined && allow !== undefined)
    problems.add([...path, 'allow'], 'duplicate', 'the role has both scope and allow', 'Keep one of the two.');
  const guards = blocks.flatMap((key) => {
    const name = GUARD_KEY.exec(key)?.[1] ?? '';
    return guardsOf(name, member(value, key) ?? null, [...path, key], problems).map((guard) => ({ key, guard }));
  });
  const description = member(value, 'description');
  return {
    document: {
      apiVersion: 'policy.hivekey.ai/v1',
      kind: 'Role',
      metadata: { name: member(value, 'role') ?? null, ...(description === undefined ? {} : { description }) },
      scope: scope ?? { allow: allow ?? [] },
      guards: guards.map(({ guard }) => guard),
    },
    originOf: ([first = '', second, ...rest]) => {
      if (first === 'metadata') return [...path, second === 'name' ? 'role' : 'description'];
      if (first === 'guards') return [...path, typeof second === 'number' ? (guards[second]?.key ?? '') : ''];
      return [...path, ...(scope === undefined ? ['allow', ...rest] : ['scope', second ?? '', ...rest])];
    },
  };
}

function guardsOf(name: string, value: JsonValue, path: DocumentPath, problems: Problems): JsonObject[] {
  const action = capabilityOf(name, path, problems);
  const block = objectOf(value, path, 'a guard block', FIELDS, problems);
  if (action === undefined || block === undefined) return [];
  const id = (suffix: string) => `${action}.${suffix}`;
  const guards: JsonObject[] = [];
  const perAction = member(block, 'per_action_max');
  if (perAction !== undefined)
    guards.push(allowed(id('per-action-max'), action, { field: 'amount', lte: dollars(perAction) }));
  for (const [key, window] of WINDOWS) {
    const limit = member(block, key);
    if (limit !== undefined)
      guards.push(
        allowed(id(key.replaceAll('_', '-')), action, { field: `sum(${action}, ${window})`, lte: dollars(limit) }),
      );
  }
  const approved = member(block, 'approved_payees');
  const payees = member(block, 'payees');
  if (approved !== undefined && typeof approved !== 'boolean')
    problems.add(
      [...path, 'approved_payees'],
      'type',
      'approved_payees must be true or false',
      'List the payees under payees.',
    );
  if (approved === true || (approved === undefined && payees !== undefined))
    guards.push(allowed(id('approved-payees'), action, { field: 'payee', in: payees ?? [] }));
  return guards;
}

function allowed(id: string, action: string, when: JsonObject): JsonObject {
  return { id, action, when, effect: 'allow', otherwise: 'deny' };
}

function dollars(limit: JsonValue): JsonValue {
  return typeof limit === 'number' ? `$${limit}` : limit;
}
