/** `attributes` and `excludedAttributes` (RFC 7644 section 3.9). What they name and nobody has is passed over. Pure. */

import { invalidValue, ScimFailure } from './failure.ts';
import { type Reference, type ResourceType, resolve } from './schema.ts';
import { type Attributes, type Item, isItem, isItems, keysOf, type Value } from './values.ts';

const MAX_NAMES = 100;

export class Projection {
  readonly #included: readonly Reference[] | undefined;
  readonly #excluded: readonly Reference[];

  private constructor(included: readonly Reference[] | undefined, excluded: readonly Reference[]) {
    this.#included = included;
    this.#excluded = excluded;
  }

  static readonly everything = new Projection(undefined, []);

  static of(
    type: ResourceType,
    attributes: readonly string[] | undefined,
    excluded: readonly string[] | undefined,
  ): Projection {
    if (attributes !== undefined && excluded !== undefined)
      throw new ScimFailure(400, 'invalidSyntax', 'attributes and excludedAttributes exclude each other.');
    return new Projection(attributes && referencesOf(type, attributes), referencesOf(type, excluded ?? []));
  }

  /** Whether any of it is shown. What cannot be left out is not asked for here: `id` and `schemas`. */
  shows(key: string): boolean {
    if (this.#excluded.some((at) => at.key === key && at.sub === undefined)) return false;
    return this.#included === undefined || this.#included.some((at) => at.key === key);
  }

  apply(attributes: Attributes): Map<string, Value> {
    const shown = new Map<string, Value>();
    for (const [key, value] of attributes) {
      if (key === 'id') shown.set(key, value);
      else if (this.shows(key)) {
        const part = this.#partOf(key, value);
        if (part !== undefined) shown.set(key, part);
      }
    }
    return shown;
  }

  #partOf(key: string, value: Value): Value | undefined {
    const included = this.#included?.filter((at) => at.key === key);
    const isWhole = included?.some(({ sub }) => sub === undefined) !== false;
    const shownParts = isWhole ? undefined : new Set(included?.map(({ sub }) => sub?.name));
    const hidden = new Set(this.#excluded.filter((at) => at.key === key).map(({ sub }) => sub?.name));
    if (shownParts === undefined && hidden.size === 0) return value;
    const cut = (item: Item): Item =>
      new Map([...item].filter(([name]) => shownParts?.has(name) !== false && !hidden.has(name)));
    if (isItems(value)) return value.map(cut).filter(({ size }) => size > 0);
    if (!isItem(value)) return value;
    const item = cut(value);
    return item.size === 0 ? undefined : item;
  }
}

function referencesOf(type: ResourceType, names: readonly string[]): readonly Reference[] {
  if (names.length > MAX_NAMES) throw invalidValue(`More than ${MAX_NAMES} attributes are named.`);
  return names.flatMap((name) => {
    const found = resolve(type, name.trim());
    if (found === undefined) return [];
    if (!('extension' in found)) return [found];
    const { extension } = found;
    const keys = keysOf(extension);
    return extension.attributes.map((attribute, i) => ({ key: keys[i] ?? '', attribute, sub: undefined }));
  });
}
