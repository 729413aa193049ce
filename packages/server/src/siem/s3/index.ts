/** Objects in a bucket of S3, or of a store that speaks as S3 does: written once, never over another. */
import { z } from 'zod';
import { credentialRef, sinkType } from '../sink-type.ts';
import { tlsSettings } from '../socket/settings.ts';

const credentials = z
  .strictObject({
    access_key_id: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/),
    secret_access_key_ref: credentialRef,
    session_token_ref: credentialRef.nullable().default(null),
  })
  .nullable()
  .default(null)
  .meta({
    description:
      'null: those that the machine itself has (instance or web identity role, environment), for buckets that the operator allows by name.',
  });

const objectLock = z
  .strictObject({
    mode: z.enum(['GOVERNANCE', 'COMPLIANCE']),
    retain_days: z.int().min(1).max(36_500),
  })
  .nullable()
  .default(null)
  .meta({ description: 'null: what the bucket gives every object by default.' });

const s3Settings = z.strictObject({
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'is not the name of a bucket'),
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/)
    .default('us-east-1'),
  prefix: z
    .string()
    .regex(
      /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9._=-]+(?:\/[A-Za-z0-9._=-]+)*$/,
      'is not a path without a slash at its ends',
    )
    .max(256)
    .default('hivekey'),
  endpoint: z
    .string()
    .max(2048)
    .nullable()
    .default(null)
    .meta({ description: 'null: Amazon S3 in the region. Else the address of a store that speaks as S3 does.' }),
  path_style: z.boolean().default(false).meta({ description: 'The bucket in the path, not in the host.' }),
  tls: tlsSettings.prefault({}),
  credentials,
  file: z
    .enum(['ndjson.gz', 'parquet'])
    .default('ndjson.gz')
    .meta({ description: 'parquet takes the format `flat`: its fields are the columns.' }),
  object_lock: objectLock,
  kms_key_id: z.string().min(1).max(2048).nullable().default(null).meta({ description: 'SSE-KMS with this key.' }),
});

export type S3Settings = z.output<typeof s3Settings>;

export const s3Sink = sinkType({
  label: 'S3',
  settings: s3Settings,
  formats: ['native', 'flat', 'ocsf-1.8.0', 'ocsf-1.9.0', 'ecs-9.4', 'udm'],
  raw: true,
  compact: false,
  acknowledgement: 'stored',
  limits: { events: 20_000, bytes: 64 * 1024 * 1024, ageMs: 300_000, eventBytes: 262_144, window: 1 },
  // A range is chosen five minutes after its first event at the latest.
  objectiveSeconds: 600,
  fixedBatches: true,
  destination: ({ endpoint, bucket, prefix }) =>
    `s3://${endpoint === null ? '' : `${new URL(endpoint).host}/`}${bucket}/${prefix}`,
  connect: async (settings, deps) => (await import('./transport.ts')).openS3(settings, deps),
});
