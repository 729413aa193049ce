/** Lines in a file below a folder that the operator allows: for agents that tail files, and for places without a network. */
import { z } from 'zod';
import { sinkType } from '../sink-type.ts';

const fileSettings = z.strictObject({
  path: z
    .string()
    .regex(
      /^(?!\/)(?!.*(?:^|\/)\.)[A-Za-z0-9._/-]{1,200}\.ndjson$/,
      'is not a relative path such as siem/hivekey.ndjson',
    )
    .meta({ description: 'Below the folder of HIVEKEY_SINK_FILES. Full files get a number before `.ndjson`.' }),
  rotate_bytes: z
    .int()
    .min(1_048_576)
    .max(10_737_418_240)
    .default(268_435_456)
    .meta({ description: 'A file that has this many bytes is put aside.' }),
  keep_files: z
    .int()
    .min(1)
    .max(10_000)
    .nullable()
    .default(null)
    .meta({ description: 'Files put aside that are kept; null: all. An older one is deleted.' }),
});

export type FileSettings = z.output<typeof fileSettings>;

export const fileSink = sinkType({
  label: 'File',
  settings: fileSettings,
  formats: ['native', 'ocsf-1.8.0', 'ocsf-1.9.0', 'ecs-9.4', 'flat', 'udm', 'cef'],
  raw: true,
  compact: false,
  acknowledgement: 'stored',
  limits: { events: 2_000, bytes: 8_388_608, ageMs: 50, eventBytes: 262_144, window: 1 },
  objectiveSeconds: 60,
  fixedBatches: false,
  destination: ({ path }) => `file:${path}`,
  connect: async (settings, deps) => (await import('./transport.ts')).openFile(settings, deps),
});
