/** The stream in batches, signed by the Standard Webhooks scheme. */
import { z } from 'zod';
import { credentialRef, sinkType } from '../sink-type.ts';

const webhookSettings = z.strictObject({
  url: z.string().max(2048),
  signing_secret_refs: z.array(credentialRef).min(1).max(3).meta({
    description: 'Each a `whsec_…` secret; the body is signed with all of them, so that one can be rotated out.',
  }),
});

export type WebhookSettings = z.output<typeof webhookSettings>;

export const webhookSink = sinkType({
  label: 'Webhook',
  settings: webhookSettings,
  formats: ['native', 'ocsf-1.8.0', 'ocsf-1.9.0', 'ecs-9.4', 'flat', 'udm'],
  raw: true,
  compact: false,
  acknowledgement: 'stored',
  limits: { events: 500, bytes: 1_048_576, ageMs: 50, eventBytes: 262_144, window: 1 },
  objectiveSeconds: 60,
  fixedBatches: true,
  destination: ({ url }) => {
    const { origin, pathname } = new URL(url);
    return origin + pathname;
  },
  connect: async (settings, deps) => (await import('./transport.ts')).openWebhook(settings, deps),
});
