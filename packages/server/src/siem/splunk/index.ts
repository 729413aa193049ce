/** Splunk by its HTTP Event Collector (HEC), with indexer acknowledgement where the receiver has it. */
import { z } from 'zod';
import { destinationOf, receiverUrl, tlsSettings } from '../http/settings.ts';
import { credentialRef, sinkType } from '../sink-type.ts';

const name = z.string().min(1).max(256);

export const splunkSettings = z.strictObject({
  url: receiverUrl.meta({ description: 'Of the collector, such as https://splunk.acme.example:8088.' }),
  token_ref: credentialRef,
  acknowledge: z.boolean().default(true).meta({
    description:
      'Waits for the indexers. The token must have acknowledgement enabled; Splunk Cloud offers it for Firehose only.',
  }),
  index: name.nullable().default(null).meta({ description: 'null: the default of the token.' }),
  sourcetype: name.nullable().default(null).meta({ description: 'null: `hivekey:` and the name of the format.' }),
  source: name.default('hivekey'),
  host: name.nullable().default(null),
  tls: tlsSettings,
});

export type SplunkSettings = z.output<typeof splunkSettings>;

export const splunkSink = sinkType({
  label: 'Splunk HTTP Event Collector',
  settings: splunkSettings,
  formats: ['ocsf-1.8.0', 'ocsf-1.9.0', 'native', 'ecs-9.4', 'flat', 'udm', 'cef'],
  raw: true,
  compact: false,
  acknowledgement: 'stored',
  // A request is to have at most 500 events and 1 MB with what stands around each of them.
  limits: { events: 500, bytes: 850_000, ageMs: 50, eventBytes: 262_144, window: 4 },
  objectiveSeconds: 60,
  fixedBatches: false,
  destination: ({ url }) => destinationOf(url),
  connect: async (settings, deps) => (await import('./transport.ts')).openSplunk(settings, deps),
});
