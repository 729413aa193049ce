/** Google Security Operations, by the ingestion methods of the Chronicle API. */
import { z } from 'zod';
import { destinationOf, receiverUrl, tlsSettings } from '../http/settings.ts';
import { credentialRef, sinkType } from '../sink-type.ts';

const INSTANCE = /^projects\/[a-z0-9.:-]{1,64}\/locations\/[a-z0-9-]{1,32}\/instances\/[0-9a-f-]{1,64}$/;

const secopsSettings = z.strictObject({
  url: receiverUrl.meta({ description: 'Of the region, such as https://chronicle.us.rep.googleapis.com.' }),
  api_version: z.enum(['v1', 'v1beta', 'v1alpha']).default('v1'),
  instance: z.string().regex(INSTANCE, 'is not projects/<p>/locations/<l>/instances/<i>'),
  log_type: z
    .string()
    .regex(/^[A-Z0-9_]{1,64}$/)
    .default('HIVEKEY')
    .meta({ description: 'Of raw logs; its parser is shipped.' }),
  forwarder: z
    .string()
    .regex(/^[0-9a-f-]{1,64}$/)
    .nullable()
    .default(null)
    .meta({ description: 'Id of the forwarder that raw logs are counted under.' }),
  credentials_ref: credentialRef.nullable().default(null).meta({
    description:
      'The JSON key of a service account. null: the credentials of the machine itself, for addresses that the operator allows by name.',
  }),
  token_url: receiverUrl.default('https://oauth2.googleapis.com/token'),
  tls: tlsSettings,
});

export type SecopsSettings = z.output<typeof secopsSettings>;

export const secopsSink = sinkType({
  label: 'Google Security Operations',
  settings: secopsSettings,
  formats: ['native', 'udm', 'ocsf-1.8.0', 'ocsf-1.9.0', 'ecs-9.4', 'flat', 'cef'],
  raw: true,
  compact: false,
  acknowledgement: 'received',
  // A raw log goes out in base64, which makes it a third larger.
  limits: { events: 1_000, bytes: 600_000, ageMs: 250, eventBytes: 262_144, window: 1 },
  objectiveSeconds: 120,
  fixedBatches: false,
  destination: ({ url, instance }) => `${destinationOf(url)}/${instance}`,
  connect: async (settings, deps) => (await import('./transport.ts')).openSecops(settings, deps),
});
