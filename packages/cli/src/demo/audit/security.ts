/** The security team: where the log goes, whether rules work, and what is done about alerts. */
import { type Alert, type HiveKey, HiveKeyError, type List, type LiveTest } from '@hivekey/sdk';
import type { AgentPlan } from './company.ts';
import { personOf, type Sample } from './stage.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** For the findings of a test. */
const WAIT_SECONDS = 30;

/** Of sinks, below `HIVEKEY_SINK_FILES`. */
const SINK_FILE = 'siem/hivekey.ndjson';

export async function watchLog(sample: Sample): Promise<void> {
  await personOf(sample, 'soc1').request('POST', '/v1/siem/sinks', {
    body: { name: 'siem', kind: 'file', settings: { path: SINK_FILE }, objective_seconds: 3_600, start: { seq: 1 } },
  });
}

export async function planDrills(sample: Sample, agents: readonly AgentPlan[]): Promise<void> {
  const ciso = personOf(sample, 'ciso');
  for (const [name, agent, starts] of [
    ['support', 'support-bot-1', '2026-07-06T10:30'],
    ['payments', 'ap-bot', '2026-07-13T10:30'],
  ] as const) {
    if (!agents.some(({ name: each }) => each === agent)) continue;
    await ciso.request('PUT', `/v1/drills/${name}`, {
      body: { agent, time_zone: 'UTC', starts, repeats: 'FREQ=DAILY;INTERVAL=28' },
    });
  }
}

/** Twice for each rule: once it fires, once it rightly does not. */
export async function testRules(sample: Sample): Promise<void> {
  const soc = personOf(sample, 'soc1');
  const { data } = await soc.request<List<{ name: string; enabled: boolean }>>('GET', '/v1/detections');
  for (const { name, enabled } of data)
    for (const kind of ['attack', 'benign'] as const) {
      if (!enabled) continue;
      await sample.clock.moveTo(sample.clock.now() + MINUTE);
      await fire(sample, soc, name, kind).catch((error: unknown) => {
        // Its attack takes days, or is about the log itself.
        if (!(error instanceof HiveKeyError && error.code === 'live_test_impossible')) throw error;
      });
    }
}

const EVALUATED = `
SELECT t.status NOT IN ('injecting', 'waiting') OR e.next_seq > t.last_seq AS evaluated
  FROM detection_live_tests t JOIN detection_evaluators e ON e.workspace_id = t.workspace_id WHERE t.id = $1`;

/** Until it has passed or failed. */
async function fire({ clock }: Sample, soc: HiveKey, rule: string, kind: 'attack' | 'benign'): Promise<void> {
  const { id } = await soc.request<LiveTest>('POST', `/v1/detections/${rule}/live-tests`, {
    body: { kind, wait_seconds: WAIT_SECONDS },
  });
  // How far the rules are is written down every two seconds, by no clock that can be set.
  for (let evaluated = false; !evaluated; ) {
    await clock.follow();
    const [row] = await clock.ask<{ evaluated: boolean }>(EVALUATED, [id]);
    evaluated = row?.evaluated === true;
  }
  for (let over = false; !over; ) {
    await clock.follow();
    await clock.moveTo(clock.now() + 2_000, { upkeep: true });
    const { status } = await soc.request<LiveTest>('GET', `/v1/detections/live-tests/${id}`);
    over = status === 'passed' || status === 'failed';
  }
}

/** What is open is acknowledged in minutes, and judged within hours. */
export async function answerAlerts(sample: Sample, seen: Set<string>): Promise<void> {
  const { clock, agenda, random } = sample;
  const [open] = await clock.ask<{ any: boolean }>("SELECT EXISTS (SELECT FROM alerts WHERE status = 'open') AS any");
  if (open?.any !== true) return;
  const soc = personOf(sample, 'soc1');
  const { data } = await soc.request<List<Alert>>('GET', '/v1/alerts', { query: { status: 'open', limit: 100 } });
  for (const { id, rule, synthetic } of data) {
    if (seen.has(id)) continue;
    seen.add(id);
    agenda.at(clock.now() + random.integer(2, 12) * MINUTE, async () => {
      await passOver(soc.request('POST', `/v1/alerts/${id}/acknowledge`, { body: { reason: 'Seen.' } }));
      agenda.at(clock.now() + random.integer(1, 20) * HOUR, () =>
        passOver(
          soc.request('POST', `/v1/alerts/${id}/triage`, {
            body: {
              disposition: synthetic === true ? 'test' : random.chance(0.5) ? 'benign' : 'false_positive',
              reason: `${rule}: looked at with the owner; it is the work of the agent.`,
              close: true,
            },
          }),
        ),
      );
    });
  }
}

/** Somebody else may have dealt with it meanwhile. */
async function passOver(step: Promise<unknown>): Promise<void> {
  await step.catch((error: unknown) => {
    if (!(error instanceof HiveKeyError && error.status === 409)) throw error;
  });
}
