/** Elasticsearch and OpenSearch, by their bulk API. */
import { z } from 'zod';
import { destinationOf, receiverUrl, tlsSettings } from '../http/settings.ts';
import { credentialRef, sinkType } from '../sink-type.ts';

const auth = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('api_key'), key_ref: credentialRef }).meta({
    description: 'The value is the encoded key: base64 of `<id>:<key>`.',
  }),
  z.strictObject({
    method: z.literal('basic'),
    username: z
      .string()
      .max(256)
      .regex(/^[^:\p{Cc}]+$/u),
    password_ref: credentialRef,
  }),
  z.strictObject({
    method: z.literal('aws'),
    region: z.string().regex(/^[a-z0-9-]{1,32}$/),
    service: z.enum(['es', 'aoss']).default('es'),
    credentials: z
      .strictObject({
        access_key_id: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/),
        secret_access_key_ref: credentialRef,
        session_token_ref: credentialRef.nullable().default(null),
      })
      .nullable()
      .default(null)
      .meta({
        description:
          'null: those that the machine itself has (instance or web identity role, environment), for addresses that the operator allows by name.',
      }),
  }),
  z.strictObject({ method: z.literal('none') }).meta({ description: 'A client certificate says who we are.' }),
]);

const elasticSettings = z
  .strictObject({
    product: z.enum(['elasticsearch', 'opensearch']).default('elasticsearch'),
    url: receiverUrl,
    data_stream: z
      .string()
      .regex(/^(?!\.)[a-z0-9._-]{1,255}$/, 'is not the name of a data stream')
      .default('logs-hivekey.action-default'),
    auth,
    compatible_with: z
      .literal([8, 9])
      .default(9)
      .meta({ description: 'Major version that Elasticsearch is asked to speak; version 8 refuses 9.' }),
    tls: tlsSettings,
  })
  .refine(({ product, auth: { method } }) => product === 'opensearch' || method !== 'aws', {
    error: 'requests are signed for AWS with product opensearch alone',
    path: ['auth'],
  });

export type ElasticSettings = z.output<typeof elasticSettings>;

export const elasticSink = sinkType({
  label: 'Elasticsearch or OpenSearch',
  settings: elasticSettings,
  formats: ['ecs-9.4', 'ocsf-1.8.0', 'ocsf-1.9.0', 'native', 'flat'],
  raw: true,
  compact: false,
  acknowledgement: 'stored',
  limits: { events: 1_000, bytes: 4_500_000, ageMs: 50, eventBytes: 262_144, window: 2 },
  objectiveSeconds: 60,
  fixedBatches: false,
  destination: ({ url, data_stream: stream }) => `${destinationOf(url)}/${stream}`,
  connect: async (settings, deps) => (await import('./transport.ts')).openElastic(settings, deps),
});
