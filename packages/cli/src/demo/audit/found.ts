/** How Acme sets HiveKey up before the period begins. */
import { type AgentRequest, HiveKey, type Key, type Token } from '@hivekey/sdk';
import { CHANGE_SETTINGS, type ChangeDesk } from './changes.ts';
import {
  type AgentPlan,
  CAPABILITIES,
  capabilityDocument,
  emailOf,
  PEOPLE,
  ROLES,
  roleDocument,
  SOURCES,
} from './company.ts';
import { setReviewPolicy } from './reviews.ts';
import { planDrills, watchLog } from './security.ts';
import { personOf, type Sample } from './stage.ts';

const MINUTE = 60_000;
const TOKEN_DAYS = 180;

/** Roles that no agent wears two of. */
const DUTIES = [
  {
    name: 'pays and refunds',
    roles: ['accounts-payable-l1', 'refunds-l1'],
    reason: 'Whoever pays vendors gives no money back.',
  },
  { name: 'staff and money', roles: ['people-ops', 'accounts-payable-l1'], reason: 'Staff records and payments.' },
];

const COMPANY = 'Acme (sample data)';

export async function found(
  sample: Sample,
  desk: ChangeDesk,
  startMs: number,
  plans: readonly AgentPlan[],
): Promise<void> {
  const { admin, clock } = sample;
  await admin.request('PATCH', '/v1/workspace', { body: { name: COMPANY } });
  await hire(sample);
  await tuneDetections(sample);
  await watchLog(sample);
  await setReviewPolicy(sample);
  await admin.request('PUT', '/v1/workspace/sources', { body: SOURCES });
  await admin.request('PATCH', '/v1/agent-settings', { body: { admission: 'reviewed' } });
  await admin.request('PUT', '/v1/change-settings', { body: CHANGE_SETTINGS });
  await clock.moveTo(startMs + 30 * MINUTE, { upkeep: true });
  await desk.now({
    title: 'The first capabilities and roles',
    justification: 'What agents of Acme may do, as it was agreed with the owners.',
    ticket: 'SEC-1',
    ...{ author: 'sre', reviewer: 'ciso' },
    operations: () => [
      ...CAPABILITIES.map((each) => ({ type: 'capability', id: each.name, document: capabilityDocument(each) })),
      ...ROLES.map((role) => ({ type: 'role', id: role.name, document: roleDocument(role) })),
    ],
  });
  for (const [i, plan] of plans.entries()) {
    await clock.moveTo(startMs + (120 + 40 * i) * MINUTE, { upkeep: i % 18 === 17 });
    await admit(sample, plan);
  }
  await planDrills(sample, plans);
  for (const set of DUTIES) await personOf(sample, 'ciso').request('POST', '/v1/segregation', { body: set });
}

async function hire({ admin, people, url }: Sample): Promise<void> {
  for (const { name, roles, groups, authorityUsd } of PEOPLE) {
    const email = emailOf(name);
    await admin.request('POST', '/v1/people', { body: { email, display_name: name } });
    const authority = authorityUsd === undefined ? null : [{ capability: '*', max: { usd: authorityUsd * 100 } }];
    await admin.request('PATCH', `/v1/people/${email}`, { body: { roles, groups, authority } });
    const { key } = await admin.request<Key>('POST', '/v1/keys', { body: { name, person: email, roles } });
    people.set(name, new HiveKey({ url, key: key ?? '', userAgent: 'hivekey-console' }));
  }
}

/** What the security team sets for a company of this size, and for an hourly clock. */
const DETECTIONS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  D03: { known_days: 30 },
  D10: { checkpoint_seconds: 3_600, clock_step_seconds: 60 },
};

async function tuneDetections(sample: Sample): Promise<void> {
  for (const [rule, parameters] of Object.entries(DETECTIONS))
    await personOf(sample, 'ciso').request('PUT', `/v1/detections/${rule}`, { body: { enabled: true, parameters } });
}

/** Asked for by its owner's team, let in by somebody else, then given a credential. */
export async function admit(sample: Sample, plan: AgentPlan): Promise<void> {
  const { clock } = sample;
  const { name, roles, owner, deputies, tier } = plan;
  const asker = ['omar', 'noor', 'raj', 'gil'].includes(owner) ? 'dana' : owner;
  const canAsk = PEOPLE.some((person) => person.name === owner && !person.roles.includes('viewer'));
  const { id } = await personOf(sample, canAsk ? owner : asker).request<AgentRequest>('POST', '/v1/agent-requests', {
    body: {
      ...{ name, roles, risk_tier: tier, owner: emailOf(owner), deputies: deputies.map(emailOf) },
      reason: `Sample: ${roles.join(' and ')} for the team of ${owner}`,
      metadata: { sample: 'true', team: owner },
      attributes: { model: 'sample-model-4', prompt_version: '1' },
    },
  });
  await clock.moveTo(clock.now() + 20 * MINUTE);
  await personOf(sample, owner === 'ciso' || canAsk ? 'ciso' : 'eva').request(
    'POST',
    `/v1/agent-requests/${id}/approve`,
    { body: { reason: 'Scope and owner were checked.' } },
  );
  await clock.moveTo(clock.now() + 10 * MINUTE);
  await mint(sample, name);
}

export async function mint({ tokens, people }: Sample, agent: string): Promise<void> {
  const { token } = await personOf({ people }, 'sre').request<Token>('POST', '/v1/tokens', {
    body: { agent, expires_in_seconds: TOKEN_DAYS * 86_400 },
  });
  tokens.set(agent, token ?? '');
}
