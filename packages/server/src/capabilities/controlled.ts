/** Declared capabilities under change control; what a server brings is a definition. */
import { API_VERSION, type Capability, parsePolicyFile } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { valid } from '../roles/index.ts';
import { type ControlledType, documentOf } from '../versions/index.ts';
import { declareCapabilityIn, removeCapabilityIn } from './change.ts';

interface Row {
  name: string;
  description: string;
  access: Capability['access'];
  destructive: boolean;
  impact: Capability['impact'];
  input_schema: Capability['inputSchema'] | null;
  external: boolean | null;
  about: Capability['about'] | null;
  reference: string | null;
}

const DECLARED = `SELECT name, description, access, destructive, impact, input_schema, external, about, reference
  FROM capabilities WHERE workspace_id = $1 AND source = 'declared'`;

export const capabilityType: ControlledType = {
  type: 'capability',
  isPolicy: true,
  parse: (id, document) => fileOf(capabilityIn(id, document)),
  async list(client, workspaceId) {
    const { rows } = await client.query<Row>(`${DECLARED} ORDER BY name COLLATE "C"`, [workspaceId]);
    return new Map(rows.map((row) => [row.name, fileOf(row)]));
  },
  async read(client, workspaceId, id) {
    const row = await find(client, workspaceId, id);
    return row && fileOf(row);
  },
  async apply(transaction, who, id, document) {
    if (document === null) await removeCapabilityIn(transaction, who, id);
    else await declareCapabilityIn(transaction, who, capabilityIn(id, document));
  },
};

async function find(client: Pool | ClientBase, workspaceId: WorkspaceId, name: string): Promise<Row | undefined> {
  const { rows } = await client.query<Row>(`${DECLARED} AND name = $2`, [workspaceId, name]);
  return rows[0];
}

/** Throws `capability_invalid`, `capability_name_differs`. */
function capabilityIn(id: string, document: unknown): Capability {
  const [read] = valid(parsePolicyFile(JSON.stringify(document)), 'capability_invalid', 'The capability');
  if (read?.kind !== 'Capability')
    throw new Failure(422, 'capability_invalid', 'The document is of another kind.', 'Send `kind: Capability`.');
  if (read.capability.name === id) return read.capability;
  throw new Failure(
    422,
    'capability_name_differs',
    `The file is of "${read.capability.name}", and "${id}" was named.`,
    'Name the capability that the file is of.',
  );
}

function fileOf(capability: Capability | Row) {
  const { name, description, access, destructive, impact, external, about, reference } = capability;
  const schema =
    'inputSchema' in capability
      ? capability.inputSchema
      : 'input_schema' in capability
        ? capability.input_schema
        : null;
  return documentOf({
    apiVersion: API_VERSION,
    kind: 'Capability',
    metadata: { name, description },
    access,
    destructive,
    impact,
    ...(schema == null ? {} : { input_schema: schema }),
    ...(external == null ? {} : { external }),
    ...(about == null ? {} : { about }),
    ...(reference == null ? {} : { reference }),
  });
}
