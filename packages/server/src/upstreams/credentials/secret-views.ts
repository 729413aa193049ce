/** Stored credentials as the API gives them out. Values never are. */
import { z } from 'zod';

/** A credential that ends within this time is warned of. */
export const WARN_DAYS = 14;
const DAY_MS = 86_400_000;

const STATES = ['staged', 'current', 'previous', 'retired'] as const;

const versionSchema = z.object({
  version: z.int(),
  state: z.enum(STATES).meta({
    description:
      'staged: not used yet; current: used; previous: can be promoted again until it retires; retired: its value is erased.',
  }),
  last4: z.string(),
  created: z.int(),
  created_by: z.string(),
  expires: z.int().nullable().meta({ description: 'When it ends at the upstream, as whoever stored it says.' }),
  retires: z.int().nullable().meta({ description: 'Of a previous version: when its value is erased.' }),
  key: z.string().meta({ description: 'The key-encryption key it stands under.' }),
});

const userSchema = z.object({
  kind: z.enum(['mcp_server', 'http_api', 'channel', 'sink']),
  id: z.string(),
  name: z.string(),
  status: z.string(),
});

export const secretSchema = z
  .object({
    object: z.literal('secret'),
    name: z.string(),
    version: z.int().meta({ description: 'The current one; 0 while there is only a staged one.' }),
    last4: z.string(),
    created: z.int(),
    created_by: z.string(),
    expires: z.int().nullable(),
    expiry: z.enum(['none', 'ok', 'soon', 'past']).meta({ description: `soon: within ${WARN_DAYS} days.` }),
    last_used: z
      .int()
      .nullable()
      .meta({ description: 'When it was last resolved for a request; up to half a minute late.' }),
    versions: z.array(versionSchema).meta({ description: 'Newest first; retired ones only where one secret is read.' }),
    used_by: z.array(userSchema),
  })
  .meta({ id: 'Secret' });
export type SecretView = z.output<typeof secretSchema>;

export const secretDetailSchema = secretSchema
  .extend({
    agents: z
      .array(
        z.object({
          id: z.string(),
          name: z.string(),
          status: z.string(),
          capabilities: z.array(z.string()).meta({ description: 'Granted, of the servers and APIs that use it.' }),
          last_call: z.int().nullable().meta({ description: 'The newest allowed call there of the last 90 days.' }),
        }),
      )
      .meta({ description: 'Who can reach it: who wears a role that grants a capability behind it.' }),
  })
  .meta({ id: 'SecretDetail' });
export type SecretDetailView = z.output<typeof secretDetailSchema>;
export type SecretUser = z.output<typeof userSchema>;

export interface VersionRow {
  readonly name: string;
  readonly version: number;
  readonly state: (typeof STATES)[number];
  readonly last4: string;
  readonly created_at: Date;
  readonly created_by: string;
  readonly expires_at: Date | null;
  readonly retires_at: Date | null;
  readonly kek: string;
}

export function secondsOf(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

function secondsOrNull(date: Date | null | undefined): number | null {
  return date === null || date === undefined ? null : secondsOf(date);
}

/** `rows`: of one name, newest first; at least one. */
export function secretView(
  rows: readonly VersionRow[],
  about: { readonly usedAt: Date | undefined; readonly usedBy: readonly SecretUser[]; readonly nowMs: number },
): SecretView {
  const shown = rows.find(({ state }) => state === 'current') ?? rows[0];
  if (shown === undefined) throw new Error('a secret has a version');
  return {
    object: 'secret',
    name: shown.name,
    version: shown.state === 'current' ? shown.version : 0,
    last4: shown.last4,
    created: secondsOf(shown.created_at),
    created_by: shown.created_by,
    expires: secondsOrNull(shown.expires_at),
    expiry: expiryOf(shown.expires_at, about.nowMs),
    last_used: secondsOrNull(about.usedAt),
    versions: rows.map((row) => ({
      version: row.version,
      state: row.state,
      last4: row.last4,
      created: secondsOf(row.created_at),
      created_by: row.created_by,
      expires: secondsOrNull(row.expires_at),
      retires: secondsOrNull(row.retires_at),
      key: row.kek,
    })),
    used_by: [...about.usedBy],
  };
}

function expiryOf(expiresAt: Date | null, nowMs: number): SecretView['expiry'] {
  if (expiresAt === null) return 'none';
  const left = expiresAt.getTime() - nowMs;
  return left <= 0 ? 'past' : left < WARN_DAYS * DAY_MS ? 'soon' : 'ok';
}

export const encryptionKeysSchema = z
  .object({
    object: z.literal('encryption_keys'),
    current: z.string(),
    keys: z.array(
      z.object({
        reference: z.string(),
        state: z.enum(['current', 'retiring', 'retired']).meta({
          description: 'retiring: keep it, versions may still stand under it; retired: nothing does.',
        }),
        versions: z.int().meta({ description: 'Stored versions under it.' }),
        set: z.int().nullable(),
        set_by: z.string().nullable(),
      }),
    ),
    rewrap: z
      .object({
        id: z.string(),
        key: z.string(),
        state: z.enum(['running', 'done', 'failed']),
        total: z.int(),
        done: z.int(),
        failed: z.int(),
        last_error: z.string().nullable(),
        started: z.int(),
        started_by: z.string(),
        finished: z.int().nullable(),
      })
      .nullable()
      .meta({ description: 'The newest one.' }),
  })
  .meta({ id: 'EncryptionKeys' });
export type EncryptionKeysView = z.output<typeof encryptionKeysSchema>;
