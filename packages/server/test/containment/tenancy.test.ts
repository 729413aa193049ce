/** An administrator of one workspace meets nothing of another's, on any route of the control plane. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addWorkspace } from '../agents/second-workspace.ts';
import { openWorld, roleFile, type World } from '../agents/world.ts';

const TAGS = new Set([
  'people',
  'agents',
  'tokens',
  'roles',
  'capabilities',
  'policies',
  'containment',
  'budgets',
  'http apis',
  'secrets',
  'delegations',
  'approvals',
  'scim connections',
  'ownership',
  'agent requests',
  'unregistered identities',
  'policy as code',
]);
/** Part of the name of everything in the first workspace. */
const MARK = 'firstonly';
const ROLE = `role-${MARK}`;
const AGENT = `bot-${MARK}`;
const BREAKER = `breaker-${MARK}`;
const DRILL = `drill-${MARK}`;
const OWNER = `${MARK}@acme.example`;
const TOOL = `${MARK}.run`;
const API = 'firstonly-api';
const GROUP = `group-${MARK}`;
const CONNECTION = `scim-${MARK}`;
const SECRET = `secret-${MARK}`;

let world: World;
let strangerKey: string;
let agentId: string;
let ownerId: string;
let tokenId: string;
let stopId: string;
let quarantineId: string;
let proposalId: string;
let approvalId: string;
let rehearsalId: string;
let rehearsedStopId: string;
let delegationId: string;
let taskId: string;
let transferId: string;
let requestId: string;
let unregisteredId: string;
let token: string;
let policy: { hash: string };
let apiId: string;
let connectionId: string;

beforeAll(async () => {
  world = await openWorld();
  strangerKey = await addWorkspace(world.server);
  await world.capability(TOOL, { description: MARK });
  await world.role(ROLE, [TOOL]);
  ({ id: agentId } = await world.agent(AGENT, { role: ROLE, owner: OWNER }));
  ({ id: ownerId } = await world.ok('GET', `/v1/people/${OWNER}`));
  ({ id: tokenId, token } = await world.ok('POST', '/v1/tokens', { agent: AGENT, name: MARK }));
  await world.ok('PUT', `/v1/roles/${ROLE}/candidate`, { description: MARK });
  await world.role(`other-${MARK}`);
  ({ id: stopId } = await world.ok('POST', '/v1/containments', {
    scope: 'role',
    target: `other-${MARK}`,
    reason: MARK,
  }));
  await world.ok('PUT', `/v1/breakers/${BREAKER}`, { signal: 'probes', threshold: 1000, window_seconds: 60 });
  await world.agent(`other-${AGENT}`, { role: ROLE, owner: OWNER });
  ({ id: quarantineId } = await world.ok('POST', `/v1/agents/other-${AGENT}/quarantine`, { reason: MARK }));
  await world.ok('PUT', `/v1/secrets/${SECRET}`, { value: 'a-credential-of-the-first' });
  ({ id: apiId } = await world.ok('POST', '/v1/http/apis', {
    namespace: API,
    endpoint: 'https://api.acme.example',
    document: {
      openapi: '3.1.0',
      info: { title: MARK, version: '1' },
      paths: { '/x': { get: { operationId: 'read' } } },
    },
  }));
  delegationId = await addDelegation();
  await world.ok('PATCH', `/v1/people/${OWNER}`, { groups: [GROUP] });
  ({ id: connectionId } = await world.ok('POST', '/v1/scim-connections', { name: CONNECTION }));
  await world.ok('PUT', '/v1/group-roles', { groups: { [MARK]: ['viewer'] } });
  await world.ok('PUT', `/v1/drills/${DRILL}`, { agent: AGENT, time_zone: 'UTC', starts: '2090-01-01T09:00' });
  const rehearsal = await world.ok('POST', `/v1/drills/${DRILL}/run`);
  rehearsalId = rehearsal.id;
  rehearsedStopId = rehearsal.result.containment;
  proposalId = await propose();
  approvalId = await hold();
  [taskId, transferId] = await leaveBehind();
  requestId = await askFor();
  unregisteredId = await sight();
  policy = await world.ok('GET', '/v1/policies/current');
  await world.ok('PUT', `/v1/policies/tests/test-${MARK}`, POLICY_TEST);
});
afterAll(() => world.server.close());

/** A request for an agent. */
async function askFor(): Promise<string> {
  const { key } = await world.ok('POST', '/v1/keys', { name: 'asker', person: OWNER });
  const wanted = { name: `asked-${MARK}`, role: ROLE, owner: OWNER, reason: MARK };
  return (await world.ok('POST', '/v1/agent-requests', wanted, { key })).id;
}

/** Somebody who is no agent. */
async function sight(): Promise<string> {
  const asked = { subject: { type: 'agent', id: MARK }, action: { name: TOOL }, resource: { type: 'x', id: '1' } };
  await world.ok('POST', '/access/v1/evaluation', asked, { headers: { 'content-type': 'application/json' } });
  return (await world.ok('GET', '/v1/unregistered-identities')).data[0].id;
}

/** A call that waits for people. */
async function hold(): Promise<string> {
  await world.role(
    `asks-${MARK}`,
    [TOOL],
    [{ id: 'ask', action: TOOL, when: { field: 'x', exists: false }, effect: 'review' }],
  );
  await world.agent(`asks-${MARK}`, { role: `asks-${MARK}`, owner: OWNER });
  const { token: asks } = await world.ok('POST', '/v1/tokens', { agent: `asks-${MARK}` });
  const { body } = await world.call('POST', '/v1/actions', {
    key: asks,
    body: { action: TOOL, arguments: {} },
    headers: { prefer: 'respond-async' },
  });
  return body.approval.id;
}

/** A task of somebody who has left, and the offer of their agent. */
async function leaveBehind(): Promise<[string, string]> {
  await world.agent(`left-${MARK}`, { role: ROLE, owner: `left-${OWNER}` });
  await world.ok('PATCH', `/v1/people/left-${OWNER}`, { active: false });
  const { data } = await world.ok('GET', '/v1/transfer-tasks');
  const offer = { to: OWNER, reason: MARK };
  return [data[0].id, (await world.ok('POST', `/v1/agents/left-${MARK}/ownership-transfers`, offer)).id];
}

/** A stop of the workspace that waits for a second person. */
async function propose(): Promise<string> {
  const keys: string[] = [];
  for (const name of ['one', 'two']) {
    await world.ok('POST', '/v1/people', { email: `${name}@acme.example` });
    keys.push((await world.ok('POST', '/v1/keys', { name, person: `${name}@acme.example` })).key);
  }
  await world.ok('PUT', '/v1/containment-settings', { two_people: { kill: ['workspace'] } });
  const order = { scope: 'workspace', target: '*', reason: MARK };
  return (await world.ok('POST', '/v1/containments', order, { key: keys[0] ?? '' })).id;
}

/** A second workspace with an admin key, as an installation of several has. */
async function addDelegation(): Promise<string> {
  await world.ok('POST', '/v1/people', { email: `to-${OWNER}` });
  const { key } = await world.ok('POST', '/v1/keys', { name: MARK, person: OWNER });
  const body = { to: `to-${OWNER}`, ends_at: Math.floor(Date.now() / 1000) + 3600, reason: MARK };
  return (await world.call('POST', '/v1/delegations', { key, body })).body.id;
}

interface Case {
  readonly path?: () => string;
  readonly body?: () => unknown;
  /** Absent: answered, and without anything of the other workspace. */
  readonly refusal?: string;
}

const byAgent = (path: (agent: string) => string, body?: () => unknown): Case[] =>
  [() => agentId, () => AGENT].map((agent) => ({
    path: () => path(agent()),
    refusal: 'agent_not_found',
    ...(body === undefined ? {} : { body }),
  }));
const byOwner = (body?: () => unknown): Case[] =>
  [() => ownerId, () => OWNER].map((owner) => ({
    path: () => `/v1/people/${owner()}`,
    refusal: 'person_not_found',
    ...(body === undefined ? {} : { body }),
  }));
const byRole = (path: string, body?: unknown): Case => ({
  path: () => path,
  refusal: 'role_not_found',
  ...(body === undefined ? {} : { body: () => body }),
});
const byApi = (rest = '', body?: unknown): Case[] =>
  [() => apiId, () => API].map((api) => ({
    path: () => `/v1/http/apis/${api()}${rest}`,
    refusal: 'http_api_not_found',
    ...(body === undefined ? {} : { body: () => body }),
  }));
const bySecret = (rest: string, refusal = 'secret_not_found'): Case => ({
  path: () => `/v1/secrets/${SECRET}${rest}`,
  refusal,
});
const byTransfer = (rest: string): Case => ({
  path: () => `/v1/ownership-transfers/${transferId}${rest}`,
  refusal: 'transfer_not_found',
});
const byRequest = (rest: string): Case => ({
  path: () => `/v1/agent-requests/${requestId}${rest}`,
  refusal: 'agent_request_not_found',
});
const byConnection = (rest = '', body?: unknown): Case[] =>
  [() => connectionId, () => CONNECTION].map((connection) => ({
    path: () => `/v1/scim-connections/${connection()}${rest}`,
    refusal: 'scim_connection_not_found',
    ...(body === undefined ? {} : { body: () => body }),
  }));
const DOCUMENT = { openapi: '3.1.0', info: { title: 'taken', version: '1' }, paths: {} };
const POLICY_TEST = {
  apiVersion: 'policy.hivekey.ai/v1',
  kind: 'PolicyTest',
  cases: [{ name: MARK, roles: [], tools: [] }],
};
const byTest: Case = { path: () => `/v1/policies/tests/test-${MARK}`, refusal: 'policy_test_not_found' };
const PIN = { pin: `sha256:${'0'.repeat(64)}` };
const listed: Case = {};

const decide = { decision: 'deny', reason: 'taken' };

const CASES: Readonly<Record<string, readonly Case[]>> = {
  'GET /v1/people': [listed],
  'POST /v1/people': [{ body: () => ({ email: 'own@second.example' }) }],
  'GET /v1/people/{person}': byOwner(),
  'GET /v1/people/{person}/known-credentials': [
    { path: () => `/v1/people/${ownerId}/known-credentials`, refusal: 'person_not_found' },
  ],
  'PATCH /v1/people/{person}': byOwner(() => ({ active: false })),
  'GET /v1/groups': [listed],
  'GET /v1/groups/{group}/members': [{ path: () => `/v1/groups/${GROUP}/members` }],
  'GET /v1/scim-connections': [listed],
  'POST /v1/scim-connections': [{ body: () => ({ name: 'own' }) }],
  'GET /v1/scim-connections/{connection}': byConnection(),
  'PATCH /v1/scim-connections/{connection}': byConnection('', { scopes: ['users'] }),
  'POST /v1/scim-connections/{connection}/rotate': byConnection('/rotate'),
  'POST /v1/scim-connections/{connection}/revoke': byConnection('/revoke'),
  'GET /v1/group-roles': [listed],
  'PUT /v1/group-roles': [{ body: () => ({ groups: { taken: ['viewer'] } }) }],
  'GET /v1/agents': [listed, { path: () => `/v1/agents?owner=${OWNER}` }, { path: () => `/v1/agents?q=${MARK}` }],
  'POST /v1/agents': [{ body: () => ({ name: 'intruder', role: ROLE, owner: OWNER }), refusal: 'role_not_found' }],
  'GET /v1/agents/{agent}': byAgent((agent) => `/v1/agents/${agent}`),
  'PATCH /v1/agents/{agent}': byAgent(
    (agent) => `/v1/agents/${agent}`,
    () => ({ description: 'taken' }),
  ),
  'GET /v1/agents/{agent}/tools': byAgent((agent) => `/v1/agents/${agent}/tools`),
  'GET /v1/agents/{agent}/authority': byAgent((agent) => `/v1/agents/${agent}/authority`),
  'GET /v1/agents/{agent}/versions': byAgent((agent) => `/v1/agents/${agent}/versions`),
  'GET /v1/agents/{agent}/versions/{version}': byAgent((agent) => `/v1/agents/${agent}/versions/1`),
  'GET /v1/agent-requests': [listed, { path: () => `/v1/agent-requests?owner=${OWNER}` }],
  'POST /v1/agent-requests': [
    { body: () => ({ name: 'own-asked', role: 'any', owner: 'own@second.example', reason: 'own' }) },
  ],
  'GET /v1/agent-requests/{id}': [byRequest('')],
  'POST /v1/agent-requests/{id}/approve': [byRequest('/approve')],
  'POST /v1/agent-requests/{id}/deny': [byRequest('/deny')],
  'POST /v1/agent-requests/{id}/withdraw': [byRequest('/withdraw')],
  'GET /v1/agent-settings': [listed],
  'PATCH /v1/agent-settings': [{ body: () => ({ dormant_days: 7 }) }],
  'GET /v1/unregistered-identities': [listed, { path: () => '/v1/unregistered-identities?kind=agent' }],
  'POST /v1/unregistered-identities/{id}/dismiss': [
    {
      path: () => `/v1/unregistered-identities/${unregisteredId}/dismiss`,
      body: () => ({ reason: 'taken' }),
      refusal: 'unregistered_identity_not_found',
    },
  ],
  'POST /v1/agents/{agent}/revoke': byAgent((agent) => `/v1/agents/${agent}/revoke`),
  'POST /v1/agents/{agent}/suspend': byAgent((agent) => `/v1/agents/${agent}/suspend`),
  'POST /v1/agents/{agent}/restore': byAgent((agent) => `/v1/agents/${agent}/restore`),
  'GET /v1/agents/{agent}/ownership': byAgent((agent) => `/v1/agents/${agent}/ownership`),
  'PUT /v1/agents/{agent}/deputies': byAgent(
    (agent) => `/v1/agents/${agent}/deputies`,
    () => ({ deputies: ['taken'] }),
  ),
  'POST /v1/agents/{agent}/ownership-transfers': byAgent(
    (agent) => `/v1/agents/${agent}/ownership-transfers`,
    () => ({ to: 'stranger@second.example' }),
  ),
  'GET /v1/transfer-tasks': [listed, { path: () => `/v1/transfer-tasks?person=left-${OWNER}` }],
  'GET /v1/transfer-tasks/{id}': [{ path: () => `/v1/transfer-tasks/${taskId}`, refusal: 'task_not_found' }],
  'POST /v1/transfer-tasks/{id}/propose': [
    {
      path: () => `/v1/transfer-tasks/${taskId}/propose`,
      body: () => ({ to: 'stranger@second.example' }),
      refusal: 'task_not_found',
    },
  ],
  'GET /v1/ownership-transfers': [listed, { path: () => `/v1/ownership-transfers?to=${OWNER}` }],
  'GET /v1/ownership-transfers/{id}': [byTransfer('')],
  'POST /v1/ownership-transfers/{id}/accept': [byTransfer('/accept')],
  'POST /v1/ownership-transfers/{id}/decline': [byTransfer('/decline')],
  'POST /v1/ownership-transfers/{id}/withdraw': [byTransfer('/withdraw')],
  'GET /v1/orphans': [listed],
  'GET /v1/ownership-settings': [listed],
  'PUT /v1/ownership-settings': [{ body: () => ({ transfer_hours: 200 }) }],
  'GET /v1/tokens': [listed, { path: () => `/v1/tokens?agent=${AGENT}`, refusal: 'agent_not_found' }],
  'POST /v1/tokens': byAgent(
    () => '/v1/tokens',
    () => ({ agent: agentId }),
  ),
  'POST /v1/tokens/{id}/rotate': [{ path: () => `/v1/tokens/${tokenId}/rotate`, refusal: 'token_not_found' }],
  'POST /v1/tokens/{id}/revoke': [{ path: () => `/v1/tokens/${tokenId}/revoke`, refusal: 'token_not_found' }],
  'GET /v1/roles': [listed],
  'POST /v1/roles': [{ body: () => roleFile('own-role') }],
  'GET /v1/roles/{name}': [byRole(`/v1/roles/${ROLE}`), byRole(`/v1/roles/${ROLE}?revision=1`)],
  'GET /v1/roles/{name}/revisions': [byRole(`/v1/roles/${ROLE}/revisions`)],
  // Names are of a workspace: this makes a role of the stranger's own.
  'PUT /v1/roles/{name}': [{ path: () => '/v1/roles/own-applied', body: () => roleFile('own-applied') }],
  'PATCH /v1/roles/{name}': [byRole(`/v1/roles/${ROLE}`, { description: 'taken' })],
  'GET /v1/roles/{name}/candidate': [{ path: () => `/v1/roles/${ROLE}/candidate`, refusal: 'candidate_not_found' }],
  'PUT /v1/roles/{name}/candidate': [byRole(`/v1/roles/${ROLE}/candidate`, { scope: { allow: [] } })],
  'DELETE /v1/roles/{name}/candidate': [{ path: () => `/v1/roles/${ROLE}/candidate`, refusal: 'candidate_not_found' }],
  'POST /v1/roles/{name}/preview': [byRole(`/v1/roles/${ROLE}/preview`, { scope: { allow: [] } })],
  'GET /v1/policy-code': [listed],
  'GET /v1/policy-code/objects': [listed],
  'POST /v1/policy-code/plan': [
    { body: () => ({ owns: ['role', 'capability', 'assignment', 'breaker', 'http_api'], objects: [] }) },
  ],
  // An API of the first workspace would be refused as one that files do not remove.
  'POST /v1/policy-code/changes': [{ body: () => ({ owns: ['http_api'], objects: [] }) }],
  'POST /v1/policy-code/apply': [{ body: () => ({ owns: ['http_api'], objects: [] }) }],
  'GET /v1/budgets': [
    listed,
    { path: () => `/v1/budgets?agent=${agentId}`, refusal: 'agent_not_found' },
    { path: () => `/v1/budgets?role=${ROLE}`, refusal: 'role_not_found' },
    { path: () => `/v1/budgets?owner=${OWNER}`, refusal: 'person_not_found' },
  ],
  'GET /v1/budgets/check': [listed],
  'POST /v1/agents/{agent}/quarantine': byAgent((agent) => `/v1/agents/${agent}/quarantine`),
  'GET /v1/quarantines': [listed],
  'GET /v1/quarantines/{id}': [{ path: () => `/v1/quarantines/${quarantineId}`, refusal: 'quarantine_not_found' }],
  'POST /v1/quarantines/{id}/release': [
    {
      path: () => `/v1/quarantines/${quarantineId}/release`,
      body: () => ({ reason: 'taken' }),
      refusal: 'quarantine_not_found',
    },
  ],
  'GET /v1/breakers': [listed],
  'GET /v1/breakers/{name}': [{ path: () => `/v1/breakers/${BREAKER}`, refusal: 'breaker_not_found' }],
  'GET /v1/breakers/{name}/readings': [
    { path: () => `/v1/breakers/${BREAKER}/readings`, refusal: 'breaker_not_found' },
  ],
  'PUT /v1/breakers/{name}': [
    {
      path: () => '/v1/breakers/own',
      body: () => ({ signal: 'probes', threshold: 3, window_seconds: 60, roles: [ROLE] }),
      refusal: 'role_not_found',
    },
  ],
  'DELETE /v1/breakers/{name}': [{ path: () => `/v1/breakers/${BREAKER}`, refusal: 'breaker_not_found' }],
  'GET /v1/matrix': [listed],
  'GET /v1/matrix/cells': [listed],
  'GET /v1/matrix.svg': [listed],
  'GET /v1/workspace/guards': [listed],
  'PUT /v1/workspace/guards': [{ body: () => ({ guards: [] }) }],
  'GET /v1/capabilities': [listed],
  'GET /v1/capabilities/{name}': [{ path: () => `/v1/capabilities/${TOOL}`, refusal: 'capability_not_found' }],
  'PUT /v1/capabilities/{name}': [{ path: () => '/v1/capabilities/own.tool', body: () => ({ access: 'read' }) }],
  'DELETE /v1/capabilities/{name}': [{ path: () => `/v1/capabilities/${TOOL}`, refusal: 'capability_not_found' }],
  'POST /v1/policies/evaluate': [
    { body: () => ({ agent: agentId, action: TOOL }), refusal: 'agent_not_found' },
    { body: () => ({ roles: [ROLE], action: TOOL }), refusal: 'role_not_found' },
  ],
  'POST /v1/policies/check': [{ body: () => ({ document: roleFile('own-role') }) }],
  'GET /v1/policies/tests': [listed],
  'GET /v1/policies/tests/{name}': [byTest],
  'PUT /v1/policies/tests/{name}': [
    { path: () => '/v1/policies/tests/own', body: () => ({ ...POLICY_TEST, cases: [{ name: 'own', tools: [] }] }) },
  ],
  'DELETE /v1/policies/tests/{name}': [byTest],
  'GET /v1/policies/schemas/{name}': [{ path: () => '/v1/policies/schemas/role' }],
  'GET /v1/policies': [listed],
  'GET /v1/policies/{revision}': [
    { path: () => '/v1/policies/current' },
    { path: () => `/v1/policies/${policy.hash}`, refusal: 'policy_not_found' },
  ],
  'GET /v1/delegations': [listed, { path: () => `/v1/delegations?person=${OWNER}` }],
  'POST /v1/delegations': [
    {
      body: () => ({ to: OWNER, ends_at: Math.floor(Date.now() / 1000) + 60, reason: 'x' }),
      refusal: 'person_not_found',
    },
  ],
  'GET /v1/delegations/{id}': [{ path: () => `/v1/delegations/${delegationId}`, refusal: 'delegation_not_found' }],
  'POST /v1/delegations/{id}/end': [
    { path: () => `/v1/delegations/${delegationId}/end`, refusal: 'delegation_not_found' },
  ],
  'POST /v1/containments': [
    { body: () => ({ scope: 'agent', target: agentId }), refusal: 'agent_not_found' },
    { body: () => ({ scope: 'agent', target: AGENT }), refusal: 'agent_not_found' },
    { body: () => ({ scope: 'role', target: ROLE }), refusal: 'role_not_found' },
    { body: () => ({ scope: 'owner', target: OWNER }), refusal: 'person_not_found' },
    { body: () => ({ scope: 'tool', target: TOOL }), refusal: 'capability_not_found' },
    { body: () => ({ scope: 'workspace', target: '*' }) },
  ],
  'GET /v1/http/apis': [listed],
  // Namespaces are of a workspace: this makes an API of the stranger's own.
  'POST /v1/http/apis': [{ body: () => ({ namespace: 'own', endpoint: 'https://own.example' }) }],
  'GET /v1/http/apis/{api}': byApi(),
  'PATCH /v1/http/apis/{api}': byApi('', { endpoint: 'https://own.example' }),
  'DELETE /v1/http/apis/{api}': byApi(),
  'POST /v1/http/apis/{api}/enable': byApi('/enable'),
  'POST /v1/http/apis/{api}/disable': byApi('/disable'),
  'PUT /v1/http/apis/{api}/document': byApi('/document', DOCUMENT),
  'GET /v1/http/apis/{api}/operations': byApi('/operations'),
  'POST /v1/http/apis/{api}/operations/{capability}/approve': byApi(`/operations/${API}.read/approve`, PIN),
  'POST /v1/http/apis/{api}/operations/{capability}/off': byApi(`/operations/${API}.read/off`),
  'GET /v1/secrets': [listed],
  'GET /v1/secrets/{name}': [bySecret('')],
  // Names are of a workspace: this makes a secret of the stranger's own.
  'PUT /v1/secrets/{name}': [{ path: () => '/v1/secrets/own', body: () => ({ value: 'a-credential-of-their-own' }) }],
  'DELETE /v1/secrets/{name}': [bySecret('')],
  'POST /v1/secrets/{name}/versions/{version}/promote': [bySecret('/versions/1/promote', 'secret_version_not_found')],
  'POST /v1/secrets/{name}/versions/{version}/retire': [bySecret('/versions/1/retire', 'secret_version_not_found')],
  'POST /v1/secrets/{name}/test': [bySecret('/test')],
  'GET /v1/secrets/keys': [listed],
  'POST /v1/secrets/rewrap': [listed],
  'GET /v1/containments/{id}/receipt': [
    { path: () => `/v1/containments/${stopId}/receipt`, refusal: 'containment_not_found' },
    { path: () => `/v1/containments/${rehearsedStopId}/receipt`, refusal: 'containment_not_found' },
  ],
  'GET /v1/containment-settings': [listed],
  'PUT /v1/containment-settings': [{ body: () => ({ answer_minutes: 7 }) }],
  'GET /v1/containment-proposals': [listed, { path: () => '/v1/containment-proposals?status=proposed' }],
  'GET /v1/containment-proposals/{id}': [
    { path: () => `/v1/containment-proposals/${proposalId}`, refusal: 'proposal_not_found' },
  ],
  'POST /v1/containment-proposals/{id}/confirm': [
    { path: () => `/v1/containment-proposals/${proposalId}/confirm`, refusal: 'proposal_not_found' },
  ],
  'POST /v1/containment-proposals/{id}/withdraw': [
    { path: () => `/v1/containment-proposals/${proposalId}/withdraw`, refusal: 'proposal_not_found' },
  ],
  'POST /v1/containments/rehearsals': [
    { body: () => ({ agent: agentId }), refusal: 'agent_not_found' },
    { body: () => ({ agent: AGENT }), refusal: 'agent_not_found' },
  ],
  'GET /v1/containments/rehearsals': [listed, { path: () => `/v1/containments/rehearsals?drill=${DRILL}` }],
  'GET /v1/containments/rehearsals/{id}': [
    { path: () => `/v1/containments/rehearsals/${rehearsalId}`, refusal: 'rehearsal_not_found' },
  ],
  'GET /v1/drills': [listed],
  'GET /v1/drills/{name}': [{ path: () => `/v1/drills/${DRILL}`, refusal: 'drill_not_found' }],
  'PUT /v1/drills/{name}': [
    {
      path: () => '/v1/drills/own',
      body: () => ({ agent: AGENT, time_zone: 'UTC', starts: '2090-01-01T09:00' }),
      refusal: 'agent_not_found',
    },
  ],
  'DELETE /v1/drills/{name}': [{ path: () => `/v1/drills/${DRILL}`, refusal: 'drill_not_found' }],
  'POST /v1/drills/{name}/run': [{ path: () => `/v1/drills/${DRILL}/run`, refusal: 'drill_not_found' }],
  'GET /v1/approvals': [listed, { path: () => `/v1/approvals?agent=${AGENT}` }],
  'GET /v1/approvals/{id}': [{ path: () => `/v1/approvals/${approvalId}`, refusal: 'approval_not_found' }],
  'POST /v1/approvals/{id}/decide': [
    { path: () => `/v1/approvals/${approvalId}/decide`, body: () => decide, refusal: 'approval_not_found' },
  ],
  'POST /v1/approvals/{id}/challenge': [
    { path: () => `/v1/approvals/${approvalId}/challenge`, body: () => decide, refusal: 'approval_not_found' },
  ],
  'GET /v1/approvals/{id}/signatures': [
    { path: () => `/v1/approvals/${approvalId}/signatures`, refusal: 'approval_not_found' },
  ],
  'POST /v1/approvals/decide': [
    { body: () => ({ ...decide, approvals: [{ id: approvalId }, { id: 'apr_none' }] }), refusal: 'approval_not_found' },
  ],
  'POST /v1/approvals/{id}/opened': [
    { path: () => `/v1/approvals/${approvalId}/opened`, refusal: 'approval_not_found' },
  ],
  'POST /v1/approvals/{id}/cancel': [
    { path: () => `/v1/approvals/${approvalId}/cancel`, refusal: 'approval_not_found' },
  ],
  'GET /v1/approval-reminders': [listed],
  'PUT /v1/approval-reminders': [{ body: () => ({ data: [] }) }],
  'GET /v1/containments': [listed, { path: () => '/v1/containments?active=true' }],
  'GET /v1/containment-reach': [
    { path: () => `/v1/containment-reach?scope=agent&target=${agentId}`, refusal: 'agent_not_found' },
    { path: () => `/v1/containment-reach?scope=role&target=${ROLE}`, refusal: 'role_not_found' },
    { path: () => `/v1/containment-reach?scope=owner&target=${OWNER}`, refusal: 'person_not_found' },
    { path: () => `/v1/containment-reach?scope=tool&target=${TOOL}`, refusal: 'capability_not_found' },
    { path: () => '/v1/containment-reach?scope=workspace&target=*' },
  ],
  'GET /v1/containments/{id}': [{ path: () => `/v1/containments/${stopId}`, refusal: 'containment_not_found' }],
  'POST /v1/containments/{id}/lift': [
    { path: () => `/v1/containments/${stopId}/lift`, refusal: 'containment_not_found' },
  ],
};

it('has a case for every route', async () => {
  const { paths } = await world.ok('GET', '/openapi.json');
  const routes = Object.entries<Record<string, { tags?: string[] }>>(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { tags = [] }]) => tags.some((tag) => TAGS.has(tag)))
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  );
  expect(routes.sort()).toEqual(Object.keys(CASES).sort());
});

describe.each(Object.keys(CASES))('%s', (route) => {
  const [method = '', template = ''] = route.split(' ');
  it.each((CASES[route] ?? []).map((each, i) => ({ i, ...each })))(
    'meets nothing of another workspace ($i)',
    async ({ path = () => template, body, refusal }) => {
      const answer = await world.call(method, path(), {
        key: strangerKey,
        ...(body === undefined ? {} : { body: body() }),
      });
      if (refusal === undefined) {
        expect(answer.status).toBeLessThan(300);
        expect(JSON.stringify(answer.body)).not.toContain(MARK);
      } else {
        expect([answer.status, answer.body.error.code]).toEqual([404, refusal]);
      }
    },
  );
});

it('leaves the other workspace as it was', async () => {
  expect(await world.ok('GET', `/v1/agents/${AGENT}`)).toMatchObject({ status: 'active', description: '' });
  expect(await world.ok('GET', `/v1/roles/${ROLE}`)).toMatchObject({ revision: 1, description: '' });
  expect(await world.ok('GET', `/v1/containments/${stopId}`)).toMatchObject({ lifted_at: null });
  expect(await world.ok('GET', '/v1/policies/current')).toEqual(policy);
  expect(await world.ok('GET', '/v1/workspace')).toMatchObject({ status: 'active' });
  expect(await world.ok('GET', `/v1/containment-proposals/${proposalId}`)).toMatchObject({ status: 'proposed' });
  expect(await world.ok('GET', '/v1/containment-settings')).toMatchObject({ answer_minutes: 60 });
  expect(await world.ok('GET', '/v1/ownership-settings')).toMatchObject({ transfer_hours: 336 });
  expect(await world.ok('GET', `/v1/ownership-transfers/${transferId}`)).toMatchObject({ status: 'proposed' });
  expect(await world.ok('GET', `/v1/agent-requests/${requestId}`)).toMatchObject({ status: 'requested' });
  expect(await world.ok('GET', '/v1/agent-settings')).toMatchObject({ dormant_days: 90 });
  expect((await world.ok('GET', '/v1/unregistered-identities')).data[0]).toMatchObject({ dismissed: null });
  expect(await world.ok('GET', `/v1/approvals/${approvalId}`)).toMatchObject({ status: 'pending' });
  expect(await world.ok('GET', '/v1/group-roles')).toMatchObject({ groups: { [MARK]: ['viewer'] } });
  expect((await world.act(token, TOOL)).status).toBe(200);
});
