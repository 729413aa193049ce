/**
 * The certification scenario of the Authorization API 1.0 (openid/authzen, certification/authorization-api-1_0-scenario.md)
 * as data: the number of the test, what is sent, what has to come back. Its subjects have the type `user`; here
 * they are agents.
 */
const ALICE = { type: 'agent', id: 'alice' };
const BOB = { type: 'agent', id: 'bob' };
const ADMIN_BOB = { ...BOB, properties: { role: 'admin' } };
const READ = { name: 'read' };
const WRITE = { name: 'write' };
const ONE = { type: 'record', id: 'record-1' };
const ACTIVE = { ...ONE, properties: { status: 'active' } };
const ARCHIVED = { type: 'record', id: 'record-2', properties: { status: 'archived' } };
const TWO = { type: 'record', id: 'record-2' };
const CONTEXT = { time: '2025-06-27T18:03-07:00', ip: '192.168.1.1' };

export interface Case {
  readonly id: string;
  readonly request: object;
  /** Of an evaluation: the decision; of a batch: one for each, null where only its shape counts. */
  readonly decision?: boolean;
  readonly decisions?: readonly (boolean | null)[];
  readonly status?: number;
}

export const EVALUATION: readonly Case[] = [
  { id: '2.2.1 permit', request: { subject: ALICE, action: READ, resource: ONE }, decision: true },
  { id: '1.4 rule 2', request: { subject: ALICE, action: WRITE, resource: ONE }, decision: true },
  { id: '1.4 rule 3', request: { subject: BOB, action: READ, resource: ONE }, decision: true },
  { id: '2.2.2 deny', request: { subject: BOB, action: WRITE, resource: ONE }, decision: false },
  {
    id: '2.2.3 context',
    request: { subject: ALICE, action: READ, resource: ONE, context: CONTEXT },
    decision: true,
  },
  { id: '2.2.4 resource properties', request: { subject: ALICE, action: WRITE, resource: ARCHIVED }, decision: false },
  {
    id: '2.2.5 subject properties',
    request: { subject: ADMIN_BOB, action: WRITE, resource: ARCHIVED },
    decision: true,
  },
  {
    id: '2.2.6 action properties',
    request: { subject: ALICE, action: { name: 'delete', properties: { soft: true } }, resource: ONE },
    decision: true,
  },
  {
    id: '2.2.7 action properties',
    request: { subject: ALICE, action: { name: 'delete', properties: { soft: false } }, resource: ONE },
    decision: false,
  },
  {
    id: '2.2.8 additional properties',
    request: {
      subject: { ...ALICE, properties: { department: 'Sales', role: 'manager' } },
      action: { name: 'read', properties: { method: 'GET' } },
      resource: { ...ONE, properties: { status: 'active', owner: 'bob' } },
    },
    decision: true,
  },
  {
    id: '2.2.9 unknown fields',
    request: { subject: ALICE, action: READ, resource: ONE, foo: 'bar', futureField: { nested: true } },
    decision: true,
  },
  { id: '2.4.1 no subject', request: { action: READ, resource: ONE }, status: 400 },
  { id: '2.4.1 no action', request: { subject: ALICE, resource: ONE }, status: 400 },
  { id: '2.4.1 no resource', request: { subject: ALICE, action: READ }, status: 400 },
  { id: '2.4.2 no subject.type', request: { subject: { id: 'alice' }, action: READ, resource: ONE }, status: 400 },
  { id: '2.4.2 no subject.id', request: { subject: { type: 'agent' }, action: READ, resource: ONE }, status: 400 },
  { id: '2.4.2 no action.name', request: { subject: ALICE, action: {}, resource: ONE }, status: 400 },
  {
    id: '2.4.2 no resource.type',
    request: { subject: ALICE, action: READ, resource: { id: 'record-1' } },
    status: 400,
  },
  { id: '2.4.2 no resource.id', request: { subject: ALICE, action: READ, resource: { type: 'record' } }, status: 400 },
  { id: '2.4.6 subject is a string', request: { subject: 'alice', action: READ, resource: ONE }, status: 400 },
  {
    id: '2.4.6 action.name is a number',
    request: { subject: ALICE, action: { name: 123 }, resource: ONE },
    status: 400,
  },
];

export const EVALUATIONS: readonly Case[] = [
  {
    id: '3.2.1 batch',
    request: { subject: ALICE, action: READ, evaluations: [{ resource: ONE }, { resource: TWO }] },
    decisions: [null, null],
  },
  {
    id: '3.2.2 decisions in order',
    request: { subject: BOB, resource: ONE, evaluations: [{ action: READ }, { action: WRITE }] },
    decisions: [true, false],
  },
  {
    id: '3.2.3 resource properties',
    request: { subject: ALICE, action: WRITE, evaluations: [{ resource: ACTIVE }, { resource: ARCHIVED }] },
    decisions: [true, false],
  },
  {
    id: '3.2.4 subject properties',
    request: { action: WRITE, resource: ARCHIVED, evaluations: [{ subject: ALICE }, { subject: ADMIN_BOB }] },
    decisions: [false, true],
  },
  {
    id: '3.2.5 no defaults',
    request: {
      evaluations: [
        { subject: ALICE, action: READ, resource: ONE },
        { subject: BOB, action: WRITE, resource: ONE },
      ],
    },
    decisions: [true, false],
  },
  {
    id: '3.2.6 context inherited',
    request: {
      subject: ALICE,
      action: READ,
      context: CONTEXT,
      evaluations: [{ resource: ONE }, { resource: TWO, context: { ...CONTEXT, source: 'batch-override' } }],
    },
    decisions: [null, null],
  },
  {
    id: '3.2.7 defaults replaced whole',
    request: { subject: ALICE, action: WRITE, resource: ACTIVE, evaluations: [{}, { resource: ARCHIVED }] },
    decisions: [true, false],
  },
  {
    id: '3.4.1 an incomplete evaluation',
    request: {
      subject: ALICE,
      action: READ,
      options: { evaluations_semantic: 'execute_all' },
      evaluations: [{ resource: ONE }, {}],
    },
    decisions: [true, false],
  },
  { id: '3.4.2 no evaluations', request: { subject: ALICE, action: READ, resource: ONE }, decision: true },
  { id: '3.4.3 empty', request: { subject: ALICE, action: READ, resource: ONE, evaluations: [] }, decision: true },
  { id: 'no evaluations, incomplete', request: { subject: ALICE, action: READ }, status: 400 },
  { id: 'a default that is no object', request: { subject: 'alice', evaluations: [{}] }, status: 400 },
  {
    id: 'an unknown semantic',
    request: { options: { evaluations_semantic: 'first' }, evaluations: [{}] },
    status: 400,
  },
];

export interface Search {
  readonly id: string;
  readonly request: object;
  /** Ids or names that must be among the results; the whole result where `exactly`. */
  readonly holds?: readonly string[];
  readonly exactly?: readonly string[];
  readonly status?: number;
}

const KIND = { type: 'agent' };

export const SUBJECT_SEARCH: readonly Search[] = [
  { id: '4.2.1', request: { subject: KIND, action: READ, resource: ONE }, holds: ['alice', 'bob'] },
  {
    id: '4.2.2 context',
    request: { subject: KIND, action: READ, resource: ONE, context: CONTEXT },
    holds: ['alice', 'bob'],
  },
  { id: '4.2.3 id ignored', request: { subject: ALICE, action: READ, resource: ONE }, holds: ['alice', 'bob'] },
  {
    id: '4.2.4 properties',
    request: { subject: { ...KIND, properties: { role: 'admin' } }, action: WRITE, resource: ARCHIVED },
    exactly: ['bob'],
  },
  { id: '4.6.2 unknown type', request: { subject: { type: 'spaceship' }, action: READ, resource: ONE }, exactly: [] },
  { id: '4.7.1 no action', request: { subject: KIND, resource: ONE }, status: 400 },
  { id: '4.7.2 no resource.id', request: { subject: KIND, action: READ, resource: { type: 'record' } }, status: 400 },
];

export const ACTION_SEARCH: readonly Search[] = [
  { id: '4.4.1', request: { subject: ALICE, resource: ONE }, exactly: ['read', 'write'] },
  { id: '4.4.2 context', request: { subject: ALICE, resource: ONE, context: CONTEXT }, exactly: ['read', 'write'] },
  { id: '4.4.3 properties', request: { subject: ADMIN_BOB, resource: ARCHIVED }, exactly: ['read', 'write'] },
  { id: '4.6.1 unknown subject', request: { subject: { ...KIND, id: 'nobody' }, resource: ONE }, exactly: [] },
  { id: '4.6.2 unknown type', request: { subject: ALICE, resource: { type: 'spaceship', id: '1' } }, exactly: [] },
  { id: '4.7.1 no resource', request: { subject: ALICE }, status: 400 },
  { id: '4.7.2 no subject.id', request: { subject: KIND, resource: ONE }, status: 400 },
];
