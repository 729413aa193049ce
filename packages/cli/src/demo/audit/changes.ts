/** How Acme changes what decides: somebody drafts, somebody else reads the preview and approves, then it is put in force. */
import type { Change, HiveKey } from '@hivekey/sdk';
import { type Guard, ROLES, type Role, roleDocument } from './company.ts';
import { personOf, type Sample } from './stage.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** As `PUT /v1/change-settings` takes it. */
export const CHANGE_SETTINGS = {
  mode: 'reviewed',
  types: null,
  authority: {
    normal: {
      low: { people: 1, groups: [] },
      medium: { people: 1, groups: [] },
      high: { people: 1, groups: [] },
      critical: { people: 1, groups: [] },
    },
    emergency: { people: 1, groups: [] },
  },
  emergency: { alone: true, review_within_minutes: 2 * 1_440, escalate_to: ['security'] },
  rollback: 'reviewed',
  when_frozen: 'wait',
  expire_days: 30,
  replay_days: 7,
  standard: [],
};

interface Operation {
  readonly type: string;
  readonly id: string;
  readonly document: object | null;
}

export interface ChangePlan {
  readonly title: string;
  readonly justification: string;
  readonly ticket: string;
  readonly author: string;
  readonly reviewer: string;
  readonly operations: () => readonly Operation[];
  readonly isEmergency?: boolean;
}

export class ChangeDesk {
  readonly #sample: Sample;
  /** As they are in force. */
  readonly #roles = new Map<string, Role>(ROLES.map((role) => [role.name, role]));
  activated = { normal: 0, emergency: 0 };

  constructor(sample: Sample) {
    this.#sample = sample;
  }

  /** The whole way, at once: for setting up. */
  async now(plan: ChangePlan): Promise<void> {
    const change = await this.#submit(plan);
    await this.#approve(plan, change);
    await this.#activate(plan, change);
  }

  /** Drafted at a time, approved hours later, and in force soon after. An emergency is in force first. */
  at(at: string, plan: ChangePlan): void {
    const { agenda, random } = this.#sample;
    agenda.on(at, async () => {
      const change = await this.#submit(plan);
      const approve = async (): Promise<void> => {
        await this.#approve(plan, change);
        if (plan.isEmergency !== true)
          agenda.at(this.#sample.clock.now() + random.integer(3, 25) * MINUTE, () => this.#activate(plan, change));
      };
      if (plan.isEmergency === true) await this.#activate(plan, change);
      agenda.at(this.#sample.clock.now() + random.integer(40, 300) * MINUTE, approve);
    });
  }

  /** A role with a guard that is as `edit` makes it, read when the change is drafted. */
  guard(role: string, guard: string, edit: (before: Guard) => Guard): () => readonly Operation[] {
    return () => {
      const before = this.#roles.get(role);
      if (before === undefined) throw new Error(`there is no role ${role}`);
      const after = { ...before, guards: before.guards.map((each) => (each.id === guard ? edit(each) : each)) };
      this.#roles.set(role, after);
      return [{ type: 'role', id: role, document: roleDocument(after) }];
    };
  }

  /** A change that somebody drafted elsewhere: another person approves it, and puts it in force where nobody else does. */
  async approveFor(id: string, author: string): Promise<void> {
    // Whoever puts a policy in force decides about no call under it: not one of those who do.
    const person = personOf(this.#sample, author.includes('ciso') ? 'noor' : 'ciso');
    const { content_hash, preview } = await previewed(person, id);
    await person.request('POST', `/v1/changes/${id}/approve`, {
      body: { content_hash, preview_hash: preview?.hash, comment: 'As the review decided.' },
    });
    const { status } = await person.request<Change>('GET', `/v1/changes/${id}`);
    if (status === 'approved') await person.request('POST', `/v1/changes/${id}/activate`, { body: {} });
  }

  async #submit({ title, justification, ticket, author, operations, isEmergency }: ChangePlan): Promise<Change> {
    const person = personOf(this.#sample, author);
    const { id } = await person.request<Change>('POST', '/v1/changes', {
      body: {
        title,
        justification,
        ticket,
        class: isEmergency === true ? 'emergency' : 'normal',
        operations: operations(),
      },
    });
    await person.request('POST', `/v1/changes/${id}/submit`, { body: {} });
    return previewed(person, id);
  }

  async #approve({ reviewer }: ChangePlan, { id }: Change): Promise<void> {
    const person = personOf(this.#sample, reviewer);
    const { content_hash, preview } = await previewed(person, id);
    const comment = 'Read with its preview; the calls that would be decided otherwise are as intended.';
    await person.request('POST', `/v1/changes/${id}/approve`, {
      body: { content_hash, preview_hash: preview?.hash, comment },
    });
  }

  async #activate({ author, isEmergency }: ChangePlan, { id }: Change): Promise<void> {
    await personOf(this.#sample, author).request('POST', `/v1/changes/${id}/activate`, { body: {} });
    this.activated[isEmergency === true ? 'emergency' : 'normal'] += 1;
  }
}

/** The change, once its preview is made. */
async function previewed(person: HiveKey, id: string): Promise<Change> {
  for (;;) {
    const change = await person.request<Change>('GET', `/v1/changes/${id}`);
    if (change.preview?.state !== 'running') return change;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Limits that are looked at again and again, by those who know the work. */
const KNOBS = [
  { role: 'support-reader', guard: 'g_rows_day', values: [5_200, 5_400, 5_600, 5_000], author: 'sre', reviewer: 'ana' },
  { role: 'outreach', guard: 'g_mail_rate', values: [35, 32, 38, 30], author: 'kim', reviewer: 'ana' },
  { role: 'support-writer', guard: 'g_reply_rate', values: [70, 65, 75, 60], author: 'sre', reviewer: 'mia' },
  { role: 'refunds-l1', guard: 'g_mail_rate', values: [24, 22, 26, 20], author: 'sre', reviewer: 'mia' },
  { role: 'deployer', guard: 'g_deploy_rate', values: [14, 12, 15, 13], author: 'sre', reviewer: 'eva' },
  { role: 'people-ops', guard: 'g_hr_rate', values: [24, 22, 20, 25], author: 'sre', reviewer: 'ciso' },
  { role: 'accounts-payable-l1', guard: 'g_rows', values: [90, 80, 90, 100], author: 'dana', reviewer: 'lee' },
  { role: 'data-export', guard: 'g_export_rows', values: [4_500, 4_000, 4_500, 5_000], author: 'sre', reviewer: 'eva' },
] as const;

const DAY = 24 * HOUR;
const REVIEW_FROM_MS = Date.parse('2026-09-03T00:00:00Z');
const REVIEW_TO_MS = Date.parse('2026-09-12T00:00:00Z');

/** All changes of the quarter that are no answer to something else. */
export function planChanges(desk: ChangeDesk, fromMs: number): void {
  const limit =
    (lte: number | string) =>
    (guard: Guard): Guard => ({ ...guard, when: { ...guard.when, lte } });
  desk.at('2026-07-21T12:40:00Z', {
    title: 'Let agents pay at most $8,000 in a day',
    justification: 'The weekly average is $5,900; the cap had been set before anything was measured.',
    ticket: 'FIN-412',
    ...{ author: 'dana', reviewer: 'lee' },
    operations: desk.guard('accounts-payable-l1', 'g_pay_day', limit('$8000')),
  });
  for (let i = 0; i < 38; i += 1) {
    const knob = KNOBS[i % KNOBS.length];
    const value = knob?.values[Math.floor(i / KNOBS.length) % 4];
    if (knob === undefined || value === undefined) continue;
    // Within working hours, and never two of one role at once.
    const plannedMs = fromMs + (2 + i * 2.3) * DAY;
    // What is under review is left alone meanwhile: a decision about a role that moves does not take effect.
    const atMs = plannedMs >= REVIEW_FROM_MS && plannedMs < REVIEW_TO_MS ? plannedMs + 9 * DAY : plannedMs;
    const day = Math.floor(atMs / DAY) * DAY;
    desk.at(new Date(day + (8 + (i % 4)) * HOUR + ((i * 7) % 50) * MINUTE).toISOString(), {
      title: `${knob.role}: ${knob.guard} at ${value}`,
      justification: 'Follows what the agents of the role did in the last two weeks.',
      ticket: `OPS-${700 + i}`,
      ...{ author: knob.author, reviewer: knob.reviewer },
      operations: desk.guard(knob.role, knob.guard, limit(value)),
    });
  }
  const emergencies = [
    {
      at: '2026-07-28T22:14:00Z',
      role: 'refunds-l1',
      guard: 'g_refund_day',
      value: '$900',
      why: 'Refunds of one order came twice; less can leave until it is understood.',
    },
    {
      at: '2026-08-14T02:58:00Z',
      role: 'outreach',
      guard: 'g_mail_rate',
      value: 12,
      why: 'The mail provider throttles us; bounces are counted against the domain.',
    },
    {
      at: '2026-09-18T03:05:00Z',
      role: 'outreach',
      guard: 'g_rows',
      value: 20,
      why: 'An agent of the role is steered by what it reads.',
    },
  ];
  for (const { at, role, guard, value, why } of emergencies)
    desk.at(at, {
      title: `Emergency: ${role} ${guard} at ${value}`,
      justification: why,
      ticket: `INC-${at.slice(5, 10)}`,
      ...{ author: 'sre', reviewer: 'ciso', isEmergency: true },
      operations: desk.guard(role, guard, limit(value)),
    });
}
