/** What the demo sets up: sample data, labelled as such. */

export const OWNER = 'dana@acme.example';
export const COLLEAGUE = 'lee@acme.example';

export const ROLES = [
  {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Role',
    metadata: { name: 'demo-notes', description: 'Sample: reads files, keeps notes' },
    scope: {
      allow: [
        'files.read_text_file',
        'files.list_directory',
        'files.write_file',
        'memory.create_entities',
        'memory.read_graph',
      ],
    },
    guards: [
      {
        id: 'no-secrets',
        action: 'files.read_text_file',
        when: { field: 'path', endsWith: '.key' },
        effect: 'deny',
        otherwise: 'allow',
      },
      {
        id: 'three-notes-an-hour',
        action: 'memory.create_entities',
        when: { field: 'rate.per_hour', lte: 3 },
        effect: 'allow',
        otherwise: 'deny',
      },
      {
        id: 'writing-needs-a-person',
        action: 'files.write_file',
        when: { field: 'path', exists: true },
        effect: 'review',
        otherwise: 'review',
      },
    ],
  },
  {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Role',
    metadata: { name: 'demo-billing', description: 'Sample: pays invoices, at most $500 in any 24 hours' },
    scope: { allow: ['payments.pay'] },
    guards: [
      {
        id: 'payees',
        action: 'payments.pay',
        when: { field: 'to.domain', in: ['acme.com'] },
        effect: 'allow',
        otherwise: 'deny',
      },
      {
        id: 'daily-cap',
        action: 'payments.pay',
        when: { field: 'sum(payments, 24h)', lte: '$500' },
        effect: 'allow',
        otherwise: 'deny',
      },
    ],
  },
  {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Role',
    metadata: { name: 'demo-worker', description: 'Sample: runs long jobs' },
    scope: { allow: ['everything.trigger-long-running-operation', 'everything.echo'] },
    guards: [],
  },
] as const;

/** The payment is no MCP tool: the agent runs it itself, and asks first. */
export const PAY = {
  description: 'Sample: pays an invoice',
  access: 'write',
  impact: { usd: { field: 'amount', currency: 'USD' } },
  input_schema: {
    type: 'object',
    properties: { to: { type: 'string' }, amount: { type: 'number' } },
    required: ['to', 'amount'],
    additionalProperties: false,
  },
} as const;

/** In force on every day: the demo runs on any. */
export const FREEZE = {
  apiVersion: 'policy.hivekey.ai/v1',
  kind: 'Freeze',
  metadata: { name: 'demo-freeze', description: 'Sample: no file is written' },
  time_zone: 'UTC',
  starts: '2026-01-01T00:00',
  ends: '2026-01-02T00:00',
  repeats: 'FREQ=DAILY',
  scope: { actions: ['files.write_file'] },
} as const;
