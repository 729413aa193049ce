/** Resource types as RFC 7643 describes them: what `/Schemas` shows, and what paths, filters and values are checked by. Pure. */

type AttributeType = 'string' | 'boolean' | 'integer' | 'dateTime' | 'reference' | 'binary' | 'complex';

/** RFC 7643 section 7. */
export interface Attribute {
  readonly name: string;
  readonly type: AttributeType;
  readonly multiValued: boolean;
  readonly description: string;
  readonly required: boolean;
  readonly caseExact: boolean;
  readonly mutability: 'readOnly' | 'readWrite' | 'immutable';
  readonly returned: 'always' | 'default' | 'request';
  readonly uniqueness: 'none' | 'server';
  readonly referenceTypes: readonly string[];
  readonly subAttributes: readonly Attribute[];
}

export interface Schema {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
}

export interface ResourceType {
  readonly name: 'User' | 'Group' | 'Agent';
  readonly endpoint: '/Users' | '/Groups' | '/Agents';
  readonly description: string;
  readonly schema: Schema;
  readonly extensions: readonly Schema[];
  /** Another name, in lower case → the name it stands for. */
  readonly aliases?: ReadonlyMap<string, string>;
}

/** One attribute of a resource type, or a part of it. */
export interface Reference {
  /** Where it stands in a resource: its name, or `<URN of the extension>:<name>`. */
  readonly key: string;
  readonly attribute: Attribute;
  readonly sub: Attribute | undefined;
}

const DEFAULTS = {
  type: 'string',
  multiValued: false,
  description: '',
  required: false,
  caseExact: false,
  mutability: 'readWrite',
  returned: 'default',
  uniqueness: 'none',
  referenceTypes: [],
  subAttributes: [],
} as const;

type Traits = Partial<Omit<Attribute, 'name'>>;

export function attribute(name: string, description: string, traits: Traits = {}): Attribute {
  return { ...DEFAULTS, name, description, ...traits };
}

export function complex(
  name: string,
  description: string,
  subAttributes: readonly Attribute[],
  traits: Traits = {},
): Attribute {
  return attribute(name, description, { type: 'complex', subAttributes, ...traits });
}

/** A multi-valued attribute with the sub-attributes of RFC 7643 section 2.4. */
export function plural(name: string, description: string, value: Traits = {}, traits: Traits = {}): Attribute {
  return complex(
    name,
    description,
    [
      attribute('value', description, value),
      attribute('display', 'For people to read.'),
      attribute('type', 'What kind it is, such as work or home.'),
      attribute('primary', 'At most one of the values is the primary one.', { type: 'boolean' }),
    ],
    { multiValued: true, ...traits },
  );
}

/** RFC 7643 section 3.1: every resource has them, and no schema lists them. */
const COMMON: readonly Attribute[] = [
  attribute('id', 'Given by HiveKey.', { caseExact: true, mutability: 'readOnly', returned: 'always' }),
  attribute('externalId', 'Given by the directory.', { caseExact: true }),
  complex(
    'meta',
    '',
    [
      attribute('resourceType', '', { caseExact: true, mutability: 'readOnly' }),
      attribute('created', '', { type: 'dateTime', mutability: 'readOnly' }),
      attribute('lastModified', '', { type: 'dateTime', mutability: 'readOnly' }),
      attribute('location', '', { caseExact: true, mutability: 'readOnly' }),
      attribute('version', '', { caseExact: true, mutability: 'readOnly' }),
    ],
    { mutability: 'readOnly' },
  ),
];

/** Names and URNs are compared without case (RFC 7643 section 2.1). */
function named<T extends { readonly name: string }>(items: readonly T[], name: string): T | undefined {
  const wanted = name.toLowerCase();
  return items.find((item) => item.name.toLowerCase() === wanted);
}

export function subAttributeOf({ subAttributes }: Attribute, name: string): Attribute | undefined {
  return named(subAttributes, name);
}

export function extensionOf({ extensions }: ResourceType, urn: string): Schema | undefined {
  const wanted = urn.toLowerCase();
  return extensions.find(({ id }) => id.toLowerCase() === wanted);
}

export function keyOf(extension: Schema | undefined, { name }: Attribute): string {
  return extension === undefined ? name : `${extension.id}:${name}`;
}

/** An attribute of the core schema, of the common ones, or of `extension`. */
export function attributeOf(
  type: ResourceType,
  extension: Schema | undefined,
  name: string,
): { readonly key: string; readonly attribute: Attribute } | undefined {
  const found =
    extension === undefined
      ? named([...COMMON, ...type.schema.attributes], type.aliases?.get(name.toLowerCase()) ?? name)
      : named(extension.attributes, name);
  return found && { key: keyOf(extension, found), attribute: found };
}

/**
 * `[URN:]name[.sub]` (RFC 7644 section 3.10). `extension`: the URN of an extension alone, which stands for all it holds.
 * Undefined for what the resource type does not have.
 */
export function resolve(type: ResourceType, text: string): Reference | { readonly extension: Schema } | undefined {
  const whole = extensionOf(type, text);
  if (whole !== undefined) return { extension: whole };
  const schema = [type.schema, ...type.extensions].find(({ id }) =>
    text.toLowerCase().startsWith(`${id.toLowerCase()}:`),
  );
  const rest = schema === undefined ? text : text.slice(schema.id.length + 1);
  const dot = rest.indexOf('.');
  const found = attributeOf(type, schema === type.schema ? undefined : schema, dot === -1 ? rest : rest.slice(0, dot));
  if (found === undefined) return undefined;
  if (dot === -1) return { ...found, sub: undefined };
  const sub = subAttributeOf(found.attribute, rest.slice(dot + 1));
  return sub && { ...found, sub };
}
