/** The worked example of docs/reference/blast-radius.md, on a server. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { World } from '../agents/world.ts';

const FILE = new URL('../../../../examples/blast-radius/finance-desk.yaml', import.meta.url);

export const ROLE = 'finance-desk';

/** Capabilities and role of the example, and the agent `desk-bot` of dana. */
export async function applyExample(world: World): Promise<{ readonly agentId: string }> {
  for (const parsed of parseAllDocuments(readFileSync(FILE, 'utf8'))) {
    const { apiVersion, kind, metadata, ...rest } = parsed.toJS();
    if (kind === 'Capability')
      await world.ok('PUT', `/v1/capabilities/${metadata.name}`, { description: metadata.description, ...rest });
    else await world.ok('PUT', `/v1/roles/${metadata.name}`, { apiVersion, kind, metadata, ...rest });
  }
  const { id } = await world.agent('desk-bot', { role: ROLE });
  return { agentId: id };
}
