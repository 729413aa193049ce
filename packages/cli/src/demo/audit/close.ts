/** The morning after the quarter: totals are compared with the provider's, and readiness is looked at. */
import type { Agent, BlastRadius, List, ReadinessRun, TieOut, TieOutDifference } from '@hivekey/sdk';
import { personOf, type Sample } from './stage.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export interface Quarter {
  readonly from: string;
  readonly to: string;
}

/** What every agent could do at most is looked at and accepted by name, for a year, before the quarter is old. */
export function planAcceptances(sample: Sample): void {
  sample.agenda.at(sample.fromMs + 10 * HOUR, async () => {
    const { data } = await sample.admin.request<List<Agent>>('GET', '/v1/agents', { query: { limit: 200 } });
    for (const { name } of data) await acceptRadius(sample, name);
  });
}

export async function acceptRadius(sample: Sample, agent: string): Promise<void> {
  const person = personOf(sample, 'ciso');
  const { digest } = await person.request<BlastRadius>('GET', '/v1/blast-radius', { query: { agent } });
  await person.request('POST', '/v1/blast-radius/acceptances', {
    body: {
      ...{ agent, digest, until: Math.floor((sample.clock.now() + 360 * DAY) / 1_000) },
      reason: 'What it could do at most is needed for its work.',
    },
  });
}

export async function closeQuarter(
  sample: Sample,
  { from, to }: Quarter,
): Promise<{ readonly differences: number; readonly states: ReadinessRun['counts'] }> {
  const { provider, toMs } = sample;
  const person = personOf(sample, 'ciso');
  const { content, missing } = provider.csv(toMs);
  const tieOut = await person.request<TieOut>('POST', '/v1/tie-outs', {
    body: {
      ...{ tool: 'payments', from, to, reason: 'Payments of the quarter.' },
      source: {
        ...{ kind: 'csv', content, file: 'provider-payments.csv' },
        mapping: {
          time: 'created',
          reference: 'id',
          amount: 'amount',
          minor: true,
          currency: 'currency',
          status: 'status',
        },
      },
    },
  });
  const path = `/v1/tie-outs/${tieOut.id}/differences`;
  const { data } = await person.request<List<TieOutDifference>>('GET', path);
  for (const { id, reference } of data)
    if (reference !== null && reference === missing)
      await person.request('POST', `${path}/${id}/explain`, {
        body: {
          explanation: 'Accepted, and sent back by the bank of the vendor the same night; paid again in October.',
        },
      });
  const { counts } = await person.request<ReadinessRun>('POST', '/v1/readiness/runs', { body: { from, to } });
  return { differences: tieOut.differences, states: counts };
}
