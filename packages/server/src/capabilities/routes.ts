import { type Capability, checkCapability, parseCapabilityFile } from '@hivekey/policy';
import { z } from 'zod';
import { type Api, type ApiContext, listOf, openNameCursor, pageOf, pageQuery } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { documentOf, valid } from '../roles/index.ts';
import { declareCapability, removeCapability } from './change.ts';
import { capabilitySchema, listCapabilities, readCapability } from './read.ts';

const params = z.object({ name: z.string().max(512) });
const tags = ['capabilities'];

const declaredSchema = capabilitySchema
  .extend({ change: z.enum(['created', 'updated', 'unchanged']) })
  .meta({ id: 'DeclaredCapability' });

/** The body may leave the name out: the address has it. Throws `capability_invalid`, `capability_name_differs`. */
function capabilityOf(name: string, body: unknown): Capability {
  const capability = valid(checked(name, body), 'capability_invalid', 'The capability');
  if (capability.name === name) return capability;
  throw new Failure(
    422,
    'capability_name_differs',
    `The document is of "${capability.name}", the address names "${name}".`,
    'Send it to the address of its capability, by its dotted name.',
  );
}

function checked(name: string, body: unknown) {
  if (typeof body !== 'string') {
    const isNamed = typeof body !== 'object' || body === null || Object.hasOwn(body, 'name');
    return checkCapability(isNamed ? body : { ...body, name });
  }
  const parsed = parseCapabilityFile(body);
  return parsed.ok ? ({ ok: true, value: documentOf(parsed.value, 'capability_invalid') } as const) : parsed;
}

export function capabilityRoutes(api: Api, { pool, log, path, keys }: ApiContext): void {
  api.get(
    '/v1/capabilities',
    {
      schema: {
        tags,
        summary: 'List capabilities, by name',
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(capabilitySchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor } }) => {
      const scope = { list: 'capabilities', workspaceId };
      const after = openNameCursor(keys.state, scope, cursor);
      const rows = await listCapabilities(pool, workspaceId, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (capability) => capability,
        ({ name }) => [name],
      );
    },
  );

  api.get(
    '/v1/capabilities/:name',
    { schema: { tags, summary: 'A capability', params, response: { 200: capabilitySchema } } },
    ({ administrator, params: { name } }) => readCapability(pool, administrator.workspaceId, name),
  );

  api.put(
    '/v1/capabilities/:name',
    {
      config: { yaml: true },
      schema: {
        tags,
        summary: 'Declare what a tool is',
        description:
          '`{description, access, destructive?, impact?, input_schema?}`, or a Capability file. Refused when a guard could not work any more.',
        params,
        body: z.unknown(),
        response: { 200: declaredSchema },
      },
    },
    async ({ administrator, params: { name }, body }) => {
      const { capability, change } = await declareCapability(log, administrator, capabilityOf(name, body));
      if (change !== 'unchanged') path.invalidate(administrator.workspaceId);
      return { ...capability, change };
    },
  );

  api.delete(
    '/v1/capabilities/:name',
    {
      schema: {
        tags,
        summary: 'Remove a declared capability that no role grants',
        params,
        response: { 200: capabilitySchema },
      },
    },
    async ({ administrator, params: { name } }) => {
      const capability = await removeCapability(log, administrator, name);
      path.invalidate(administrator.workspaceId);
      return capability;
    },
  );
}
