/** Syslog of RFC 5424 over TLS (RFC 5425) or TCP: read by everything, acknowledged by nothing. */
import { z } from 'zod';
import { sinkType } from '../sink-type.ts';
import { endpointShape, printHostPort } from '../socket/settings.ts';

/** Largest message that passes every receiver once its own limit is raised; above, imtcp of rsyslog takes it apart. */
export const MAX_MESSAGE_BYTES = 65_536;
/** rsyslog cuts at 8,096 bytes unless told otherwise. */
const DEFAULT_MESSAGE_BYTES = 7_500;
/** Of header and structured data; ids and names of workspaces are bounded. */
const MOST_HEADER_BYTES = 536;

/** What one message needs beside its text. */
export const messageShape = {
  facility: z.int().min(0).max(23).default(13).meta({ description: 'RFC 5424, 6.2.1; 13 is the log audit.' }),
  hostname: z
    .string()
    .regex(/^[!-~]{1,128}$/, 'is not 1 to 128 printable characters without spaces')
    .default('hivekey')
    .meta({ description: 'HOSTNAME of the messages; the same from every node.' }),
  bom: z.boolean().default(false).meta({ description: 'Begin the text with a byte order mark.' }),
  max_message_bytes: z
    .int()
    .min(5_000)
    .max(MAX_MESSAGE_BYTES)
    .default(DEFAULT_MESSAGE_BYTES)
    .meta({ description: 'Longest message. A longer event goes out shorter, and names in `omitted` what is missing.' }),
};

/** What an event may have of a message. */
export const MESSAGE_EVENTS = {
  default: DEFAULT_MESSAGE_BYTES - MOST_HEADER_BYTES,
  of: (settings: { readonly max_message_bytes: number }): number => settings.max_message_bytes - MOST_HEADER_BYTES,
} as const;

const syslogSettings = z.strictObject({
  ...endpointShape(6514),
  ...messageShape,
  resend_events: z.int().min(0).max(10_000).default(1_000).meta({
    description:
      'How many events are sent again on a new connection, at most 16 MiB: the last ones may have been lost.',
  }),
});

export type SyslogSettings = z.output<typeof syslogSettings>;

export const syslogSink = sinkType({
  label: 'Syslog',
  settings: syslogSettings,
  formats: ['flat', 'cef', 'ocsf-1.8.0', 'ocsf-1.9.0', 'ecs-9.4'],
  raw: false,
  compact: true,
  acknowledgement: 'received',
  limits: { events: 200, bytes: 1_048_576, ageMs: 25, eventBytes: MESSAGE_EVENTS.default, window: 1 },
  eventBytes: MESSAGE_EVENTS.of,
  objectiveSeconds: 60,
  fixedBatches: false,
  destination: (settings) => `syslog${settings.tls === null ? '+tcp' : '+tls'}://${printHostPort(settings)}`,
  connect: async (settings, deps) => (await import('./transport.ts')).openSyslog(settings, deps),
});
