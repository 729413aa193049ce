/** Acme: its people, what its agents can do, and under which roles. Sample data, all of it made up. */

export interface Person {
  readonly name: string;
  /** In HiveKey itself. */
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** What the person may approve, in US dollars a call; absent: all. */
  readonly authorityUsd?: number;
  readonly manager?: string;
}

export const emailOf = (name: string): string => `${name}@acme.example`;

export const PEOPLE: readonly Person[] = [
  { name: 'ciso', roles: ['admin', 'reviewer'], groups: ['security'] },
  { name: 'sre', roles: ['author', 'operator'], groups: ['platform'], manager: 'eva' },
  { name: 'eva', roles: ['approver', 'reviewer'], groups: ['data', 'platform'], manager: 'ciso' },
  { name: 'dana', roles: ['author', 'operator'], groups: ['finance-ops'], manager: 'lee' },
  { name: 'lee', roles: ['approver', 'reviewer'], groups: ['finance'], authorityUsd: 5_000, manager: 'ciso' },
  { name: 'gil', roles: ['approver'], groups: ['finance'], authorityUsd: 5_000, manager: 'lee' },
  { name: 'omar', roles: ['viewer'], groups: ['support'], manager: 'mia' },
  { name: 'mia', roles: ['approver', 'reviewer'], groups: ['support'], authorityUsd: 500, manager: 'ana' },
  { name: 'ana', roles: ['approver', 'reviewer'], groups: ['support'], authorityUsd: 1_000, manager: 'ciso' },
  { name: 'tess', roles: ['approver'], groups: ['support'], authorityUsd: 500, manager: 'ana' },
  { name: 'kim', roles: ['author'], groups: ['marketing'], manager: 'ana' },
  { name: 'raj', roles: ['approver'], groups: ['data', 'platform'], manager: 'eva' },
  { name: 'noor', roles: ['viewer'], groups: ['people'], manager: 'ciso' },
  { name: 'soc1', roles: ['operator'], groups: ['security'], manager: 'ciso' },
  { name: 'val', roles: ['auditor'], groups: ['internal-audit'] },
];

interface Field {
  readonly type: 'string' | 'integer' | 'number';
}

interface Capability {
  readonly name: string;
  readonly description: string;
  readonly access: 'read' | 'write';
  readonly destructive?: boolean;
  readonly impact?: Readonly<Record<string, unknown>>;
  readonly fields: Readonly<Record<string, Field['type']>>;
}

const money = { field: 'amount', currency: 'USD' };

export const CAPABILITIES: readonly Capability[] = [
  {
    name: 'payments.transfer',
    description: 'Pays the invoice of a vendor',
    access: 'write',
    destructive: true,
    impact: { usd: money },
    fields: { vendor: 'string', amount: 'number', invoice: 'string' },
  },
  { name: 'ledger.read', description: 'Reads open invoices', access: 'read', fields: { account: 'string' } },
  {
    name: 'refunds.issue',
    description: 'Gives a customer money back',
    access: 'write',
    impact: { usd: money },
    fields: { order: 'string', amount: 'number' },
  },
  {
    name: 'crm.read',
    description: 'Reads customer records',
    access: 'read',
    impact: { records_read: { field: 'rows' } },
    fields: { segment: 'string', rows: 'integer' },
  },
  {
    name: 'crm.export',
    description: 'Writes customer records to a file',
    access: 'read',
    impact: { records_read: { field: 'rows' } },
    fields: { segment: 'string', rows: 'integer' },
  },
  {
    name: 'crm.delete',
    description: 'Deletes a customer record',
    access: 'write',
    destructive: true,
    fields: { customer: 'string' },
  },
  {
    name: 'warehouse.query',
    description: 'Runs a query on the reporting warehouse',
    access: 'read',
    fields: { report: 'string' },
  },
  { name: 'tickets.read', description: 'Reads a support ticket', access: 'read', fields: { ticket: 'string' } },
  {
    name: 'tickets.reply',
    description: 'Answers a support ticket',
    access: 'write',
    impact: { messages: 1 },
    fields: { ticket: 'string', template: 'string' },
  },
  {
    name: 'email.send_external',
    description: 'Sends a message outside',
    access: 'write',
    impact: { messages: 1 },
    fields: { to: 'string', template: 'string' },
  },
  {
    name: 'enrichment.lookup',
    description: 'Looks a company up at the enrichment provider',
    access: 'read',
    fields: { company: 'string' },
  },
  {
    name: 'deploy.staging',
    description: 'Rolls a version out to staging',
    access: 'write',
    fields: { service: 'string', version: 'string' },
  },
  {
    name: 'deploy.production',
    description: 'Rolls a version out to production',
    access: 'write',
    destructive: true,
    fields: { service: 'string', version: 'string' },
  },
  {
    name: 'hr.read',
    description: 'Reads the calendar of joiners and leavers',
    access: 'read',
    fields: { month: 'string' },
  },
  {
    name: 'hr.update',
    description: 'Changes the state of an onboarding task',
    access: 'write',
    fields: { task: 'string', state: 'string' },
  },
];

export function capabilityDocument({ fields, name, description, ...rest }: Capability): object {
  const properties = Object.fromEntries(Object.entries(fields).map(([field, type]) => [field, { type }]));
  return {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Capability',
    metadata: { name, description },
    ...rest,
    input_schema: { type: 'object', properties, required: Object.keys(fields), additionalProperties: false },
  };
}

/** Whose answers are the company's own: the rest could carry words of strangers. */
export const SOURCES = {
  apiVersion: 'policy.hivekey.ai/v1',
  kind: 'Sources',
  trusted: [...new Set(CAPABILITIES.map(({ name }) => `${name.split('.')[0]}.*`)), 'files.*'],
  untrusted: [],
  unmarked: 'untrusted',
};

export interface Guard {
  readonly id: string;
  readonly action: string;
  readonly when: Readonly<Record<string, unknown>>;
  readonly effect: 'allow' | 'deny' | 'review';
  readonly otherwise?: 'allow' | 'deny' | 'review';
  readonly approval?: { readonly people?: number; readonly groups?: readonly string[]; readonly within?: string };
}

export interface Role {
  readonly name: string;
  readonly description: string;
  readonly allow: readonly string[];
  readonly guards: readonly Guard[];
}

export const VENDORS = Array.from({ length: 40 }, (_, i) => `V-${200 + i * 7}`);

const atMost = (id: string, action: string, field: string, lte: number | string): Guard => ({
  id,
  action,
  when: { field, lte },
  effect: 'allow',
  otherwise: 'deny',
});

export const ROLES: readonly Role[] = [
  {
    name: 'accounts-payable-l1',
    description: 'Pays invoices of known vendors within a daily cap; a person decides above $1,000',
    allow: ['payments.transfer', 'ledger.read', 'crm.read'],
    guards: [
      {
        id: 'g_payees',
        action: 'payments.transfer',
        when: { field: 'vendor', in: VENDORS },
        effect: 'allow',
        otherwise: 'deny',
      },
      atMost('g_pay_cap', 'payments.transfer', 'amount', '$5000'),
      {
        id: 'g_pay_approval',
        action: 'payments.transfer',
        when: { field: 'amount', gt: '$1000' },
        effect: 'review',
        approval: { people: 1, groups: ['finance'], within: '8h' },
      },
      atMost('g_pay_day', 'payments.transfer', 'sum(payments, 24h)', '$10000'),
      atMost('g_rows', 'crm.read', 'rows', 100),
    ],
  },
  {
    name: 'refunds-l1',
    description: 'Gives small refunds and tells the customer',
    allow: ['refunds.issue', 'crm.read', 'email.send_external'],
    guards: [
      atMost('g_refund_cap', 'refunds.issue', 'amount', '$200'),
      {
        id: 'g_refund_approval',
        action: 'refunds.issue',
        when: { field: 'amount', gt: '$120' },
        effect: 'review',
        approval: { people: 1, groups: ['support'], within: '4h' },
      },
      atMost('g_refund_day', 'refunds.issue', 'sum(refunds, 24h)', '$1500'),
      atMost('g_rows', 'crm.read', 'rows', 50),
      atMost('g_mail_rate', 'email.send_external', 'rate.per_hour', 20),
    ],
  },
  {
    name: 'support-reader',
    description: 'Looks customers and tickets up, and changes nothing',
    allow: ['crm.read', 'tickets.read'],
    guards: [
      atMost('g_rows', 'crm.read', 'rows', 25),
      atMost('g_rows_day', 'crm.read', 'sum(records_read, 24h)', 5_000),
    ],
  },
  {
    name: 'support-writer',
    description: 'Answers tickets',
    allow: ['tickets.read', 'tickets.reply'],
    guards: [atMost('g_reply_rate', 'tickets.reply', 'rate.per_hour', 60)],
  },
  {
    name: 'outreach',
    description: 'Writes to leads that were looked up',
    allow: ['crm.read', 'email.send_external', 'enrichment.lookup'],
    guards: [
      atMost('g_rows', 'crm.read', 'rows', 50),
      atMost('g_mail_rate', 'email.send_external', 'rate.per_hour', 30),
    ],
  },
  {
    name: 'data-export',
    description: 'Runs reports; a person decides about exports of customers',
    allow: ['crm.export', 'warehouse.query'],
    guards: [
      {
        id: 'g_export',
        action: 'crm.export',
        when: { field: 'rows', gt: 0 },
        effect: 'review',
        approval: { people: 1, groups: ['data'], within: '6h' },
      },
      atMost('g_export_rows', 'crm.export', 'rows', 5_000),
    ],
  },
  {
    name: 'deployer',
    description: 'Rolls versions out; a person decides about production',
    allow: ['deploy.staging', 'deploy.production'],
    guards: [
      {
        id: 'g_production',
        action: 'deploy.production',
        when: { field: 'service', exists: true },
        effect: 'review',
        approval: { people: 1, groups: ['platform'], within: '2h' },
      },
      atMost('g_deploy_rate', 'deploy.staging', 'rate.per_hour', 12),
    ],
  },
  {
    name: 'people-ops',
    description: 'Follows joiners and leavers',
    allow: ['hr.read', 'hr.update'],
    guards: [atMost('g_hr_rate', 'hr.update', 'rate.per_hour', 20)],
  },
  {
    name: 'file-clerk',
    description: 'Reads and lists the files of the handbook over MCP',
    allow: ['files.read_text_file', 'files.list_directory'],
    guards: [
      {
        id: 'g_no_keys',
        action: 'files.read_text_file',
        when: { field: 'path', endsWith: '.key' },
        effect: 'deny',
        otherwise: 'allow',
      },
    ],
  },
];

export function roleDocument({ name, description, allow, guards }: Role): object {
  return {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Role',
    metadata: { name, description },
    scope: { allow },
    guards,
  };
}

export interface AgentPlan {
  readonly name: string;
  readonly roles: readonly string[];
  readonly owner: string;
  readonly deputies: readonly string[];
  readonly tier: 'low' | 'medium' | 'high' | 'critical';
  /** How much of the work is its. */
  readonly weight: number;
  /** Absent: before the period. */
  readonly createdAt?: string;
}

function agents(
  names: readonly string[],
  roles: readonly string[],
  owner: string,
  deputies: readonly string[],
  tier: AgentPlan['tier'],
  weight: number,
): AgentPlan[] {
  return names.map((name) => ({ name, roles, owner, deputies, tier, weight }));
}

/** In force at the beginning of the period. */
export const AGENTS: readonly AgentPlan[] = [
  ...agents(['ap-bot', 'ap-bot-emea'], ['accounts-payable-l1'], 'dana', ['lee'], 'critical', 2),
  ...agents(['invoice-matcher'], ['accounts-payable-l1', 'data-export'], 'dana', ['lee'], 'high', 1),
  ...agents(['refund-helper', 'refund-helper-eu'], ['refunds-l1'], 'omar', ['mia'], 'high', 2),
  ...agents(['refund-nights'], ['refunds-l1', 'support-reader'], 'mia', ['ana'], 'high', 1),
  ...agents(
    ['support-bot-1', 'support-bot-2', 'support-bot-3', 'support-bot-4', 'support-bot-5', 'support-bot-6'],
    ['support-reader', 'support-writer'],
    'ana',
    ['mia'],
    'medium',
    5,
  ),
  ...agents(['ticket-triage', 'ticket-router'], ['support-reader', 'support-writer'], 'mia', ['ana'], 'medium', 4),
  ...agents(['customer-360', 'churn-watch'], ['support-reader'], 'ana', ['mia'], 'medium', 8),
  ...agents(['lead-mailer', 'newsletter', 'event-invites'], ['outreach'], 'kim', ['ana'], 'medium', 3),
  ...agents(['lead-scorer'], ['outreach', 'support-reader'], 'kim', ['ana'], 'medium', 3),
  ...agents(['report-bot', 'revenue-report', 'kpi-digest'], ['data-export'], 'raj', ['eva'], 'medium', 2),
  ...agents(['export-desk'], ['data-export', 'support-reader'], 'raj', ['eva'], 'high', 1),
  ...agents(['deploy-bot', 'release-train'], ['deployer'], 'sre', ['eva'], 'high', 2),
  ...agents(['rollback-bot'], ['deployer', 'data-export'], 'sre', ['eva'], 'high', 1),
  ...agents(['onboarding', 'offboarding', 'leave-desk'], ['people-ops'], 'noor', ['ciso'], 'medium', 1),
  ...agents(['handbook-bot', 'policy-search'], ['file-clerk'], 'noor', ['ciso'], 'low', 1),
  ...agents(['wiki-helper'], ['file-clerk', 'support-writer'], 'mia', ['ana'], 'low', 1),
  ...agents(['quarterly-close'], ['accounts-payable-l1', 'data-export'], 'dana', ['lee'], 'critical', 0.4),
  ...agents(['contract-search'], ['file-clerk', 'support-reader'], 'lee', ['gil'], 'low', 1),
  ...agents(['old-importer'], ['support-reader'], 'raj', ['eva'], 'low', 0.5),
];

/** Asked for and let in during the period. */
export const NEWCOMERS: readonly AgentPlan[] = [
  {
    name: 'dunning-bot',
    roles: ['outreach'],
    owner: 'kim',
    deputies: ['ana'],
    tier: 'medium',
    weight: 2,
    createdAt: '2026-07-09T09:00:00Z',
  },
  {
    name: 'support-bot-7',
    roles: ['support-reader', 'support-writer'],
    owner: 'ana',
    deputies: ['mia'],
    tier: 'medium',
    weight: 5,
    createdAt: '2026-07-22T08:30:00Z',
  },
  {
    name: 'vendor-check',
    roles: ['accounts-payable-l1'],
    owner: 'dana',
    deputies: ['lee'],
    tier: 'high',
    weight: 1,
    createdAt: '2026-08-05T10:00:00Z',
  },
  {
    name: 'canary-deploy',
    roles: ['deployer'],
    owner: 'sre',
    deputies: ['eva'],
    tier: 'high',
    weight: 1,
    createdAt: '2026-08-19T13:00:00Z',
  },
  {
    name: 'returns-bot',
    roles: ['refunds-l1', 'support-reader'],
    owner: 'mia',
    deputies: ['ana'],
    tier: 'high',
    weight: 2,
    createdAt: '2026-09-03T09:15:00Z',
  },
  {
    name: 'survey-mailer',
    roles: ['outreach', 'support-reader'],
    owner: 'kim',
    deputies: ['ana'],
    tier: 'medium',
    weight: 2,
    createdAt: '2026-09-15T11:00:00Z',
  },
];
