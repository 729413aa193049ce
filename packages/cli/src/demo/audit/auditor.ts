/** A firm is let in, and draws its samples: on the real clock, when the quarter is over. */
import type { Engagement, EngagementPersonLetIn, EvidenceKey, HiveKey, Sample } from '@hivekey/sdk';
import type { Quarter } from './close.ts';

const DAY = 86_400_000;

const SAMPLES = [
  { report: 'approvals', method: 'random', size: 25, seed: 'northwood-2026-q3-approvals' },
  { report: 'changes', method: 'random', size: 15, seed: 'northwood-2026-q3-changes' },
  { report: 'action-log', method: 'stratified', stratify_by: 'verdict', size: 40, seed: 'northwood-2026-q3-actions' },
] as const;

export async function letAuditorIn(
  hivekey: HiveKey,
  { from, to }: Quarter,
): Promise<{ readonly link: string; readonly fingerprint: string }> {
  const engagement = await hivekey.request<Engagement>('POST', '/v1/engagements', {
    body: {
      ...{ firm: 'Northwood Audit (sample)', firm_domain: 'northwood.example', period_from: from, period_to: to },
      criteria: ['CC6.1', 'CC6.2', 'CC6.3', 'CC7.2', 'CC8.1'],
      scope: 'Agents of Acme and the controls over them, in the third quarter of 2026. Sample data.',
      expires_at: new Date(Date.now() + 60 * DAY).toISOString(),
    },
  });
  const { url } = await hivekey.request<EngagementPersonLetIn>('POST', `/v1/engagements/${engagement.id}/people`, {
    body: { email: 'robin@northwood.example', display_name: 'Robin' },
  });
  for (const sample of SAMPLES)
    await hivekey.request<Sample>('POST', '/v1/samples', { body: { ...sample, from, to, reason: 'A first look.' } });
  const { fingerprint } = await hivekey.request<EvidenceKey>('GET', '/v1/evidence/key');
  return { link: url, fingerprint };
}
