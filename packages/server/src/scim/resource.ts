/** A resource as it is answered. Pure. */
import type { Projection } from './projection.ts';
import type { ResourceType } from './schema.ts';
import { type Attributes, type Item, keysOf, storedValue } from './values.ts';
import { tagOf } from './version.ts';

export interface Resource {
  readonly id: string;
  readonly version: number;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
  readonly attributes: Attributes;
}

export type ResourceBody = { readonly [name: string]: unknown };

export function locationOf(base: string, { endpoint }: ResourceType, id: string): string {
  return `${base}${endpoint}/${id}`;
}

export function bodyOf(base: string, type: ResourceType, resource: Resource, projection: Projection): ResourceBody {
  const meta: Item = new Map([
    ['resourceType', type.name],
    ['created', resource.createdAt.toISOString()],
    ['lastModified', resource.modifiedAt.toISOString()],
    ['location', locationOf(base, type, resource.id)],
    ['version', tagOf(resource.version)],
  ]);
  const shown = projection.apply(new Map([...resource.attributes, ['meta', meta]]));
  const extensions = type.extensions.flatMap((extension) => {
    const keys = keysOf(extension);
    const parts = extension.attributes.flatMap(({ name }, i) => {
      const value = shown.get(keys[i] ?? '');
      shown.delete(keys[i] ?? '');
      return value === undefined ? [] : [[name, storedValue(value)] as const];
    });
    return parts.length === 0 ? [] : [[extension.id, Object.fromEntries(parts)] as const];
  });
  return {
    schemas: [type.schema.id, ...extensions.map(([urn]) => urn)],
    ...Object.fromEntries([...shown].map(([name, value]) => [name, storedValue(value)])),
    ...Object.fromEntries(extensions),
  };
}
