/** Kafka: one topic, one key for each workspace, so one partition holds a workspace's log in order. */
import { z } from 'zod';
import { credentialRef, sinkType } from '../sink-type.ts';
import { clusterShape } from '../socket/settings.ts';

const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

const sasl = z
  .strictObject({
    mechanism: z.enum(SASL_MECHANISMS),
    user: z.string().min(1).max(256),
    password_ref: credentialRef,
  })
  .nullable()
  .default(null);

const kafkaSettings = z
  .strictObject({
    ...clusterShape('Brokers to begin with'),
    topic: z
      .string()
      .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, 'is not the name of a topic')
      .default('hivekey.log'),
    sasl,
    compression: z.enum(['none', 'gzip', 'zstd']).default('none'),
  })
  .refine(({ tls, sasl: login }) => tls !== null || login?.mechanism !== 'PLAIN', {
    error: 'PLAIN shows the password to who listens: it takes tls',
    path: ['sasl'],
  });

export type KafkaSettings = z.output<typeof kafkaSettings>;

export const kafkaSink = sinkType({
  label: 'Kafka',
  settings: kafkaSettings,
  formats: ['native', 'ocsf-1.8.0', 'ocsf-1.9.0', 'ecs-9.4', 'flat', 'udm'],
  raw: true,
  compact: false,
  acknowledgement: 'stored',
  // Brokers take a batch of 1 MB unless they are told otherwise (message.max.bytes), compressed or not.
  limits: { events: 500, bytes: 900_000, ageMs: 25, eventBytes: 262_144, window: 1 },
  objectiveSeconds: 60,
  fixedBatches: false,
  destination: ({ servers, topic, tls }) => `kafka${tls === null ? '' : '+tls'}://${servers.join(',')}/${topic}`,
  connect: async (settings, deps) => (await import('./transport.ts')).openKafka(settings, deps),
});
