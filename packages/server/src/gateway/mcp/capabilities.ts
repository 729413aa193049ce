/** Which protocol capabilities each side is shown: never more than the grants cover. */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import type { UpstreamServer } from '../../upstreams/index.ts';
import type { Visible } from './visible.ts';
import { isObject } from './wire.ts';

function declares(servers: readonly UpstreamServer[], capability: string): boolean {
  return servers.some((server) => server.capabilities[capability] !== undefined);
}

function subscribable(server: UpstreamServer): boolean {
  const { resources } = server.capabilities;
  return isObject(resources) && resources.subscribe === true;
}

/**
 * The union of the upstreams' capabilities, as far as something of theirs is visible. Tools are always
 * there and always announce changes, because the gateway does that itself. Extensions and tasks are left
 * out: their methods would be ungoverned.
 */
export function serverCapabilities(visible: Visible): JsonObject {
  const capabilities: Record<string, JsonValue> = { tools: { listChanged: true } };
  if (visible.has('resources') || visible.has('resourceTemplates')) {
    capabilities.resources = { listChanged: true, subscribe: visible.servers.some(subscribable) };
  }
  if (visible.has('prompts')) capabilities.prompts = { listChanged: true };
  if (declares(visible.servers, 'completions') && (visible.has('prompts') || visible.has('resourceTemplates')))
    capabilities.completions = {};
  if (declares(visible.servers, 'logging')) capabilities.logging = {};
  return capabilities;
}

/** What an upstream may ask of the client, and the capability that grants it: `<namespace>.sampling` and so on. */
export const CLIENT_REQUESTS: Readonly<Record<string, string>> = {
  'sampling/createMessage': 'sampling',
  'elicitation/create': 'elicitation',
  'roots/list': 'roots',
};

/**
 * The client's declared capabilities as one upstream gets to see them: only those the agent is granted
 * for that upstream, only members the protocol defines, and URL elicitation only where hosts are allowed.
 */
export function presentedCapabilities(
  declared: JsonObject,
  granted: ReadonlySet<string>,
  namespace: string,
  urlElicitation: boolean,
): JsonObject {
  const presented: Record<string, JsonValue> = {};
  const { sampling, elicitation, roots } = declared;
  if (isObject(sampling) && granted.has(`${namespace}.sampling`))
    presented.sampling = pick(sampling, ['context', 'tools']);
  if (isObject(roots) && granted.has(`${namespace}.roots`)) presented.roots = pick(roots, ['listChanged']);
  if (isObject(elicitation) && granted.has(`${namespace}.elicitation`)) {
    const modes = pick(elicitation, urlElicitation ? ['form', 'url'] : ['form']);
    // An empty declaration means forms (2025-06-18); one that named only URLs must not turn into that.
    const onlyUrl = elicitation.url !== undefined && elicitation.form === undefined;
    if (!onlyUrl || modes.url !== undefined) presented.elicitation = modes;
  }
  return presented;
}

function pick(from: JsonObject, keys: readonly string[]): JsonObject {
  const picked: Record<string, JsonValue> = {};
  for (const key of keys) {
    const value = from[key];
    if (value !== undefined) picked[key] = value;
  }
  return picked;
}
