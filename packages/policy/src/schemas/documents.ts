/** JSON Schemas of the documents, as `npx hivekey` and the server hand them out. */
import { API_VERSION } from '../documents/types.ts';
import type { JsonObject } from '../model.ts';
import { DIALECT, guardDefinitions, guards, verdict } from './guard.ts';

const BASE = 'https://policy.hivekey.ai/v1';
const capability: JsonObject = {
  type: 'string',
  pattern: '^[a-z][a-z0-9-]*(?:[._][A-Za-z0-9_-]+)*(?:\\.[A-Za-z0-9_-]+)*$',
  maxLength: 200,
};

function document(kind: string, title: string, required: readonly string[], properties: JsonObject): JsonObject {
  return {
    $schema: DIALECT,
    $id: `${BASE}/${kind}.schema.json`,
    title,
    type: 'object',
    required: ['apiVersion', 'kind', ...required],
    additionalProperties: false,
    properties: { apiVersion: { const: API_VERSION }, kind: { const: kind }, ...properties },
    $defs: guardDefinitions,
  };
}

const metadata: JsonObject = {
  type: 'object',
  required: ['name'],
  additionalProperties: false,
  properties: { name: { type: 'string' }, description: { type: 'string' } },
};

export const roleSchema: JsonObject = document('Role', 'A role', ['metadata'], {
  metadata: {
    ...metadata,
    properties: { name: { type: 'string', maxLength: 64 }, description: { type: 'string', maxLength: 2_000 } },
  },
  scope: {
    type: 'object',
    additionalProperties: false,
    properties: {
      allow: {
        type: 'array',
        items: capability,
        uniqueItems: true,
        maxItems: 5_000,
        description: 'What the role may do. What is not here is not granted and not visible.',
      },
    },
  },
  guards,
});

export const workspaceGuardsSchema: JsonObject = document(
  'WorkspaceGuards',
  'Guards for every agent of a workspace',
  [],
  { guards },
);

const namesOf = (items: JsonObject, description: string): JsonObject => ({
  type: 'array',
  items,
  minItems: 1,
  maxItems: 500,
  description,
});
export const sourcesSchema: JsonObject = document('Sources', 'Whose content is trusted', [], {
  trusted: namesOf({ type: 'string' }, 'Capabilities, crm.* for those of a server, or *.'),
  untrusted: namesOf({ type: 'string' }, 'The same. The narrowest mark counts.'),
  unmarked: { enum: ['trusted', 'untrusted'], description: 'What has no mark; untrusted when left out.' },
});

const wallTime: JsonObject = {
  type: 'string',
  pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?$',
  description: 'Local date and time in the time zone.',
  examples: ['2026-12-18T18:00'],
};

export const freezeSchema: JsonObject = document(
  'Freeze',
  'A change freeze',
  ['metadata', 'time_zone', 'starts', 'ends', 'scope'],
  {
    metadata: {
      ...metadata,
      properties: { name: { type: 'string', maxLength: 64 }, description: { type: 'string', maxLength: 2_000 } },
    },
    time_zone: { type: 'string', description: 'IANA name.', examples: ['Europe/Berlin', 'UTC'] },
    starts: wallTime,
    ends: wallTime,
    repeats: {
      type: 'string',
      maxLength: 500,
      description: 'RFC 5545 recurrence rule by day or longer. starts is its first time.',
      examples: ['FREQ=WEEKLY;BYDAY=FR', 'FREQ=MONTHLY;BYDAY=-1FR', 'FREQ=YEARLY'],
    },
    scope: {
      type: 'object',
      additionalProperties: false,
      minProperties: 1,
      description: 'All that is named must fit; the values of one list are alternatives.',
      properties: {
        actions: namesOf({ type: 'string' }, 'Capabilities, crm.* for a namespace, or *.'),
        classes: namesOf(
          { enum: ['read', 'write', 'destructive'] },
          'write, read: the access of the capability; destructive: what cannot be undone.',
        ),
        roles: namesOf({ type: 'string' }, 'Agents that wear one of them.'),
        environments: namesOf({ type: 'string' }, 'Where the freeze applies; everywhere when left out.'),
        changes: namesOf(
          { type: 'string' },
          'Changes of policy that are refused: role, workspace_guards, assignment and the other types of objects, or *. Beside actions of agents, or alone.',
        ),
      },
    },
  },
);

const settle: JsonObject = {
  type: 'object',
  minProperties: 1,
  additionalProperties: false,
  description: 'How the result tells what was really spent; what it does not tell stays as it was reserved.',
  properties: {
    field: { type: 'string', description: 'The member of the structured content that holds the amount.' },
    length: { type: 'string', description: 'The list of the structured content whose elements are counted.' },
    minor: { type: 'boolean' },
    currency_field: { type: 'string' },
    errors: { const: 'release', description: 'A call that the tool answers with an error has spent nothing.' },
  },
};

const impact: JsonObject = {
  description: 'How many units a call spends.',
  oneOf: [
    { type: 'integer', minimum: 0, description: 'The same for every call; money in minor units.' },
    {
      type: 'object',
      required: ['constant'],
      additionalProperties: false,
      properties: { kind: { const: 'constant' }, constant: { type: 'integer', minimum: 0 }, settle },
    },
    {
      type: 'object',
      required: ['length'],
      additionalProperties: false,
      properties: {
        kind: { const: 'length' },
        length: { type: 'string', description: 'The argument whose elements are counted.' },
        settle,
      },
    },
    {
      type: 'object',
      required: ['field'],
      additionalProperties: false,
      properties: {
        kind: { const: 'field' },
        field: { type: 'string', description: 'The argument that holds the amount; items[].amount adds up a list.' },
        currency: { type: 'string', pattern: '^[A-Z]{3}$', description: 'ISO 4217.' },
        minor: { type: 'boolean', description: 'The argument counts minor units, such as cents.' },
        currency_field: {
          type: 'string',
          description: 'The argument that names the currency; another currency is not measured.',
        },
        settle,
      },
    },
  ],
};

export const capabilitySchema: JsonObject = document('Capability', 'A capability', ['metadata', 'access'], {
  metadata: { ...metadata, properties: { name: capability, description: { type: 'string', maxLength: 4_000 } } },
  access: { enum: ['read', 'write'] },
  destructive: { type: 'boolean' },
  external: { type: 'boolean', description: 'Whether a call reaches beyond the company. It stands on records.' },
  about: {
    type: 'object',
    description: 'The arguments that say what a call is about; their values stand on records.',
    additionalProperties: false,
    properties: {
      payee: { type: 'string', description: 'Who is paid.' },
      dest: { type: 'string', description: 'Where it is sent to.' },
      resource: { type: 'string', description: 'What it is done to.' },
    },
    examples: [{ payee: 'vendor.account', resource: 'invoice.id' }],
  },
  reference: {
    type: 'string',
    description:
      'The member of the structured content of the result by which the tool itself knows the call. It stands on the record of the result.',
    examples: ['id', 'charge.id'],
  },
  impact: { type: 'object', additionalProperties: impact, examples: [{ usd: { field: 'amount', currency: 'USD' } }] },
  input_schema: { type: 'object', description: 'JSON Schema of the arguments.' },
});

const caller: JsonObject = {
  agent: { type: 'string' },
  owner: { type: 'string' },
  session: { type: 'string' },
  roles: { type: 'array', items: { type: 'string' } },
};
const call: JsonObject = { ...caller, action: capability, arguments: { type: 'object' } };

export const policyTestSchema: JsonObject = document('PolicyTest', 'Behaviour tests of a policy', ['cases'], {
  description: { type: 'string' },
  policy: {
    type: 'array',
    description: 'Files, as seen from this one, or documents in place.',
    items: { oneOf: [{ type: 'string' }, { type: 'object' }] },
  },
  defaults: { type: 'object', additionalProperties: false, properties: caller },
  cases: {
    type: 'array',
    minItems: 1,
    items: {
      oneOf: [
        {
          type: 'object',
          required: ['name', 'action', 'expect'],
          additionalProperties: false,
          properties: {
            name: { type: 'string' },
            ...call,
            risk: { enum: ['none', 'low', 'medium', 'high', 'critical'], description: 'What detectors say.' },
            provenance: { enum: ['trusted', 'untrusted'], description: 'Of what led to the call.' },
            at: {
              type: 'string',
              pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})$',
              description: 'When the call is made, for change freezes.',
            },
            earlier: {
              type: 'array',
              items: {
                type: 'object',
                required: ['ago'],
                additionalProperties: false,
                properties: { ago: { type: 'string' }, times: { type: 'integer', minimum: 1 }, ...call },
              },
            },
            expect: {
              oneOf: [
                verdict,
                {
                  type: 'object',
                  required: ['verdict'],
                  additionalProperties: false,
                  properties: {
                    verdict,
                    class: {
                      enum: [
                        'granted',
                        'scope',
                        'guard',
                        'cap',
                        'rate',
                        'freeze',
                        'containment',
                        'credential',
                        'error',
                      ],
                    },
                    rule: { type: 'string' },
                    role: { type: 'string' },
                    remaining: { type: 'integer', minimum: 0 },
                    retry_after: { type: 'integer', minimum: 0 },
                    impact: { type: 'object', additionalProperties: { type: 'integer' } },
                    trace: {
                      type: 'array',
                      items: { type: 'object', minProperties: 1, maxProperties: 1, additionalProperties: verdict },
                    },
                  },
                },
              ],
            },
          },
        },
        {
          type: 'object',
          required: ['name', 'tools'],
          additionalProperties: false,
          properties: {
            name: { type: 'string' },
            roles: caller.roles ?? true,
            tools: { type: 'array', items: capability },
          },
        },
      ],
    },
  },
});
