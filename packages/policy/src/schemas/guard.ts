/** JSON Schema (2020-12) of a guard, for editors and for the API's description. */
import type { JsonObject } from '../model.ts';

export const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

const scalar: JsonObject = { type: ['string', 'number', 'boolean'] };
const quantity: JsonObject = {
  type: ['number', 'string'],
  description: 'A number, or money: $200, 200 EUR. A number beside amount is in the currency of the capability.',
};
const scalars: JsonObject = { type: 'array', items: scalar, maxItems: 10_000 };

const operators: JsonObject = {
  eq: { ...scalar, description: 'Equal, of the same type.' },
  ne: { ...scalar, description: 'Not equal, of the same type.' },
  in: { ...scalars, description: 'One of the list. Beside to.domain, *.acme.com means everything below acme.com.' },
  notIn: { ...scalars, description: 'None of the list.' },
  lt: quantity,
  lte: quantity,
  gt: quantity,
  gte: quantity,
  between: { type: 'array', items: quantity, minItems: 2, maxItems: 2, description: 'Both bounds belong to it.' },
  startsWith: { type: 'string', minLength: 1 },
  endsWith: { type: 'string', minLength: 1 },
  contains: { ...scalar, description: 'A part of the text, or an element of the list.' },
  domainIn: {
    type: ['string', 'array'],
    items: { type: 'string' },
    description: 'The host name, e-mail address or web address leads to one of these domains.',
  },
  pathUnder: {
    type: ['string', 'array'],
    items: { type: 'string' },
    description: 'An absolute path in one of these folders.',
  },
  matches: { type: 'string', minLength: 1, maxLength: 500, description: 'The whole text matches this RE2 pattern.' },
  exists: { type: 'boolean', description: 'The field is given, or is not.' },
  within: {
    type: 'string',
    pattern: '^[1-9][0-9]*[smhdw]$',
    description: 'Beside done(…) and approved(…): how fresh it has to be. Beside first_use(…): how far back it looks.',
  },
};

const test: JsonObject = {
  type: 'object',
  required: ['field'],
  additionalProperties: false,
  oneOf: Object.keys(operators).map((operator) => ({ required: [operator] })),
  properties: {
    field: {
      type: 'string',
      description:
        'An argument (target, args.customer.id, items[].sku), to.domain, payee, amount, action, provenance, risk, done(tests.run), approved(review), first_use(payee), or a window: rate.per_day, count(24h), sum(payments, 24h).',
      examples: ['to.domain', 'amount', 'rate.per_day', 'rate.per_hour', 'sum(payments, 24h)', 'action', 'target'],
    },
    ...operators,
    scope: {
      enum: ['session', 'agent', 'role', 'owner', 'workspace'],
      description:
        'Windows: who shares the counter. first_use(…): whose use counts. done(…), approved(…): whose call it has to be; the session when left out.',
    },
    bind: {
      type: ['array', 'object'],
      items: { type: 'string' },
      additionalProperties: { type: 'string' },
      description: 'done(…), approved(…): arguments that must be the same, or { theirs: ours }.',
      examples: [['build'], { build_id: 'build' }],
    },
    over: {
      type: 'array',
      items: { type: 'string' },
      minItems: 1,
      description: 'Windows: the capabilities that are counted. first_use(…): those whose calls use a value.',
    },
    per: {
      type: 'string',
      description: 'Windows only: a counter for each value of payee, session, action, or an argument.',
      examples: ['payee', 'session', 'customer_id'],
    },
    unattended: {
      const: true,
      description: 'Windows only: counts what no person had approved. Beside effect: allow and otherwise: review.',
    },
  },
};

export const verdict: JsonObject = {
  enum: [
    'allow',
    'deny',
    'review',
    'block',
    'approve',
    'hold',
    'pending',
    'pending_approval',
    'needs-approval',
    'require_approval',
  ],
  description: 'allow, deny or review; the other words are accepted for them and written back as these.',
};

export const guardDefinitions: JsonObject = {
  when: {
    oneOf: [
      test,
      ...['all', 'any'].map((joint) => ({
        type: 'object',
        required: [joint],
        additionalProperties: false,
        properties: { [joint]: { type: 'array', minItems: 1, maxItems: 50, items: { $ref: '#/$defs/when' } } },
      })),
      { type: 'object', required: ['not'], additionalProperties: false, properties: { not: { $ref: '#/$defs/when' } } },
    ],
  },
  guard: {
    oneOf: [
      { type: 'string', description: 'A console rule: payments: amount > $200 require approval' },
      {
        type: 'object',
        required: ['id', 'action', 'when', 'effect'],
        additionalProperties: false,
        properties: {
          id: { type: 'string', pattern: '^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$' },
          action: {
            type: 'string',
            description: 'A capability, crm.* for all of a namespace, or *.',
            examples: ['mail.send', 'crm.*', '*'],
          },
          when: { $ref: '#/$defs/when' },
          effect: { ...verdict, description: 'The verdict when the condition holds.' },
          approval: {
            type: 'object',
            additionalProperties: false,
            description: 'Who must approve what the guard holds: effect or otherwise is review.',
            properties: {
              people: { type: 'integer', minimum: 1, maximum: 10, description: 'Different people; 1 unless stated.' },
              groups: {
                type: 'array',
                items: { type: 'string', pattern: '^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$' },
                minItems: 1,
                maxItems: 10,
                uniqueItems: true,
                description: 'Each is spoken for by a person of its own.',
              },
              within: { type: 'string', description: '1m to 30d; 1h unless stated. No answer is a denial.' },
            },
          },
          mode: {
            enum: ['enforce', 'shadow'],
            description: 'In shadow it is evaluated and recorded, and refuses nothing.',
          },
          otherwise: {
            ...verdict,
            description: 'The verdict when it does not: deny beside effect: allow, else allow, unless stated.',
          },
        },
      },
    ],
  },
};

export const guards: JsonObject = { type: 'array', maxItems: 500, items: { $ref: '#/$defs/guard' } };
