/** What is set of a channel. Credentials stand here as references, never as values. */
import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

const credentialRef = z.string().min(1).max(512).meta({
  description: 'vault://<name>, env://<VARIABLE> or file://<path>',
});
const slackChannel = z.string().regex(/^[CG][A-Z0-9]{2,20}$/, 'is not a channel id such as C012AB3CD');

export const slackSettingsSchema = z.strictObject({
  bot_token_ref: credentialRef,
  signing_secret_ref: credentialRef,
  channel: slackChannel.meta({ description: 'Where requests go that no group channel takes.' }),
  group_channels: z
    .record(z.string().max(64), slackChannel)
    .default({})
    .meta({ description: 'Where requests go that a person of the group must answer.' }),
  api_url: z.string().max(2048).default('https://slack.com/api/').meta({
    description: 'https://slack-gov.com/api/ for GovSlack.',
  }),
});

const hostName = z
  .string()
  .max(253)
  .refine((text) => isIP(text) !== 0 || /^(?!-)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*$/.test(text), {
    error: 'is not a host name or IP address',
  });

/** From is only an address: what people read beside it cannot be written so that it looks like another. */
export const emailSettingsSchema = z
  .strictObject({
    host: hostName,
    port: z.int().min(1).max(65_535).default(587),
    security: z.enum(['starttls', 'tls', 'none']).default('starttls').meta({
      description: '`none` only to a loopback address.',
    }),
    username: z.string().min(1).max(256).nullable().default(null),
    password_ref: credentialRef.nullable().default(null),
    from: z.email().max(254),
  })
  .refine(({ username, password_ref }) => (username === null) === (password_ref === null), {
    error: 'username and password_ref belong together',
  })
  .refine(({ security, host }) => security !== 'none' || isLoopback(host), {
    error: 'without TLS only a loopback host can be used',
    path: ['security'],
  });

export type SlackSettings = z.output<typeof slackSettingsSchema>;
export type EmailSettings = z.output<typeof emailSettingsSchema>;
export type ChannelKind = 'slack' | 'email';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** An address, or the one name that RFC 6761 reserves for it. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? host.toLowerCase() === 'localhost' : LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
