/** Microsoft Sentinel, by the Logs Ingestion API of Azure Monitor. */
import { z } from 'zod';
import { destinationOf, receiverUrl, tlsSettings } from '../http/settings.ts';
import { credentialRef, sinkType } from '../sink-type.ts';

const uuid = z.string().regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'is not a UUID');
/** A bearer token is sent over https alone. */
const secureUrl = receiverUrl.refine((url) => url.startsWith('https://'), { error: 'is not an https address' });

const credential = z
  .strictObject({ tenant_id: uuid, client_id: uuid, client_secret_ref: credentialRef })
  .nullable()
  .default(null)
  .meta({
    description:
      'null: that of the machine itself (federated token of a workload, managed identity, environment), for endpoints that the operator allows by name.',
  });

const sentinelSettings = z
  .strictObject({
    endpoint: secureUrl.meta({
      description: 'Logs ingestion endpoint of the data collection rule or of a data collection endpoint.',
    }),
    rule_id: z
      .string()
      .regex(/^dcr-[0-9a-f]{32}$/, 'is not an immutable id such as dcr-00000000000000000000000000000000'),
    stream: z
      .string()
      .regex(/^Custom-[A-Za-z][A-Za-z0-9_]{0,99}$/, 'is not a stream such as Custom-HiveKeyActions_CL')
      .default('Custom-HiveKeyActions_CL'),
    credential,
    cloud: z.enum(['public', 'us_government', 'china']).default('public'),
    authority: z
      .strictObject({ url: secureUrl, tls: tlsSettings })
      .nullable()
      .default(null)
      .meta({ description: 'In place of the authority of the cloud.' }),
    tls: tlsSettings,
  })
  // What the machine shows to its authority is not shown to another.
  .refine(({ credential: given, authority }) => given !== null || authority === null, {
    error: 'another authority takes a credential of its own',
    path: ['authority'],
  });

export type SentinelSettings = z.output<typeof sentinelSettings>;

export const sentinelSink = sinkType({
  label: 'Microsoft Sentinel',
  settings: sentinelSettings,
  formats: ['flat'],
  raw: true,
  compact: false,
  acknowledgement: 'received',
  // A call has at most 1 MB, as it is and compressed; one after another, for the order.
  limits: { events: 2_000, bytes: 900_000, ageMs: 250, eventBytes: 262_144, window: 1 },
  objectiveSeconds: 120,
  fixedBatches: false,
  destination: ({ endpoint, rule_id: rule, stream }) => `${destinationOf(endpoint)}/${rule}/${stream}`,
  connect: async (settings, deps) => (await import('./transport.ts')).openSentinel(settings, deps),
});
