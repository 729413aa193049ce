/** Fields of a form for settings of which the server gives the JSON Schema. Pure. */

export interface Field {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  /** `json`: what has parts of its own is written as it is. */
  readonly kind: 'text' | 'number' | 'switch' | 'choice' | 'json';
  readonly choices: readonly string[];
  /** What holds where nothing is said. */
  readonly initial: unknown;
}

interface Shape {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Shape[];
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
}

/** In the order of the schema; those that must be given first. Of a schema that is no object, none. */
export function fieldsOf(schema: Readonly<Record<string, unknown>>): readonly Field[] {
  const { properties = {}, required = [] }: Shape = schema;
  const fields = Object.entries(properties).map(([name, shape]) => fieldOf(name, shape, required.includes(name)));
  return [...fields.filter((each) => each.required), ...fields.filter((each) => !each.required)];
}

function fieldOf(name: string, shape: Shape, required: boolean): Field {
  // `x or null`: the field is then empty.
  const options = (shape.anyOf ?? [shape]).filter(({ type }) => type !== 'null');
  const [only] = options;
  const simple = options.length === 1 && only !== undefined ? only : undefined;
  return {
    name,
    description: shape.description ?? simple?.description ?? '',
    required,
    kind: kindOf(simple),
    choices: (simple?.enum ?? []).filter((each) => typeof each === 'string'),
    initial: shape.default,
  };
}

function kindOf(shape: Shape | undefined): Field['kind'] {
  if (shape?.enum !== undefined) return 'choice';
  switch (shape?.type) {
    case 'string':
      return 'text';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'switch';
    default:
      return 'json';
  }
}

/** What is typed, by the name of its field: JSON as text. */
export type Typed = Readonly<Record<string, string | number | boolean>>;

export function typedOf(fields: readonly Field[], settings: Readonly<Record<string, unknown>> = {}): Typed {
  return Object.fromEntries(
    fields.flatMap(({ name, kind, initial }) => {
      const value = settings[name] ?? initial;
      if (value === undefined || value === null) return [];
      if (kind === 'json') return [[name, JSON.stringify(value, null, 2)]];
      return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? [[name, value]]
        : [];
    }),
  );
}

/** What is sent, or the field that cannot be. What is empty is left out. */
export function settingsOf(
  fields: readonly Field[],
  typed: Typed,
): { readonly settings: Readonly<Record<string, unknown>> } | { readonly wrong: string } {
  const settings: Record<string, unknown> = {};
  for (const { name, kind, required } of fields) {
    const value = typed[name];
    if (value === undefined || value === '') {
      if (required) return { wrong: name };
      continue;
    }
    if (kind !== 'json') settings[name] = value;
    else {
      const parsed = parse(String(value));
      if (parsed === undefined) return { wrong: name };
      settings[name] = parsed;
    }
  }
  return { settings };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
