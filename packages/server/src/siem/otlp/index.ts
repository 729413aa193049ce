/** Log records by OTLP over HTTP: the OpenTelemetry Collector, and whatever else speaks it. */
import { z } from 'zod';
import { destinationOf, receiverUrl, tlsSettings } from '../http/settings.ts';
import { credentialRef, sinkType } from '../sink-type.ts';

/** What the transport sets itself, or what is of the connection. */
const RESERVED =
  /^(?:host|content-.*|user-agent|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|proxy-.*)$/i;

const otlpSettings = z.strictObject({
  url: receiverUrl.meta({ description: 'With its path; where it has none, /v1/logs.' }),
  headers: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[A-Za-z0-9-]{1,64}$/)
          .refine((name) => !RESERVED.test(name), { error: 'is set by the transport' }),
        value_ref: credentialRef,
      }),
    )
    .max(8)
    .default([])
    .meta({ description: 'Such as Authorization; the credential is the whole value.' }),
  tls: tlsSettings,
});

export type OtlpSettings = z.output<typeof otlpSettings>;

export const otlpSink = sinkType({
  label: 'OpenTelemetry (OTLP/HTTP)',
  settings: otlpSettings,
  formats: ['otlp', 'native', 'ocsf-1.8.0', 'ocsf-1.9.0', 'ecs-9.4', 'flat', 'udm'],
  raw: true,
  compact: false,
  acknowledgement: 'received',
  limits: { events: 1_000, bytes: 3_500_000, ageMs: 50, eventBytes: 262_144, window: 2 },
  objectiveSeconds: 60,
  fixedBatches: false,
  destination: ({ url }) => destinationOf(url),
  connect: async (settings, deps) => (await import('./transport.ts')).openOtlp(settings, deps),
});
