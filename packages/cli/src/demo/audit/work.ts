/** A working day of the agents: what they ask for, how often, and what people do about what is held. */
import { type FullApproval, HiveKeyError } from '@hivekey/sdk';
import type { Answer, Asked, Ended } from './agent-client.ts';
import { type AgentPlan, VENDORS } from './company.ts';
import type { Random } from './random.ts';
import { personOf, type Sample, tokenOf } from './stage.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
/** Calls of one moment, which are under way at once. */
const AT_ONCE = 6;

type Arguments = Asked['arguments'];

/** How often a role asks for what, and with what. The last of each is what goes wrong now and then. */
const TASKS: Readonly<
  Record<
    string,
    readonly { readonly weight: number; readonly action: string; readonly of: (random: Random) => Arguments }[]
  >
> = {
  'accounts-payable-l1': [
    { weight: 60, action: 'ledger.read', of: (r) => ({ account: `A-${r.integer(100, 180)}` }) },
    { weight: 26, action: 'crm.read', of: (r) => ({ segment: 'vendors', rows: r.integer(1, 40) }) },
    { weight: 12, action: 'payments.transfer', of: (r) => payment(r, r.integer(20, 900)) },
    { weight: 1.6, action: 'payments.transfer', of: (r) => payment(r, r.integer(1_050, 2_600)) },
    { weight: 0.5, action: 'payments.transfer', of: (r) => ({ ...payment(r, r.integer(100, 800)), vendor: 'V-999' }) },
    { weight: 0.2, action: 'payments.transfer', of: (r) => payment(r, r.integer(5_200, 7_000)) },
  ],
  'refunds-l1': [
    { weight: 60, action: 'crm.read', of: (r) => ({ segment: 'orders', rows: r.integer(1, 12) }) },
    { weight: 24, action: 'email.send_external', of: (r) => ({ to: customer(r), template: 'refund' }) },
    {
      weight: 14,
      action: 'refunds.issue',
      of: (r) => ({ order: `O-${r.integer(10_000, 99_999)}`, amount: r.integer(4, 110) }),
    },
    {
      weight: 1,
      action: 'refunds.issue',
      of: (r) => ({ order: `O-${r.integer(10_000, 99_999)}`, amount: r.integer(125, 195) }),
    },
    {
      weight: 0.6,
      action: 'refunds.issue',
      of: (r) => ({ order: `O-${r.integer(10_000, 99_999)}`, amount: r.integer(210, 400) }),
    },
  ],
  'support-reader': [
    { weight: 66, action: 'crm.read', of: (r) => ({ segment: 'customers', rows: r.integer(1, 10) }) },
    { weight: 32, action: 'tickets.read', of: (r) => ({ ticket: ticket(r) }) },
    { weight: 1.6, action: 'crm.read', of: (r) => ({ segment: 'customers', rows: r.integer(26, 400) }) },
    { weight: 0.4, action: 'crm.delete', of: (r) => ({ customer: customer(r) }) },
  ],
  'support-writer': [
    { weight: 55, action: 'tickets.read', of: (r) => ({ ticket: ticket(r) }) },
    {
      weight: 45,
      action: 'tickets.reply',
      of: (r) => ({ ticket: ticket(r), template: r.pick(['thanks', 'how-to', 'delay']) }),
    },
  ],
  outreach: [
    { weight: 40, action: 'enrichment.lookup', of: (r) => ({ company: `lead-${r.integer(1, 4_000)}` }) },
    { weight: 30, action: 'crm.read', of: (r) => ({ segment: 'leads', rows: r.integer(1, 30) }) },
    {
      weight: 29,
      action: 'email.send_external',
      of: (r) => ({ to: customer(r), template: r.pick(['intro', 'follow-up']) }),
    },
    { weight: 1, action: 'crm.read', of: (r) => ({ segment: 'leads', rows: r.integer(51, 900) }) },
  ],
  'data-export': [
    {
      weight: 97.5,
      action: 'warehouse.query',
      of: (r) => ({ report: r.pick(['revenue', 'churn', 'tickets', 'spend']) }),
    },
    {
      weight: 2.1,
      action: 'crm.export',
      of: (r) => ({ segment: r.pick(['churned', 'trial', 'enterprise']), rows: r.integer(50, 2_000) }),
    },
    { weight: 0.4, action: 'crm.export', of: (r) => ({ segment: 'all', rows: r.integer(5_100, 40_000) }) },
  ],
  deployer: [
    { weight: 92, action: 'deploy.staging', of: (r) => release(r) },
    { weight: 8, action: 'deploy.production', of: (r) => release(r) },
  ],
  'people-ops': [
    { weight: 80, action: 'hr.read', of: () => ({ month: 'current' }) },
    {
      weight: 19,
      action: 'hr.update',
      of: (r) => ({ task: `T-${r.integer(1, 400)}`, state: r.pick(['open', 'done']) }),
    },
    { weight: 1, action: 'payments.transfer', of: (r) => payment(r, 50) },
  ],
};

const payment = (random: Random, amount: number): Arguments => ({
  vendor: random.pick(VENDORS),
  amount,
  invoice: `INV-${random.integer(100_000, 999_999)}`,
});
const customer = (random: Random): string => `customer-${random.integer(1, 9_000)}@mail.example`;
const ticket = (random: Random): string => `S-${random.integer(10_000, 60_000)}`;
const release = (random: Random): Arguments => ({
  service: random.pick(['web', 'billing', 'search', 'mobile-api']),
  version: `1.${random.integer(40, 90)}.${random.integer(0, 9)}`,
});

/** What cannot be undone is done while people are there. */
const BY_DAY = new Set(['payments.transfer', 'deploy.production']);

function isWorkingTime(atMs: number): boolean {
  const at = new Date(atMs);
  return at.getUTCDay() % 6 !== 0 && at.getUTCHours() >= 7 && at.getUTCHours() < 18;
}

/** Of a week in UTC: nights and weekends are quiet, and never silent. */
function share(atMs: number): number {
  const at = new Date(atMs);
  const isWeekend = at.getUTCDay() % 6 === 0;
  const hour = at.getUTCHours();
  const isDay = hour >= 7 && hour < 18;
  return isWeekend ? (isDay ? 0.55 : 0.35) : isDay ? 1.75 : 0.65;
}

export interface Tally {
  asked: number;
  allow: number;
  deny: number;
  review: number;
  approved: number;
  denied: number;
  expired: number;
  cancelled: number;
}

export class Work {
  readonly #sample: Sample;
  readonly #spellEnds: () => Promise<void>;
  readonly #plans = new Map<string, AgentPlan>();
  readonly tally: Tally = { asked: 0, allow: 0, deny: 0, review: 0, approved: 0, denied: 0, expired: 0, cancelled: 0 };
  /** At work now. */
  readonly agents = new Map<string, AgentPlan>();
  #runs = 0;

  /** `spellEnds`: what is done after the last spell of an hour. */
  constructor(sample: Sample, spellEnds: () => Promise<void>) {
    this.#sample = sample;
    this.#spellEnds = spellEnds;
  }

  begin(plan: AgentPlan): void {
    this.#plans.set(plan.name, plan);
    this.agents.set(plan.name, plan);
  }

  resume(name: string): void {
    const plan = this.#plans.get(name);
    if (plan !== undefined) this.agents.set(name, plan);
  }

  /** Puts down the calls of one hour, in two spells of work. */
  plan(hourMs: number, callsAnHour: number): void {
    const { random, agenda } = this.#sample;
    const count = Math.max(2, Math.round(callsAnHour * share(hourMs) * (0.8 + 0.4 * random.next())));
    const spells = [random.integer(1, 24), random.integer(31, 56)];
    for (const [i, minute] of spells.entries()) {
      const calls = Math.floor((count + i) / 2);
      let atMs = hourMs + minute * MINUTE + random.integer(0, 59_000);
      for (let left = calls; left > 0; left -= AT_ONCE) {
        const at = Math.min(left, AT_ONCE);
        agenda.at(atMs, () => this.#spell(at));
        atMs += random.integer(1_000, 4_000);
      }
      if (i === 1) agenda.at(atMs + 2_000, this.#spellEnds);
    }
  }

  async #spell(calls: number): Promise<void> {
    const { random, clock } = this.#sample;
    const agents = [...this.agents.values()].filter(({ roles }) => roles.some((role) => TASKS[role] !== undefined));
    if (agents.length === 0) return;
    const chosen = Array.from({ length: calls }, () => {
      const agent = random.weighted(agents, ({ weight }) => weight);
      const role = random.pick(agent.roles.filter((each) => TASKS[each] !== undefined));
      const tasks = (TASKS[role] ?? []).filter(({ action }) => isWorkingTime(clock.now()) || !BY_DAY.has(action));
      const task = random.weighted(tasks, ({ weight }) => weight);
      this.#runs += 1;
      const asked = { action: task.action, arguments: task.of(random), run_id: `run-${Math.ceil(this.#runs / 4)}` };
      return { agent: agent.name, asked, fails: random.chance(FAILS) };
    });
    await Promise.all(chosen.map(({ agent, asked, fails }) => this.call(agent, asked, { fails })));
  }

  async call(agent: string, asked: Asked, more: CallOptions = {}): Promise<Answer> {
    const { calls } = this.#sample;
    const token = tokenOf(this.#sample, agent);
    const answer = await calls.ask(token, asked);
    this.tally.asked += 1;
    this.tally[answer.kind] += 1;
    if (answer.kind === 'allow')
      await calls.end(token, answer.permit, more.fails === true ? FAILED : this.#done(asked));
    if (answer.kind === 'review') this.#decideLater(agent, asked, answer, more);
    return answer;
  }

  /** People answer within minutes or hours, deny now and then, and some calls are forgotten. */
  #decideLater(agent: string, asked: Asked, held: Extract<Answer, { kind: 'review' }>, more: CallOptions): void {
    const { random, agenda, clock } = this.#sample;
    const luck = random.next();
    const decider = random.next();
    if (more.decision === undefined && luck < 0.02) {
      this.tally.expired += 1;
      return;
    }
    const patienceMs = held.expiresAtMs - clock.now() - 10 * MINUTE;
    const seconds = random.chance(0.7) ? random.integer(40, 900) : random.integer(900, 5_400);
    const waitMs = more.inMs ?? Math.min(patienceMs, seconds * SECOND);
    const decision = more.decision ?? (luck < 0.09 ? 'deny' : 'approve');
    agenda.at(clock.now() + waitMs, () => this.#decide(agent, asked, held.approval, decision, decider));
  }

  /** What the tool says of a call that it did: payments come with the provider's own number. */
  #done({ action, arguments: { amount } }: Asked): Ended {
    const { random, provider, clock } = this.#sample;
    const ended = { result: 'success', duration_ms: random.integer(12, 480) } as const;
    if (action !== 'payments.transfer' || typeof amount !== 'number') return ended;
    const reference = `pay_${random.integer(100_000_000, 999_999_999)}`;
    provider.take({ reference, atMs: clock.now(), amount });
    return { ...ended, reference };
  }

  async #decide(agent: string, asked: Asked, id: string, decision: 'approve' | 'deny', luck: number): Promise<void> {
    const { calls, clock, agenda, random } = this.#sample;
    const reason =
      decision === 'deny'
        ? random.pick(['new bank account', 'not agreed with the owner', 'amount differs from the order'])
        : 'checked against the order';
    let refusal: unknown;
    for (const name of decidersOf(asked.action, luck)) {
      const person = personOf(this.#sample, name);
      await person.request('POST', `/v1/approvals/${id}/opened`, { body: {} });
      const { hash } = await person.request<FullApproval>('GET', `/v1/approvals/${id}`);
      await clock.moveTo(clock.now() + random.integer(8, 55) * SECOND);
      refusal = await person.request('POST', `/v1/approvals/${id}/decide`, { body: { decision, hash, reason } }).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (!(refusal instanceof HiveKeyError && refusal.status === 403)) break;
    }
    // The agent was stopped meanwhile, and its approval cancelled with it.
    if (refusal instanceof HiveKeyError && refusal.status === 409) {
      this.tally.cancelled += 1;
      return;
    }
    // Nobody is left who may: it expires.
    if (refusal instanceof HiveKeyError && refusal.status === 403) {
      this.tally.expired += 1;
      return;
    }
    if (refusal !== undefined) throw refusal;
    this.tally[decision === 'deny' ? 'denied' : 'approved'] += 1;
    agenda.at(clock.now() + 2 * SECOND, async () => {
      const token = tokenOf(this.#sample, agent);
      const answer = await calls.ask(token, asked);
      if (answer.kind === 'allow') await calls.end(token, answer.permit, this.#done(asked));
    });
  }
}

interface CallOptions {
  readonly fails?: boolean;
  /** When it is held, and what is decided then; absent: as it comes. */
  readonly decision?: 'approve' | 'deny';
  readonly inMs?: number;
}

/** Providers fail, too. */
const FAILS = 0.006;
const FAILED: Ended = { result: 'error', code: 'upstream_error', duration_ms: 900 };

/** Who is asked first. Whoever owns the agent, or has just put a policy in force, is refused; then it is another. */
function decidersOf(action: string, luck: number): readonly string[] {
  const [first, second, ...others] =
    action === 'payments.transfer'
      ? (['lee', 'gil'] as const)
      : action === 'refunds.issue'
        ? (['ana', 'mia', 'tess'] as const)
        : (['eva', 'raj'] as const);
  return luck < 0.7 ? [first, second, ...others] : [second, first, ...others];
}
