/** Datadog's log intake, version 2. */
import { z } from 'zod';
import { destinationOf, receiverUrl, tlsSettings } from '../http/settings.ts';
import { credentialRef, sinkType } from '../sink-type.ts';

const tag = z
  .string()
  .max(200)
  .regex(/^[A-Za-z][^,\s]*$/, 'is not a tag such as team:platform');

const datadogSettings = z.strictObject({
  url: receiverUrl.default('https://http-intake.logs.datadoghq.com').meta({
    description: 'Of the intake of your site, such as https://http-intake.logs.datadoghq.eu.',
  }),
  api_key_ref: credentialRef,
  service: z.string().min(1).max(100).default('hivekey'),
  source: z.string().min(1).max(100).default('hivekey'),
  host: z.string().min(1).max(253).nullable().default(null),
  tags: z.array(tag).max(50).default([]),
  tls: tlsSettings,
});

export type DatadogSettings = z.output<typeof datadogSettings>;

export const datadogSink = sinkType({
  label: 'Datadog',
  settings: datadogSettings,
  formats: ['native', 'ocsf-1.8.0', 'ocsf-1.9.0', 'ecs-9.4', 'flat', 'udm'],
  raw: true,
  compact: false,
  acknowledgement: 'received',
  // 1,000 logs and 5 MB with what stands around each of them; lines grow where they are put into a string.
  limits: { events: 1_000, bytes: 3_000_000, ageMs: 50, eventBytes: 900_000, window: 2 },
  objectiveSeconds: 60,
  fixedBatches: false,
  destination: ({ url }) => destinationOf(url),
  connect: async (settings, deps) => (await import('./transport.ts')).openDatadog(settings, deps),
});
