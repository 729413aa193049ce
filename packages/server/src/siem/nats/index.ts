/** NATS JetStream: stored when the server says so, and a second time of the same id within its window is none. */
import { z } from 'zod';
import { credentialRef, sinkType } from '../sink-type.ts';
import { clusterShape } from '../socket/settings.ts';

const auth = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({ kind: z.literal('password'), user: z.string().min(1).max(256), password_ref: credentialRef }),
    z.strictObject({ kind: z.literal('token'), token_ref: credentialRef }),
    z.strictObject({
      kind: z.literal('creds'),
      creds_ref: credentialRef.meta({ description: 'A credentials file of nsc: user JWT and seed.' }),
    }),
  ])
  .prefault({ kind: 'none' });

const natsSettings = z.strictObject({
  ...clusterShape('Servers of one cluster'),
  subject: z
    .string()
    .max(256)
    .regex(/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/, 'is not a subject without wildcards')
    .default('hivekey.log')
    .meta({ description: 'Subject of every event. A stream has to hold it.' }),
  auth,
});

export type NatsSettings = z.output<typeof natsSettings>;

export const natsSink = sinkType({
  label: 'NATS JetStream',
  settings: natsSettings,
  formats: ['native', 'ocsf-1.8.0', 'ocsf-1.9.0', 'ecs-9.4', 'flat', 'udm'],
  raw: true,
  compact: false,
  acknowledgement: 'stored',
  limits: { events: 500, bytes: 4_194_304, ageMs: 25, eventBytes: 262_144, window: 1 },
  objectiveSeconds: 60,
  fixedBatches: false,
  destination: ({ servers, subject, tls }) => `nats${tls === null ? '' : '+tls'}://${servers.join(',')}/${subject}`,
  connect: async (settings, deps) => (await import('./transport.ts')).openNats(settings, deps),
});
