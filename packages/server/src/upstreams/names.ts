/**
 * What agents and policies call an upstream's things.
 *
 * A tool's governed name is `<namespace>.<tool>` unless the server map names it otherwise; a prompt's is
 * `<namespace>.prompt.<name>`, a resource's and a template's `<namespace>.resource.<slug>` and
 * `<namespace>.template.<slug>`, the slug made from the URI. Tools and prompts are called `<namespace>__<name>`
 * on the wire.
 */
import { createHash } from 'node:crypto';
import type { DefinitionKind } from './types.ts';

/** No underscore, so that `__` ends the namespace; no hyphen beside another or at the end, so that no two fold together. */
const NAMESPACE = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const MAX_NAMESPACE = 31;
/** Model APIs refuse longer names and other characters. */
const MAX_WIRE_NAME = 64;
const SEPARATOR = '__';
const WIRE_NAME = /^[A-Za-z0-9_-]+$/;
/** `<namespace>.sampling` and so on grant what an upstream may ask of the client. */
const RESERVED: ReadonlySet<string> = new Set(['sampling', 'elicitation', 'roots']);
const MAX_SLUG = 40;

export function isNamespace(text: string): boolean {
  return text.length <= MAX_NAMESPACE && NAMESPACE.test(text);
}

/** The name agents call a tool or prompt by. `capability`: a tool's governed name. */
export function wireNameOf(namespace: string, kind: DefinitionKind, upstreamName: string, capability: string): string {
  if (kind === 'resource' || kind === 'template') return upstreamName;
  return namespace + SEPARATOR + (kind === 'tool' ? capability.slice(namespace.length + 1) : upstreamName);
}

/** The part of a wire name that is used on the route of one namespace. */
export function unprefixed(namespace: string, wireName: string): string {
  return wireName.slice(namespace.length + SEPARATOR.length);
}

/** Names that clients may take for one another have the same fold: Unicode forms, case, `-` and `_`. */
export function foldName(name: string): string {
  return name.normalize('NFKC').toLowerCase().replaceAll('-', '_');
}

/** Why a governed tool name cannot be used, in words; undefined when it can. */
export function capabilityProblem(namespace: string, capability: string): string | undefined {
  if (!capability.startsWith(`${namespace}.`)) return `it does not begin with ${namespace}.`;
  return tailProblem(namespace, capability.slice(namespace.length + 1));
}

function tailProblem(namespace: string, tail: string): string | undefined {
  if (!WIRE_NAME.test(tail)) return 'its last part has other characters than A-Z, a-z, 0-9, _ and -';
  const length = namespace.length + SEPARATOR.length + tail.length;
  if (length > MAX_WIRE_NAME) return `agents would see ${length} characters, and ${MAX_WIRE_NAME} is the most`;
  return RESERVED.has(tail) ? `${namespace}.${tail} grants what the upstream may ask of the client` : undefined;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** A readable, unique stand-in for something that cannot be named as it is. */
export function slugOf(text: string): string {
  const words = text
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9_]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  return words.length > MAX_SLUG ? words.slice(-MAX_SLUG).replace(/^-+/, '') : words;
}

export interface Named {
  readonly capability: string;
  /** Why it cannot be published under any name of its own; it stays hidden until the server map renames it. */
  readonly problem?: string;
}

/** Default governed name of a tool or prompt. */
export function nameOf(namespace: string, kind: 'tool' | 'prompt', upstreamName: string): Named {
  const prefix = kind === 'tool' ? namespace : `${namespace}.prompt`;
  const problem = tailProblem(namespace, upstreamName);
  if (problem === undefined) return { capability: `${prefix}.${upstreamName}` };
  const standIn = `${prefix}.${slugOf(upstreamName) || kind}-${digestOf(upstreamName)}`;
  return { capability: standIn, problem: `the name cannot be used: ${problem}` };
}

/** For who finds its name taken: unique, and unpublished. */
export function standInFor(
  namespace: string,
  { kind, upstreamName }: { readonly kind: DefinitionKind; readonly upstreamName: string },
  wanted: string,
  taken: ReadonlySet<string>,
): Named {
  const prefix = kind === 'tool' ? namespace : `${namespace}.${kind}`;
  const base = `${prefix}.${slugOf(upstreamName) || kind}-${digestOf(upstreamName)}`;
  let capability = base;
  for (let count = 2; taken.has(capability); count += 1) capability = `${base}-${count}`;
  return { capability, problem: `its name ${wanted} is that of something else` };
}

/** Governed name of a resource or template; `taken` are the names in use, to which it must not be equal after folding. */
export function nameOfUri(
  namespace: string,
  kind: 'resource' | 'template',
  uri: string,
  taken: (fold: string) => boolean,
): string {
  const slug = slugOf(uri);
  const plain = `${namespace}.${kind}.${slug}`;
  return slug === '' || taken(foldName(plain)) ? `${namespace}.${kind}.${slug || 'uri'}-${digestOf(uri)}` : plain;
}
