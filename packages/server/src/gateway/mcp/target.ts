/** What a request is about: the definition it names, what is decided and recorded of it, and what goes upstream. */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { maskCredentials } from '../../path/index.ts';
import type { Catalogue, CatalogueEntry } from '../../upstreams/index.ts';
import { type ClientEra, CODE, isObject, type RpcError } from './wire.ts';
import { unknownPrompt, unknownResource, unknownTool } from './words.ts';

/** Longest name of an absent thing that goes on the log, characters. */
const MAX_RECORDED_NAME = 256;
const NOTHING: readonly CatalogueEntry[] = [];

export interface Target {
  /** Method sent upstream. */
  readonly method: string;
  /** As sent. */
  readonly name: string;
  /** What is decided, recorded and forwarded. */
  readonly arguments: JsonObject;
  /** Arguments are checked against the pinned schema. */
  readonly validated: boolean;
  /** The same answer for what is hidden and what does not exist. */
  readonly unknown: RpcError;
  /** All definitions the name can mean on this route, in order; several only where upstreams share a URI. */
  find(catalogue: Catalogue, namespace: string | undefined): readonly CatalogueEntry[];
  /** Runs when the upstream has answered with a result. */
  readonly onResult?: () => void;
  /** Parameters for the upstream, with its own name of the thing; without `_meta`. */
  upstreamParams(entry: CatalogueEntry): JsonObject;
}

type Reader = (params: JsonObject, era: ClientEra) => Target | RpcError;

function invalid(message: string): RpcError {
  return { code: CODE.invalidParams, message: `Invalid params: ${message}` };
}

export function isError(value: Target | RpcError): value is RpcError {
  return 'code' in value;
}

/** A name as it stands in a record. */
export function recordedName(name: string): string {
  const shown = maskCredentials(name);
  return shown.length <= MAX_RECORDED_NAME ? shown : `${shown.slice(0, MAX_RECORDED_NAME).toWellFormed()}…`;
}

function named(
  kind: 'tool' | 'prompt',
  catalogue: Catalogue,
  namespace: string | undefined,
  name: string,
): readonly CatalogueEntry[] {
  const entry =
    namespace === undefined ? catalogue.byWireName(kind, name) : catalogue.byNamespaceName(namespace, kind, name);
  return entry === undefined ? NOTHING : [entry];
}

const toolCall: Reader = (params) => {
  const { name, arguments: args = {} } = params;
  if (typeof name !== 'string') return invalid('name must be a string');
  if (!isObject(args)) return invalid('arguments must be an object');
  return {
    method: 'tools/call',
    name,
    arguments: args,
    validated: true,
    unknown: unknownTool(name),
    find: (catalogue, namespace) => named('tool', catalogue, namespace, name),
    upstreamParams: (entry) => ({ arguments: args, name: entry.upstreamName }),
  };
};

const promptGet: Reader = (params) => {
  const { name, arguments: args } = params;
  if (typeof name !== 'string') return invalid('name must be a string');
  if (args !== undefined && !isStringMap(args)) return invalid('arguments must be an object of strings');
  return {
    method: 'prompts/get',
    name,
    arguments: args ?? {},
    validated: true,
    unknown: unknownPrompt(name),
    find: (catalogue, namespace) => named('prompt', catalogue, namespace, name),
    upstreamParams: (entry) =>
      args === undefined ? { name: entry.upstreamName } : { name: entry.upstreamName, arguments: args },
  };
};

function onResource(method: string): Reader {
  return (params, era) => {
    const { uri } = params;
    if (typeof uri !== 'string') return invalid('uri must be a string');
    return {
      method,
      name: uri,
      arguments: { uri },
      validated: false,
      unknown: unknownResource(uri, era),
      find: (catalogue, namespace) => resources(catalogue, namespace, uri),
      upstreamParams: () => ({ uri }),
    };
  };
}

function resources(catalogue: Catalogue, namespace: string | undefined, uri: string): readonly CatalogueEntry[] {
  const namespaces = namespace === undefined ? catalogue.servers.map((server) => server.namespace) : [namespace];
  return namespaces.flatMap((each) => catalogue.byUri(uri, each) ?? []);
}

/** Completion enumerates values, so it takes the grant of the prompt or template it completes. */
const completion: Reader = (params) => {
  const { ref, argument, context } = params;
  if (!isObject(ref) || !isObject(argument)) return invalid('ref and argument must be objects');
  if (typeof argument.name !== 'string' || typeof argument.value !== 'string')
    return invalid('argument needs name and value');
  if (context !== undefined && !isObject(context)) return invalid('context must be an object');
  const asked = { name: argument.name, value: argument.value };
  const args: JsonObject = context === undefined ? { argument: asked } : { argument: asked, context };
  const common = { method: 'completion/complete', arguments: args, validated: false };
  const { name, uri } = ref;
  if (ref.type === 'ref/prompt' && typeof name === 'string') {
    return {
      ...common,
      name,
      unknown: unknownPrompt(name),
      find: (catalogue, namespace) => named('prompt', catalogue, namespace, name),
      upstreamParams: (entry) => ({ ref: { type: 'ref/prompt', name: entry.upstreamName }, ...args }),
    };
  }
  if (ref.type === 'ref/resource' && typeof uri === 'string') {
    return {
      ...common,
      name: uri,
      unknown: { code: CODE.invalidParams, message: `Unknown resource template: ${uri}` },
      find: (catalogue, namespace) => templates(catalogue, namespace, uri),
      upstreamParams: (entry) => ({ ref: { type: 'ref/resource', uri: entry.upstreamName }, ...args }),
    };
  }
  return invalid('ref must name a prompt or a resource template');
};

function templates(catalogue: Catalogue, namespace: string | undefined, uri: string): readonly CatalogueEntry[] {
  return catalogue.entries.filter(
    (entry) =>
      (entry.kind === 'template' || entry.kind === 'resource') &&
      entry.upstreamName === uri &&
      (namespace === undefined || entry.namespace === namespace),
  );
}

function isStringMap(value: JsonValue): value is { readonly [key: string]: string } {
  return isObject(value) && Object.values(value).every((item) => typeof item === 'string');
}

/** The governed methods; each one is an action on the log. */
const READERS: Readonly<Record<string, Reader>> = {
  'tools/call': toolCall,
  'prompts/get': promptGet,
  'resources/read': onResource('resources/read'),
  'resources/subscribe': onResource('resources/subscribe'),
  'resources/unsubscribe': onResource('resources/unsubscribe'),
  'completion/complete': completion,
};

/** Undefined when the method is not a governed one. */
export function readTarget(method: string, params: JsonObject, era: ClientEra): Target | RpcError | undefined {
  return Object.hasOwn(READERS, method) ? READERS[method]?.(params, era) : undefined;
}
