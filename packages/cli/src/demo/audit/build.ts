/** Builds the sample company: the real server, led through a quarter by a clock of its own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HiveKey } from '@hivekey/sdk';
import { Agenda } from './agenda.ts';
import { AgentCalls } from './agent-client.ts';
import { ChangeDesk, planChanges } from './changes.ts';
import { makeDatabase, SimulatedClock } from './clock.ts';
import { acceptRadius, closeQuarter, planAcceptances } from './close.ts';
import { AGENTS, type AgentPlan, NEWCOMERS } from './company.ts';
import { type Counts, countsOf } from './counts.ts';
import { admit, found } from './found.ts';
import { Provider } from './provider.ts';
import { Random } from './random.ts';
import { planReview } from './reviews.ts';
import { answerAlerts, testRules } from './security.ts';
import { startServer } from './server.ts';
import type { Sample } from './stage.ts';
import { tell } from './story.ts';
import { HOUR, Work } from './work.ts';

const DAY = 24 * HOUR;
/** Before the period, for setting up: so many and one for each agent. */
const SET_UP_HOURS = 4;
/** Before the end of the period, when upkeep is done whatever agents do. */
const LAST_MS = 60_000;

export interface SampleOptions {
  /** Data folder of the server, made and empty. */
  readonly data: string;
  /** Of the role that owns the schema; the database is made. */
  readonly databaseUrl: string;
  /** ISO 8601. */
  readonly from: string;
  readonly to: string;
  /** In force when the period begins. */
  readonly agents?: readonly AgentPlan[];
  /** On average. */
  readonly callsAnHour: number;
  readonly say: (line: string) => void;
}

/** As the server that stays behind needs them, too. */
export function settingsOf(data: string): Readonly<Record<string, string>> {
  return { HIVEKEY_SINK_FILES: join(data, 'sinks') };
}

export async function buildSample(options: SampleOptions): Promise<Counts> {
  const { data, databaseUrl, callsAnHour, say, agents = AGENTS } = options;
  const fromMs = Date.parse(options.from);
  const toMs = Date.parse(options.to);
  if (toMs > Date.now()) throw new Error('the sample lies in the future: the real clock would step back');
  const startMs = fromMs - (SET_UP_HOURS + agents.length) * HOUR;
  await makeDatabase(databaseUrl);
  const clock = await SimulatedClock.open(databaseUrl, startMs);
  const server = await startServer({ data, port: 0, databaseUrl, more: settingsOf(data) }, clock.aheadMs);
  const calls = new AgentCalls(server.url);
  try {
    await clock.lead(server.process);
    const admin = new HiveKey({ url: server.url, key: readFileSync(join(data, 'admin.key'), 'utf8').trim() });
    const agenda = new Agenda(clock);
    const sample: Sample = {
      ...{ url: server.url, clock, agenda, calls, admin, fromMs, toMs },
      provider: new Provider(),
      random: new Random(20_260_701),
      people: new Map(),
      tokens: new Map(),
    };
    await clock.ask('UPDATE workspaces SET sample_data = true');
    const desk = new ChangeDesk(sample);
    await found(sample, desk, startMs, agents);
    for (let hourMs = clock.now() + HOUR; hourMs < fromMs; hourMs += HOUR) await clock.moveTo(hourMs, { upkeep: true });
    const answered = new Set<string>();
    const work = new Work(sample, async () => {
      await clock.follow();
      // Right behind the work: what watches for silence finds none.
      await clock.moveTo(clock.now(), { upkeep: true });
      await answerAlerts(sample, answered);
    });
    for (const plan of agents) work.begin(plan);
    for (const plan of NEWCOMERS)
      if (plan.createdAt !== undefined)
        agenda.on(plan.createdAt, async () => {
          await admit(sample, plan);
          await acceptRadius(sample, plan.name);
          work.begin(plan);
        });
    planChanges(desk, fromMs);
    tell(sample, work, desk);
    planReview(sample, desk);
    planAcceptances(sample);
    agenda.on('2026-08-25T08:00:00Z', () => testRules(sample));
    agenda.at(toMs - LAST_MS, () => clock.moveTo(clock.now(), { upkeep: true }));
    for (let hourMs = fromMs; hourMs < toMs; hourMs += HOUR) {
      if ((hourMs - fromMs) % (7 * DAY) === 0) say(`${new Date(hourMs).toISOString().slice(0, 10)} …`);
      work.plan(hourMs, callsAnHour);
      await agenda.runUntil(hourMs + HOUR);
    }
    await clock.moveTo(toMs + 9 * HOUR, { upkeep: true });
    await closeQuarter(sample, options);
    await clock.follow();
    return await countsOf(clock, options.from, options.to);
  } finally {
    calls.close();
    await server.stop();
    await clock.close();
  }
}
