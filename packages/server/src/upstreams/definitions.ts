/** What a definition is, apart from who may use it: its pin, its schemas, and whether it can be published at all. */
import { NotCanonical } from '@hivekey/action-log';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { isObject } from './connections/json-rpc.ts';
import { paramHeaderProblem } from './connections/mcp-headers.ts';
import { linearRegExp } from './linear-regexp.ts';
import { pinOf } from './pins.ts';
import { type Compiled, compileArguments, compileOutput, type Validate } from './schema/compile.ts';
import { sensitivePathsOf } from './schema/sensitive.ts';
import type { DefinitionKind } from './types.ts';
import { uriMatcher } from './uri-template.ts';

/** As it stands in the upstream's list. */
export interface FoundDefinition {
  readonly kind: DefinitionKind;
  /** Name, URI or URI template. */
  readonly upstreamName: string;
  readonly definition: JsonObject;
}

export interface PreparedDefinition extends FoundDefinition {
  readonly pin: string;
  readonly description: string;
  /** Of a tool: what a policy can be checked against. */
  readonly inputSchema?: JsonObject;
  /** The upstream's own claims; facts only where the operator trusts them. */
  readonly readOnlyHint: boolean;
  /** False only when the upstream says that it destroys nothing. */
  readonly destructiveHint: boolean;
  /** Whether it says that it deals with what is outside; undefined: it does not say. */
  readonly openWorldHint: boolean | undefined;
  /** Why it cannot be published, in words. */
  readonly problem?: string;
}

/** Neither PostgreSQL's texts nor anybody's tools have one. */
const NUL = '\0';
const MAX_NAME = 1024;
const MAX_DESCRIPTION = 1000;
const NAME_KEYS: Readonly<Record<DefinitionKind, string>> = {
  tool: 'name',
  prompt: 'name',
  resource: 'uri',
  template: 'uriTemplate',
};

/** Undefined for something that is no definition of the kind. */
export function readDefinition(kind: DefinitionKind, item: JsonValue): FoundDefinition | undefined {
  if (!isObject(item)) return undefined;
  const upstreamName = item[NAME_KEYS[kind]];
  if (typeof upstreamName !== 'string' || upstreamName === '' || upstreamName.length > MAX_NAME) return undefined;
  if (upstreamName.includes(NUL)) return undefined;
  return { kind, upstreamName, definition: item };
}

/** Undefined when the definition has no canonical form and can therefore not be pinned. */
export function prepareDefinition(found: FoundDefinition, transport: 'http' | 'stdio'): PreparedDefinition | undefined {
  const { kind, definition } = found;
  let pin: string;
  try {
    pin = pinOf(definition);
  } catch (error) {
    if (error instanceof NotCanonical) return undefined;
    throw error;
  }
  const annotations = isObject(definition.annotations) ? definition.annotations : {};
  const problem = problemOf(found, pin, transport);
  return {
    ...found,
    pin,
    description: describe(definition),
    ...(kind === 'tool' && isObject(definition.inputSchema) ? { inputSchema: definition.inputSchema } : {}),
    readOnlyHint: annotations.readOnlyHint === true,
    destructiveHint: annotations.destructiveHint !== false,
    openWorldHint: typeof annotations.openWorldHint === 'boolean' ? annotations.openWorldHint : undefined,
    ...(problem === undefined ? {} : { problem }),
  };
}

/** Text for lists and policies, on one line. */
function describe({ description, title, name }: JsonObject): string {
  const text = [description, title, name].find((each) => typeof each === 'string' && each !== '');
  return typeof text === 'string'
    ? text
        .replaceAll(/[\p{C}\s]+/gu, ' ')
        .trim()
        .slice(0, MAX_DESCRIPTION)
        .toWellFormed()
    : '';
}

function problemOf(
  { kind, upstreamName, definition }: FoundDefinition,
  pin: string,
  transport: 'http' | 'stdio',
): string | undefined {
  switch (kind) {
    case 'tool':
      return toolProblem(definition, pin, transport);
    case 'prompt':
      return promptProblem(definition, pin);
    case 'template':
      return uriMatcher(upstreamName, linearRegExp) === undefined ? 'its URI template cannot be read' : undefined;
    case 'resource':
      return undefined;
  }
}

function toolProblem(definition: JsonObject, pin: string, transport: 'http' | 'stdio'): string | undefined {
  if (!isObject(definition.inputSchema)) return 'it has no input schema';
  const input = argumentsOf('tool', definition, pin);
  if (!input.ok) return `its input schema is refused: ${input.problem}`;
  const output = outputOf(definition, pin);
  if (output?.ok === false) return `its output schema is refused: ${output.problem}`;
  return transport === 'http' ? paramHeaderProblem(definition.inputSchema) : undefined;
}

function promptProblem(definition: JsonObject, pin: string): string | undefined {
  const compiled = argumentsOf('prompt', definition, pin);
  return compiled.ok ? undefined : `its arguments are refused: ${compiled.problem}`;
}

/** Compiled schemas are shared by everything that has the same pin; the oldest make room. */
const MAX_COMPILED = 4_000;
const compiledArguments = new Map<string, Compiled>();
const compiledOutputs = new Map<string, Compiled>();

function cached<T>(cache: Map<string, T>, key: string, make: () => T): T {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make();
  if (cache.size >= MAX_COMPILED) {
    const [oldest] = cache.keys();
    if (oldest !== undefined) cache.delete(oldest);
  }
  cache.set(key, made);
  return made;
}

function argumentsOf(kind: 'tool' | 'prompt', definition: JsonObject, pin: string): Compiled {
  return cached(compiledArguments, `${kind} ${pin}`, () => {
    const schema = kind === 'tool' ? definition.inputSchema : promptSchema(definition);
    return isObject(schema) ? compileArguments(schema) : { ok: false, problem: 'it is not an object' };
  });
}

function outputOf(definition: JsonObject, pin: string): Compiled | undefined {
  const { outputSchema } = definition;
  if (outputSchema === undefined) return undefined;
  return cached(compiledOutputs, pin, () =>
    isObject(outputSchema) ? compileOutput(outputSchema) : { ok: false, problem: 'it is not an object' },
  );
}

/** A prompt's arguments are texts; those that are required and those that exist are in its definition. */
function promptSchema({ arguments: declared = [] }: JsonObject): JsonObject | undefined {
  if (!Array.isArray(declared)) return undefined;
  const properties: [string, JsonValue][] = [];
  const required: string[] = [];
  for (const argument of declared as readonly JsonValue[]) {
    if (!isObject(argument) || typeof argument.name !== 'string') return undefined;
    properties.push([argument.name, { type: 'string' }]);
    if (argument.required === true) required.push(argument.name);
  }
  return { type: 'object', properties: Object.fromEntries(properties), required };
}

/** Checks arguments against the pinned definition; compiled on first use. */
export function argumentsValidator(kind: DefinitionKind, definition: JsonObject, pin: string): Validate {
  if (kind !== 'tool' && kind !== 'prompt') return () => [];
  return (args) => {
    const compiled = argumentsOf(kind, definition, pin);
    return compiled.ok ? compiled.validate(args) : [`cannot be checked: ${compiled.problem}`];
  };
}

const sensitivePaths = new Map<string, readonly string[]>();

/** Arguments of a tool that its pinned schema marks as sensitive. */
export function sensitivePathsFor(kind: DefinitionKind, definition: JsonObject, pin: string): readonly string[] {
  const { inputSchema } = definition;
  return kind === 'tool' && isObject(inputSchema)
    ? cached(sensitivePaths, pin, () => sensitivePathsOf(inputSchema))
    : [];
}

/** How structured content breaks the pinned output schema; undefined when there is no such schema. */
export function outputValidator(definition: JsonObject, pin: string): Validate | undefined {
  const compiled = outputOf(definition, pin);
  return compiled?.ok === true ? compiled.validate : undefined;
}
