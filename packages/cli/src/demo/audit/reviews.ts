/** The access review of the quarter: launched by its schedule, decided by those it names, carried out, checked, signed, closed. */
import {
  type Change,
  type HiveKey,
  HiveKeyError,
  type List,
  type Review,
  type ReviewItem,
  type ReviewRecheck,
  type ReviewRemediation,
} from '@hivekey/sdk';
import type { ChangeDesk } from './changes.ts';
import { emailOf } from './company.ts';
import { personOf, type Sample } from './stage.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const REVIEW = 'AR-2026-Q3';

const POLICY = {
  text: 'Access of agents is reviewed each quarter by people who neither own nor made it. Silence suspends.',
  ...{ owner: emailOf('ciso'), superior: emailOf('eva') },
  ...{ cycle: 'quarterly', launch_days_before_end: 30, due_days: 11 },
  types: ['assignment', 'role'],
  events: { owner_moved: false, role_widened: false, blast_radius_up: false, unused: false, due_days: 7 },
  remediation_days: { normal: 7, privileged: 3 },
  silence: 'suspend',
  ...{ bulk_cap: 0, recheck_share: 0.1 },
  reviewers: {
    managers: Object.entries({
      dana: 'lee',
      omar: 'mia',
      mia: 'ana',
      ana: 'eva',
      kim: 'ana',
      raj: 'eva',
      sre: 'eva',
      noor: 'lee',
      lee: 'eva',
    }).map(([person, reviewer]) => ({ of: { person: emailOf(person) }, reviewer: emailOf(reviewer) })),
    role_owners: Object.entries({
      'accounts-payable-l1': 'lee',
      'refunds-l1': 'ana',
      'support-reader': 'eva',
      'support-writer': 'eva',
      outreach: 'ana',
      'data-export': 'lee',
      deployer: 'eva',
      'people-ops': 'lee',
      'file-clerk': 'eva',
    }).map(([role, reviewer]) => ({ role, reviewer: emailOf(reviewer) })),
    data_owners: [],
    fallbacks: ['gil', 'eva', 'ana', 'lee', 'raj'].map(emailOf),
  },
};

/** By subject: agent and role, or role alone. */
const REVOKED: Readonly<Record<string, string>> = {
  'lead-mailer outreach': 'The campaign has ended.',
  'old-importer support-reader': 'It has done nothing of use since the new importer is there.',
  'refund-nights support-reader': 'It gives refunds; tickets are read by others.',
};

const MODIFIED: Readonly<
  Record<string, { readonly guard: string; readonly lte: number | string; readonly why: string }>
> = {
  'accounts-payable-l1': { guard: 'g_pay_day', lte: '$6000', why: 'Never more than $5,900 was paid in a day.' },
  'support-reader': { guard: 'g_rows', lte: 20, why: 'No lookup had more than ten rows.' },
  outreach: { guard: 'g_rows', lte: 40, why: 'Lead lists have at most thirty rows.' },
  'data-export': { guard: 'g_export_rows', lte: 3_000, why: 'The largest export had 2,000 rows.' },
  'support-writer': { guard: 'g_reply_rate', lte: 50, why: 'Never more than forty replies in an hour.' },
};

export async function setReviewPolicy(sample: Sample): Promise<void> {
  await personOf(sample, 'ciso').request('PUT', '/v1/review-policy', {
    body: { ...POLICY, reason: 'As agreed with internal audit.' },
  });
}

export function planReview(sample: Sample, desk: ChangeDesk): void {
  const { agenda } = sample;
  agenda.on('2026-09-03T08:00:00Z', () => decideAll(sample, desk));
  agenda.on('2026-09-10T09:00:00Z', () => carryOut(sample, desk));
  agenda.on('2026-09-11T14:00:00Z', () => signAndClose(sample));
}

/** Each reviewer opens an item, looks, and decides; over a few working days. */
async function decideAll(sample: Sample, desk: ChangeDesk): Promise<void> {
  const { clock, agenda, random } = sample;
  const items = await personOf(sample, 'ciso').all<ReviewItem>(`/v1/reviews/${REVIEW}/items`);
  let atMs = clock.now();
  for (const item of items)
    for (const { reviewer } of item.reviewers) {
      atMs += random.integer(8, 40) * MINUTE;
      if (new Date(atMs).getUTCHours() >= 17) atMs = Math.floor(atMs / DAY) * DAY + DAY + 8 * HOUR;
      agenda.at(atMs, async () => {
        const person = personOf(sample, nameOf(reviewer));
        const path = `/v1/reviews/${REVIEW}/items/${item.id}`;
        await person.request('POST', `${path}/open`, { body: {} });
        await clock.moveTo(clock.now() + random.integer(25, 240) * 1_000);
        await person.request('POST', `${path}/decide`, { body: decisionOf(item, desk) });
      });
    }
}

function decisionOf(item: ReviewItem, desk: ChangeDesk): object {
  const { type, agent, role, facts } = item;
  const revoked = REVOKED[`${agent ?? ''} ${role ?? ''}`];
  if (type === 'assignment' && revoked !== undefined) return { decision: 'revoke', reason: revoked };
  const modified = type === 'role' && role !== null ? MODIFIED[role] : undefined;
  if (modified !== undefined && role !== null) {
    const { guard, lte, why } = modified;
    const operations = desk.guard(role, guard, (before) => ({ ...before, when: { ...before.when, lte } }))();
    return { decision: 'modify', reason: why, modification: { kind: 'documents', operations } };
  }
  return { decision: 'keep', reason: `Used ${facts.use_count_90d ?? 0} times in 90 days, for what it is for.` };
}

/** Decisions take effect: what change control wants reviewed is approved by somebody else; then a tenth is looked at again. */
async function carryOut(sample: Sample, desk: ChangeDesk): Promise<void> {
  const { clock } = sample;
  const ciso = personOf(sample, 'ciso');
  const { progress } = await ciso.request<Review>('GET', `/v1/reviews/${REVIEW}`);
  for (const { reviewer } of progress.reviewers) {
    await clock.moveTo(clock.now() + 7 * MINUTE);
    await personOf(sample, nameOf(reviewer)).request('POST', `/v1/reviews/${REVIEW}/submit`, { body: {} });
  }
  for (let rounds = 0; rounds < 20; rounds += 1) {
    await clock.follow();
    await clock.moveTo(clock.now() + 5 * MINUTE, { upkeep: true });
    const { data } = await ciso.request<List<Change>>('GET', '/v1/changes', {
      query: { status: 'submitted', limit: 50 },
    });
    for (const { id, author } of data) await desk.approveFor(id, author);
    const open = (await ciso.all<ReviewRemediation>(`/v1/reviews/${REVIEW}/remediations`)).filter(
      ({ status }) => status !== 'verified' && status !== 'excepted',
    );
    if (open.length === 0) break;
  }
  const rechecks = await ciso.all<ReviewRecheck>(`/v1/reviews/${REVIEW}/rechecks`);
  for (const { item } of rechecks) {
    await clock.moveTo(clock.now() + 6 * MINUTE);
    await byAnyOf(sample, ['ciso', 'eva', 'mia', 'lee', 'ana'], `/v1/reviews/${REVIEW}/rechecks/${item}`, {
      result: 'agree',
      reason: 'Use and limits were looked at again.',
    });
  }
}

async function signAndClose(sample: Sample): Promise<void> {
  const { clock } = sample;
  const ciso = personOf(sample, 'ciso');
  const { progress } = await ciso.request<Review>('GET', `/v1/reviews/${REVIEW}`);
  const sign = async (person: HiveKey, capacity: string): Promise<void> => {
    await clock.moveTo(clock.now() + 11 * MINUTE);
    await person.request('POST', `/v1/reviews/${REVIEW}/signatures`, { body: { capacity } });
  };
  for (const { reviewer } of progress.reviewers) await sign(personOf(sample, nameOf(reviewer)), 'reviewer');
  await sign(ciso, 'owner');
  await byAnyOf(sample, ['soc1', 'gil', 'raj', 'noor', 'mia'], `/v1/reviews/${REVIEW}/signatures`, {
    capacity: 'countersigner',
  });
  await ciso.request('POST', `/v1/reviews/${REVIEW}/close`, { body: {} });
}

/** The first who has no part in it. */
async function byAnyOf(sample: Sample, names: readonly string[], path: string, body: object): Promise<void> {
  let refusal: unknown;
  for (const name of names) {
    refusal = await personOf(sample, name)
      .request('POST', path, { body })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    if (!(refusal instanceof HiveKeyError && refusal.status === 403)) break;
  }
  if (refusal !== undefined) throw refusal;
}

function nameOf(email: string): string {
  return email.replace(/@.*/, '');
}
