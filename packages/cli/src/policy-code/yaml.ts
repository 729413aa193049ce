/** Documents as YAML text that is the same for the same objects: one order of keys, one way to write each value. */
import { API_VERSION, isJsonObject, type JsonValue } from '@hivekey/policy';
import { stringify } from 'yaml';
import { type FileObject, type Kind, toMapValue } from './kinds.ts';

/** Fields that come before all others, in this order; the rest follows by name. */
const FIRST: readonly string[] = [
  'apiVersion',
  'kind',
  'metadata',
  'name',
  'id',
  'description',
  'action',
  'field',
  'when',
  'effect',
  'otherwise',
  'time_zone',
  'starts',
  'ends',
  'repeats',
  'access',
  'destructive',
  'impact',
  'scope',
  'guards',
  'spec',
];
const RANK: ReadonlyMap<string, number> = new Map(FIRST.map((name, rank) => [name, rank]));
const rankOf = (name: string): number => RANK.get(name) ?? FIRST.length;

function ordered(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, ordered(item)]));
}

function yamlOf(document: JsonValue): string {
  return stringify(ordered(document), { version: '1.2', schema: 'core', lineWidth: 0, aliasDuplicateObjects: false });
}

/** A document of the kind that holds the objects: one, or of a map all of them. */
export function documentText(kind: Kind, objects: readonly FileObject[]): string {
  const head = { apiVersion: API_VERSION, kind: kind.kind };
  if (kind.form === 'map') {
    const entries = objects.map((each) => [each.name, toMapValue(kind, each.document)] as const);
    return yamlOf({ ...head, [kind.field]: Object.fromEntries(entries) });
  }
  const [object] = objects;
  if (object === undefined) throw new Error(`a ${kind.kind} without its object cannot be written`);
  if (kind.form === 'own' || kind.form === 'own_single')
    return yamlOf({ ...head, ...(isJsonObject(object.document) ? object.document : {}) });
  if (kind.form === 'spec') return yamlOf({ ...head, metadata: { name: object.name }, [kind.field]: object.document });
  return yamlOf({ ...head, [kind.field]: object.document });
}
