/** What the gaps of a rule can be filled with, from the capabilities that are known. Pure. */
import type { Capability } from '../../../api/types.ts';

/** Of every call, whatever its arguments are. */
const ALWAYS: readonly string[] = ['amount', 'payee', 'to.domain', 'action', 'provenance', 'risk'];
const MONEY: readonly string[] = ['usd', 'eur'];

/** Capabilities, and the namespaces of several. */
export function patternsFor(capabilities: readonly Capability[]): readonly string[] {
  const namespaces = new Set(
    capabilities.flatMap(({ name }) => (name.includes('.') ? [`${name.slice(0, name.indexOf('.'))}.*`] : [])),
  );
  return ['*', ...[...namespaces].sort(), ...capabilities.map(({ name }) => name)];
}

/** What a condition of this action can ask about: the arguments that its schema names, and what every call has. */
export function fieldsOf(capabilities: readonly Capability[], action: string): readonly string[] {
  const names = capabilities
    .filter(({ name }) => covers(action, name))
    .flatMap(({ input_schema }) => Object.keys(propertiesOf(input_schema)));
  return [...new Set([...ALWAYS, ...names])];
}

function propertiesOf(schema: unknown): object {
  const properties = typeof schema === 'object' && schema !== null && 'properties' in schema ? schema.properties : {};
  return typeof properties === 'object' && properties !== null ? properties : {};
}

/** Impact units that capabilities under the action declare; money, where none does. */
export function unitsOf(capabilities: readonly Capability[], action: string): readonly string[] {
  const units = capabilities.filter(({ name }) => covers(action, name)).flatMap(({ impact }) => Object.keys(impact));
  return units.length === 0 ? MONEY : [...new Set(units)].sort();
}

function covers(action: string, name: string): boolean {
  if (action === '*' || action === name) return true;
  return action.endsWith('.*') && `${name}.`.startsWith(action.slice(0, -1));
}
