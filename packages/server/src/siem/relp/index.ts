/** Syslog messages over RELP: as syslog, but the receiver answers for each message after it has dealt with it. */
import { z } from 'zod';
import { sinkType } from '../sink-type.ts';
import { endpointShape, printHostPort } from '../socket/settings.ts';
import { MESSAGE_EVENTS, messageShape } from '../syslog/index.ts';

const relpSettings = z.strictObject({ ...endpointShape(2514), ...messageShape });

export type RelpSettings = z.output<typeof relpSettings>;

export const relpSink = sinkType({
  label: 'RELP',
  settings: relpSettings,
  formats: ['flat', 'cef', 'ocsf-1.8.0', 'ocsf-1.9.0', 'ecs-9.4'],
  raw: false,
  compact: true,
  acknowledgement: 'stored',
  limits: { events: 1_000, bytes: 2_097_152, ageMs: 25, eventBytes: MESSAGE_EVENTS.default, window: 1 },
  eventBytes: MESSAGE_EVENTS.of,
  objectiveSeconds: 60,
  fixedBatches: false,
  destination: (settings) => `relp${settings.tls === null ? '' : '+tls'}://${printHostPort(settings)}`,
  connect: async (settings, deps) => (await import('./transport.ts')).openRelp(settings, deps),
});
