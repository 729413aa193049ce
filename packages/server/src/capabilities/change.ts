/** Declaring capabilities: what exists to be granted, and what a call of it spends. */
import { canonicalJson } from '@hivekey/action-log';
import type { Capability } from '@hivekey/policy';
import type { Administrator } from '../api/route.ts';
import { standingOrder } from '../containment/index.ts';
import { Failure } from '../errors.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { loadPolicySet, misfits, placeOf, publishPolicy, upsertCapability } from '../roles/index.ts';
import { type CapabilityView, findCapability, readCapability } from './read.ts';

export interface DeclaredCapability {
  readonly capability: CapabilityView;
  readonly change: 'created' | 'updated' | 'unchanged';
}

function contentOf({
  description,
  access,
  destructive,
  impact,
  inputSchema = null,
  external = null,
  about = null,
  reference = null,
}: Partial<Record<keyof Capability, unknown>>): Record<string, unknown> {
  return { description, access, destructive, impact, input_schema: inputSchema, external, about, reference };
}

/**
 * Declares a capability, or changes it. The schema of a tool that a server brought stays that of the server
 * where none is given. Throws `capability_breaks_guards` when a guard that works now could not work any more.
 */
export function declareCapability(
  log: ActionLog,
  who: Administrator,
  declared: Capability,
): Promise<DeclaredCapability> {
  return log.transact(who.workspaceId, (transaction) => declareCapabilityIn(transaction, who, declared));
}

export async function declareCapabilityIn(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  declared: Capability,
): Promise<DeclaredCapability> {
  const { client } = transaction;
  const before = await loadPolicySet(client, workspaceId);
  const known = before.set.capabilities.find(({ name }) => name === declared.name);
  const current = await findCapability(client, workspaceId, declared.name);
  const capability =
    current?.source === 'discovered' && declared.inputSchema === undefined && known?.inputSchema !== undefined
      ? { ...declared, inputSchema: known.inputSchema }
      : declared;
  if (
    known !== undefined &&
    current?.source === 'declared' &&
    canonicalJson(contentOf(known)) === canonicalJson(contentOf(capability))
  )
    return { capability: current, change: 'unchanged' };

  await upsertCapability(transaction, workspaceId, capability, 'declared');
  const after = await loadPolicySet(client, workspaceId);
  const amiss = new Set(misfits(before.set).map(placeOf));
  const broken = misfits(after.set).filter((misfit) => !amiss.has(placeOf(misfit)));
  if (broken[0] !== undefined)
    throw new Failure(
      409,
      'capability_breaks_guards',
      `With this change a guard would not fit any more: ${placeOf(broken[0])}.`,
      'Change the guards first, or keep what they need.',
      broken.map(({ origin, problem }) => ({ ...problem, origin })),
    );
  const change = current === undefined ? 'created' : 'updated';
  transaction.log({
    kind: 'capability.changed',
    actor,
    action: capability.name,
    change,
    access: capability.access,
    destructive: capability.destructive,
    impact: capability.impact,
    external: capability.external,
    reference: capability.reference,
  });
  publishPolicy(transaction, workspaceId, actor);
  return { capability: await readCapability(client, workspaceId, capability.name), change };
}

/** Throws `capability_not_found`, `capability_discovered`, `capability_granted`, `capability_stopped`. */
export function removeCapability(log: ActionLog, who: Administrator, name: string): Promise<CapabilityView> {
  return log.transact(who.workspaceId, (transaction) => removeCapabilityIn(transaction, who, name));
}

export async function removeCapabilityIn(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  name: string,
): Promise<CapabilityView> {
  const { client } = transaction;
  const capability = await readCapability(client, workspaceId, name);
  const { rowCount: ofServer } = await client.query(
    `SELECT FROM mcp_definitions WHERE workspace_id = $1 AND capability = $2
       UNION ALL SELECT FROM http_operations WHERE workspace_id = $1 AND capability = $2`,
    [workspaceId, name],
  );
  if (capability.source === 'discovered' || ofServer !== 0)
    throw new Failure(
      409,
      'capability_discovered',
      `${name} comes from an MCP server or an HTTP API.`,
      'Switch it off with POST /v1/mcp/servers/:server/definitions/:capability/off, or /v1/http/apis/….',
    );
  if (capability.roles.length > 0)
    throw new Failure(
      409,
      'capability_granted',
      `${name} is granted by ${capability.roles.map((role) => `"${role}"`).join(', ')}.`,
      'Take it out of those roles first.',
    );
  const order = await standingOrder(client, workspaceId, 'tool', name);
  if (order !== undefined)
    throw new Failure(409, 'capability_stopped', `${name} is under the stop ${order}.`, 'Lift that stop first.');
  await client.query('DELETE FROM capabilities WHERE workspace_id = $1 AND name = $2', [workspaceId, name]);
  transaction.log({ kind: 'capability.changed', actor, action: name, change: 'removed' });
  publishPolicy(transaction, workspaceId, actor);
  return capability;
}
