import { checkRole, parseRoleFile, type RoleDocument, roleFromDocument } from '@hivekey/policy';
import { z } from 'zod';
import { type Api, type ApiContext, listOf, openCursor, openNameCursor, pageOf, pageQuery } from '../api/route.ts';
import { declaredCapabilities } from '../capabilities/index.ts';
import { candidateSchema, dropCandidate, readCandidate, tryCandidate } from './candidate.ts';
import { type AppliedRole, applyRole, createRole, patched, patchRole, valid } from './change.ts';
import { documentOf } from './document.ts';
import { loadPolicySet } from './policy-set.ts';
import { matrixOf, matrixSchema, previewOf, previewSchema } from './preview.ts';
import { agentsByRole, listRevisions, listRoles, readRole, roleNameDiffers } from './read.ts';
import { roleSchema, roleViewOf } from './role.ts';

const params = z.object({ name: z.string().max(512) });
const tags = ['roles'];
/** What is in a document is checked by its parser, which can say where. */
const document = z.unknown();
const yaml = { yaml: true } as const;

const appliedSchema = roleSchema
  .extend({ change: z.enum(['created', 'updated', 'unchanged']) })
  .meta({ id: 'AppliedRole' });

/** A role file as it was sent: YAML text, or JSON that has been read. Throws `role_invalid`. */
function roleOf(body: unknown): RoleDocument {
  const what = 'The role';
  if (typeof body !== 'string') return valid(checkRole(body), 'role_invalid', what);
  return documentOf(valid(parseRoleFile(body), 'role_invalid', what), 'role_invalid');
}

export function roleRoutes(api: Api, { pool, log, path, keys, upstreams }: ApiContext): void {
  const publish = async (applying: Promise<AppliedRole>) => {
    const { role, change } = await applying;
    return { ...roleViewOf(role), change };
  };

  api.get(
    '/v1/roles',
    {
      schema: {
        tags,
        summary: 'List roles, by name',
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(roleSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor } }) => {
      const scope = { list: 'roles', workspaceId };
      const after = openNameCursor(keys.state, scope, cursor);
      const rows = await listRoles(pool, workspaceId, after, limit + 1);
      return pageOf(keys.state, scope, limit, rows, roleViewOf, ({ name }) => [name]);
    },
  );

  api.post(
    '/v1/roles',
    {
      config: yaml,
      schema: { tags, summary: 'Create a role from a role file', body: document, response: { 201: appliedSchema } },
    },
    async ({ administrator, body }, reply) => {
      const role = await publish(createRole(log, administrator, roleOf(body)));
      path.invalidate(administrator.workspaceId);
      return reply.code(201).send(role);
    },
  );

  api.get(
    '/v1/roles/:name',
    {
      schema: {
        tags,
        summary: 'A role at its current or an earlier revision',
        params,
        querystring: z.strictObject({ revision: z.coerce.number().int().min(1).max(2_147_483_647).optional() }),
        response: { 200: roleSchema },
      },
    },
    async ({ administrator: { workspaceId }, params: { name }, query: { revision } }) =>
      roleViewOf(await readRole(pool, workspaceId, name, revision)),
  );

  api.get(
    '/v1/roles/:name/revisions',
    {
      schema: {
        tags,
        summary: 'All revisions of a role, newest first',
        params,
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(roleSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { name }, query: { limit, cursor } }) => {
      const scope = { list: 'role-revisions', workspaceId, filter: { name } };
      const [before] = openCursor(keys.state, scope, cursor) ?? [];
      const from = before === undefined ? undefined : Number(before);
      const rows = await listRevisions(pool, workspaceId, name, from, limit + 1);
      return pageOf(keys.state, scope, limit, rows, roleViewOf, ({ revision }) => [revision]);
    },
  );

  api.put(
    '/v1/roles/:name',
    {
      config: yaml,
      schema: {
        tags,
        summary: 'Apply a role file: create the role, or its next revision',
        description: 'The same content changes nothing.',
        params,
        body: document,
        response: { 200: appliedSchema },
      },
    },
    async ({ administrator, params: { name }, body }) => {
      const role = roleOf(body);
      if (role.metadata.name !== name) throw roleNameDiffers(role.metadata.name, name);
      const applied = await publish(applyRole(log, administrator, role));
      if (applied.change !== 'unchanged') path.invalidate(administrator.workspaceId);
      return applied;
    },
  );

  api.patch(
    '/v1/roles/:name',
    {
      schema: {
        tags,
        summary: 'Change scope, guards or description; what is absent is unchanged',
        params,
        body: document,
        response: { 200: appliedSchema },
      },
    },
    async ({ administrator, params: { name }, body }) => {
      const applied = await publish(patchRole(log, administrator, name, body));
      if (applied.change !== 'unchanged') path.invalidate(administrator.workspaceId);
      return applied;
    },
  );

  api.post(
    '/v1/roles/:name/preview',
    {
      schema: {
        tags,
        summary: 'What publishing a change would change',
        params,
        body: document,
        response: { 200: previewSchema },
      },
    },
    async ({ administrator: { workspaceId }, params: { name }, body }) => {
      const [current, { set }, catalogue, declared] = await Promise.all([
        readRole(pool, workspaceId, name),
        loadPolicySet(pool, workspaceId),
        upstreams.catalogue(workspaceId),
        declaredCapabilities(pool, workspaceId),
      ]);
      const role = roleFromDocument(patched(current, body), current.revision + 1);
      return previewOf(set, valid(role, 'role_invalid', 'The role'), current.agents, catalogue, declared);
    },
  );

  api.get(
    '/v1/roles/:name/candidate',
    {
      schema: {
        tags,
        summary: 'The change of a role that runs in shadow',
        params,
        response: { 200: candidateSchema },
      },
    },
    ({ administrator: { workspaceId }, params: { name } }) => readCandidate(pool, workspaceId, name),
  );

  api.put(
    '/v1/roles/:name/candidate',
    {
      schema: {
        tags,
        summary: 'Run a change of a role in shadow',
        description: 'Scope, guards or description as for PATCH. It is evaluated and recorded, and refuses nothing.',
        params,
        body: document,
        response: { 200: candidateSchema },
      },
    },
    async ({ administrator, params: { name }, body }) => {
      await tryCandidate(log, administrator, name, body);
      path.invalidate(administrator.workspaceId);
      return readCandidate(pool, administrator.workspaceId, name);
    },
  );

  api.delete(
    '/v1/roles/:name/candidate',
    {
      schema: {
        tags,
        summary: 'Stop running the change of a role in shadow',
        params,
        response: { 204: z.undefined() },
      },
    },
    async ({ administrator, params: { name } }, reply) => {
      await dropCandidate(log, administrator, name);
      path.invalidate(administrator.workspaceId);
      return reply.code(204).send();
    },
  );

  api.get(
    '/v1/matrix',
    { schema: { tags, summary: 'Roles and capabilities as one grid', response: { 200: matrixSchema } } },
    async ({ administrator: { workspaceId } }) => {
      const [{ set, stoppedTools }, agents] = await Promise.all([
        loadPolicySet(pool, workspaceId),
        agentsByRole(pool, workspaceId),
      ]);
      return matrixOf(set, stoppedTools, agents);
    },
  );
}
