/** Agents over SCIM: asking for them, stopping them, and nothing that grants. */
import type { ClientBase, Pool } from 'pg';
import { requestAgentIn, withdrawIn } from '../agent-requests/index.ts';
import { newAgentFields, suspendAgentIn } from '../agents/index.ts';
import { orderStop } from '../containment/index.ts';
import { type AgentId, newId, type PersonId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { AGENT, GOVERNANCE_URN, GOVERNED_URN } from './agent-type.ts';
import { type Endpoint, type EndpointContext, listOf } from './endpoint.ts';
import { invalidValue, notFound, ScimFailure } from './failure.ts';
import { type Columns, jsonColumns } from './filter-sql.ts';
import { applyPatch, readPatch } from './patch.ts';
import type { Provisioner } from './provisioner.ts';
import { locationOf, type Resource } from './resource.ts';
import { USER } from './resource-types.ts';
import { type Attributes, attributesOf, isItems, readResource, type Stored, storedOf, type Value } from './values.ts';
import { checkVersion, type Precondition } from './version.ts';

interface AgentRow {
  readonly id: string;
  readonly name: string;
  readonly externalId: string | null;
  readonly ownerId: PersonId;
  readonly requestId: string;
  readonly request: string;
  readonly agentId: AgentId | null;
  readonly status: string | null;
  readonly suspended: boolean | null;
  readonly epoch: number | null;
  readonly cutoff: Date | null;
  readonly attributes: Stored;
  readonly version: number;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
}

const FROM = `
  FROM directory_agents d
  JOIN agent_requests r ON r.workspace_id = d.workspace_id AND r.id = d.request_id
  LEFT JOIN agents a ON a.workspace_id = d.workspace_id AND a.id = r.agent_id
  LEFT JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
 WHERE d.workspace_id = $1 AND d.deleted_at IS NULL`;
/** The version grows with what happens to the agent in HiveKey too. */
const AGENTS = `
SELECT d.id, d.name, d.external_id AS "externalId", coalesce(a.owner_id, d.owner_id) AS "ownerId", d.request_id AS "requestId",
       r.status AS request, a.id AS "agentId", s.status, s.suspended, s.authz_epoch AS epoch, s.authz_cutoff AS cutoff, d.attributes,
       d.version + coalesce(s.revision, 0) AS version, d.created_at AS "createdAt", d.modified_at AS "modifiedAt"${FROM}`;
const COUNT = `SELECT count(*)::int AS total${FROM}`;

const SINGLE: Readonly<Record<string, string>> = {
  id: 'd.id',
  externalId: 'd.external_id',
  agentUserName: 'd.name',
  active: `(s.status IS NOT DISTINCT FROM 'active')`,
};
const REST = jsonColumns('d', 'Agent');
const COLUMNS: Columns = {
  single: (at, parameters) => SINGLE[at.key] ?? REST.single(at, parameters),
  several: () => ({
    from: '(SELECT coalesce(a.owner_id, d.owner_id) AS id) AS e WHERE true',
    part: ({ name }) => (name === 'value' ? 'e.id' : 'NULL::text'),
  }),
};

function attributesOfRow(base: string, row: AgentRow): Map<string, Value> {
  const isActive = row.status === 'active';
  return new Map<string, Value>([
    ['id', row.id],
    ...(row.externalId === null ? [] : [['externalId', row.externalId] as const]),
    ['agentUserName', row.name],
    ['active', isActive],
    [
      'owners',
      [
        new Map([
          ['value', row.ownerId],
          ['$ref', locationOf(base, USER, row.ownerId)],
        ]),
      ],
    ],
    ...attributesOf(row.attributes),
    [`${GOVERNED_URN}:status`, isActive ? 'active' : 'disabled'],
    ...(row.cutoff === null ? [] : [[`${GOVERNED_URN}:authorizationCutoff`, row.cutoff.toISOString()] as const]),
    [`${GOVERNANCE_URN}:request`, `${row.requestId} ${row.request}`],
    ...(row.agentId === null ? [] : [[`${GOVERNANCE_URN}:agentId`, row.agentId] as const]),
    ...(row.suspended === null ? [] : [[`${GOVERNANCE_URN}:localSuspension`, row.suspended] as const]),
    ...(row.epoch === null ? [] : [[`${GOVERNANCE_URN}:authorizationEpoch`, Number(row.epoch)] as const]),
  ]);
}

async function readRow(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<AgentRow> {
  const { rows } = await client.query<AgentRow>(`${AGENTS} AND d.id = $2`, [workspaceId, id]);
  if (rows[0] === undefined) throw notFound('Agent', id);
  return rows[0];
}

/** What is kept as the directory says it. */
const KEPT: ReadonlySet<string> = new Set(['displayName', 'description']);

function keptOf(agent: Attributes): Stored {
  return storedOf(new Map([...agent].filter(([key]) => KEPT.has(key))));
}

function textOf(agent: Attributes, key: string): string {
  const value = agent.get(key);
  return typeof value === 'string' ? value : '';
}

function ownersIn(agent: Attributes): readonly unknown[] {
  const owners = agent.get('owners');
  return isItems(owners) ? owners.map((owner) => owner.get('value')) : [];
}

/** Exactly one person is accountable: the one that is named, else the one of the connection. */
async function ownerOf(
  { client }: LoggedTransaction,
  { workspaceId, agentOwner }: Provisioner,
  agent: Attributes,
): Promise<{ readonly id: PersonId; readonly email: string }> {
  const owners = ownersIn(agent);
  if (owners.length > 1) throw invalidValue('An agent has exactly one owner, who is accountable.');
  const { rows } = await client.query<{ id: PersonId; email: string }>(
    'SELECT id, email FROM people WHERE workspace_id = $1 AND id = $2 AND active AND deleted_at IS NULL',
    [workspaceId, owners[0] ?? agentOwner],
  );
  if (rows[0] !== undefined) return rows[0];
  throw invalidValue('The owner is no active person; name one in owners, or set agent_owner of the connection.');
}

async function create(transaction: LoggedTransaction, who: Provisioner, agent: Attributes): Promise<string> {
  const { client } = transaction;
  const { workspaceId, actor, tokenId, directory } = who;
  const name = newAgentFields.name.safeParse(textOf(agent, 'agentUserName'));
  if (!name.success) throw invalidValue(`agentUserName ${name.error.issues[0]?.message ?? 'is no name of an agent'}.`);
  const description = newAgentFields.description.safeParse(textOf(agent, 'description'));
  if (!description.success) throw invalidValue('description is too long.');
  const externalId = textOf(agent, 'externalId') || null;
  const { rowCount } = await client.query(
    'SELECT FROM directory_agents WHERE workspace_id = $1 AND (lower(name) = lower($2) OR external_id = $3)',
    [workspaceId, name.data, externalId],
  );
  if (rowCount !== 0)
    throw new ScimFailure(409, 'uniqueness', 'There is, or was, an Agent with this name or externalId.');
  const owner = await ownerOf(transaction, who, agent);
  const request = await requestAgentIn(
    transaction,
    { workspaceId, actor, credentialId: tokenId },
    {
      wanted: { name: name.data, owner: owner.email, roles: [], description: description.data, metadata: {} },
      reason: description.data === '' ? 'The directory asks for it.' : description.data,
      source: 'scim',
    },
  );
  const id = newId<string>('sag');
  await client.query(
    `INSERT INTO directory_agents (workspace_id, id, name, external_id, owner_id, request_id, attributes, directory)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [workspaceId, id, name.data, externalId, owner.id, request.id, keptOf(agent), directory],
  );
  return id;
}

/** Resolves with the agent that was stopped by it. */
async function change(
  transaction: LoggedTransaction,
  base: string,
  who: Provisioner,
  id: string,
  { ifMatch }: Precondition,
  made: (before: Map<string, Value>) => Attributes,
): Promise<AgentId | undefined> {
  const { client } = transaction;
  const { workspaceId, actor, tokenId, directory } = who;
  const row = await readRow(client, workspaceId, id);
  checkVersion({ ifMatch }, row.version);
  const after = made(attributesOfRow(base, row));
  if (textOf(after, 'agentUserName').toLowerCase() !== row.name.toLowerCase())
    throw new ScimFailure(400, 'mutability', 'The name of an agent does not change.');
  const owners = ownersIn(after);
  if (owners.length > 0 && (owners.length > 1 || owners[0] !== row.ownerId))
    throw new ScimFailure(400, 'mutability', 'Who is accountable changes in HiveKey, where the next owner says yes.');
  const externalId = textOf(after, 'externalId') || null;
  const { rowCount: taken } = await client.query(
    'SELECT FROM directory_agents WHERE workspace_id = $1 AND id <> $2 AND external_id = $3',
    [workspaceId, id, externalId],
  );
  if (taken !== 0) throw new ScimFailure(409, 'uniqueness', 'There is, or was, an Agent with this externalId.');
  await client.query(
    `UPDATE directory_agents SET external_id = $3, attributes = $4, directory = $5, version = version + 1, modified_at = clock_timestamp()
      WHERE workspace_id = $1 AND id = $2 AND (external_id IS DISTINCT FROM $3 OR attributes <> $4::jsonb)`,
    [workspaceId, id, externalId, keptOf(after), directory],
  );
  if (after.get('active') !== false) return undefined;
  if (row.agentId === null) {
    await withdrawIn(transaction, { workspaceId, actor, credentialId: tokenId }, row.requestId);
    return undefined;
  }
  const { status } = await suspendAgentIn(transaction, who, row.agentId, 'the directory deactivated it');
  return status === 'active' ? undefined : row.agentId;
}

export function agentEndpoint(context: EndpointContext): Endpoint {
  const { pool, base, log, path } = context;
  const resourceOf = (row: AgentRow): Resource => ({ ...row, attributes: attributesOfRow(base, row) });
  const changed = async (
    who: Provisioner,
    id: string,
    precondition: Precondition,
    made: (before: Map<string, Value>) => Attributes,
  ): Promise<Resource> => {
    const stopped = await log.transact(who.workspaceId, (transaction) =>
      change(transaction, base, who, id, precondition, made),
    );
    if (stopped !== undefined) await path.stop(who.workspaceId, { kind: 'agents', agentIds: new Set([stopped]) });
    return resourceOf(await readRow(pool, who.workspaceId, id));
  };
  return {
    type: AGENT,
    scope: 'agents',
    list: async (who, query) => {
      const listing = { rows: AGENTS, count: COUNT, columns: COLUMNS, table: 'd' };
      const { total, rows } = await listOf<AgentRow>(pool, who, query, listing);
      return { total, resources: rows.map(resourceOf) };
    },
    read: async ({ workspaceId }, id) => resourceOf(await readRow(pool, workspaceId, id)),
    create: async (who, body) => {
      const agent = readResource(AGENT, body);
      const id = await log.transact(who.workspaceId, (transaction) => create(transaction, who, agent));
      return resourceOf(await readRow(pool, who.workspaceId, id));
    },
    replace: (who, id, body, precondition) => {
      const agent = readResource(AGENT, body);
      return changed(who, id, precondition, () => agent);
    },
    patch: (who, id, body, precondition) => {
      const operations = readPatch(AGENT, body);
      return changed(who, id, precondition, (before) => applyPatch(AGENT, before, operations));
    },
    remove: async (who, id, { ifMatch }) => {
      const { workspaceId, actor, tokenId } = who;
      const { agentId, version, requestId } = await readRow(pool, workspaceId, id);
      checkVersion({ ifMatch }, version);
      // Stopped first: a tombstone whose agent still acts must not be.
      if (agentId !== null)
        await orderStop(context, who, { scope: 'agent', target: agentId, reason: 'the directory deleted it' });
      await log.transact(workspaceId, async (transaction) => {
        await withdrawIn(transaction, { workspaceId, actor, credentialId: tokenId }, requestId);
        await transaction.client.query(
          'UPDATE directory_agents SET deleted_at = $3, directory = $4 WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL',
          [workspaceId, id, transaction.now, who.directory],
        );
      });
    },
  };
}
