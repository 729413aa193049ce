/** What an agent sees: the same grants and the same catalogue that the gateway's lists are made of. Pure. */
import { covers, type Guard, type PolicySet } from '@hivekey/policy';
import { z } from 'zod';
import type { Catalogue, CatalogueEntry } from '../upstreams/index.ts';

export const visibleToolSchema = z
  .object({
    name: z.string().meta({ description: 'As on /mcp; a URI for resources.' }),
    capability: z.string(),
    kind: z.enum(['tool', 'resource', 'template', 'prompt', 'action']).meta({
      description: '`action`: a tool of the agent’s own, asked for with POST /v1/actions.',
    }),
    namespace: z.string().nullable(),
    access: z.enum(['read', 'write']),
    description: z.string(),
    pin: z.string().nullable(),
    guards: z.array(z.string()).meta({ description: 'The guards that apply to it, as sentences.' }),
  })
  .meta({ id: 'VisibleTool' });

export type VisibleTool = z.output<typeof visibleToolSchema>;

/** Guards that apply to a capability for somebody with these roles. */
export function guardsOn(capability: string, set: PolicySet, roles: ReadonlySet<string>): readonly Guard[] {
  const worn = set.roles.filter(({ name }) => roles.has(name)).flatMap(({ guards }) => guards);
  return [...worn, ...set.workspaceGuards].filter(({ action }) => covers(action, capability));
}

/**
 * By name. `granted` is what the compiled policy grants these roles; `declared` are the capabilities that
 * people declared for tools that agents run themselves.
 */
export function manifestOf(
  catalogue: Catalogue,
  set: PolicySet,
  declared: ReadonlySet<string>,
  granted: ReadonlySet<string>,
  roleNames: readonly string[],
): VisibleTool[] {
  const roles = new Set(roleNames);
  const sentences = (capability: string) => guardsOn(capability, set, roles).map(({ sentence }) => sentence);
  const tools: VisibleTool[] = [];
  const seen = new Set<string>();
  for (const entry of catalogue.entries) {
    const name = nameOf(entry);
    // Two upstreams may have the same URI; a read reaches the first that is granted.
    const key = `${entry.kind} ${name}`;
    if (!granted.has(entry.capability) || seen.has(key)) continue;
    seen.add(key);
    tools.push({
      name,
      capability: entry.capability,
      kind: entry.kind,
      namespace: entry.namespace,
      access: entry.access,
      description: typeof entry.definition.description === 'string' ? entry.definition.description : '',
      pin: entry.pin,
      guards: sentences(entry.capability),
    });
  }
  for (const { name, access, description } of set.capabilities) {
    if (!granted.has(name) || !declared.has(name)) continue;
    tools.push({
      name,
      capability: name,
      kind: 'action',
      namespace: null,
      access,
      description,
      pin: null,
      guards: sentences(name),
    });
  }
  return tools.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function nameOf({ kind, upstreamName, wireName }: CatalogueEntry): string {
  return kind === 'tool' || kind === 'prompt' ? wireName : upstreamName;
}
