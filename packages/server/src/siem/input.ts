/** What the API takes of a sink, and the settings that come of it. */
import { FORMATS } from '@hivekey/siem';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import { LEFT_OUT_NAMES } from './filter.ts';
import { SINK_KINDS, SINK_TYPES } from './registry.ts';
import type { OpenSettings } from './sink-type.ts';
import { limitsSchema, type Sink, type SinkSettings } from './store.ts';

const name = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'is not a name such as splunk-prod');
const format = z.enum(FORMATS);
const settings = z.record(z.string(), z.unknown()).meta({
  description: 'Of the kind; GET /v1/siem/kinds has the schema of each. Credentials are references.',
});
const omit = z
  .array(z.string().regex(/^[a-z][a-z0-9_]{0,63}$/))
  .max(64)
  .meta({ description: 'Fields of records that do not go out. A record that has one goes out without its raw bytes.' });
const leaveOut = z.array(z.enum(LEFT_OUT_NAMES)).max(LEFT_OUT_NAMES.length).meta({
  description:
    'Records that do not go out. What was refused or held, and records about the stream, policy, roles, revocations and findings always do.',
});

const common = {
  format: format.optional(),
  raw: z.boolean().optional().meta({ description: 'Whether the exact record travels inside the event.' }),
  compact: z.boolean().optional().meta({ description: 'Without arguments, trace and raw bytes.' }),
  omit: omit.optional(),
  leave_out: leaveOut.optional(),
  required: z.boolean().optional().meta({ description: 'The log is not pruned beyond it. True when absent.' }),
  limits: limitsSchema.optional(),
  objective_seconds: z.int().min(1).max(86_400).optional(),
};

const sinkStart = z
  .union([
    z.strictObject({ at: z.literal('now') }),
    z.strictObject({ seq: z.int().min(1) }),
    z.strictObject({ time: z.iso.datetime({ offset: true }) }),
  ])
  .meta({ description: 'The first entry that is sent: what comes from now on, a number, or the first one of a time.' });

export const trySinkSchema = z.strictObject({ name, kind: z.enum(SINK_KINDS), settings, ...common });
export const newSinkSchema = trySinkSchema.extend({ start: sinkStart.optional() });
export const sinkChangeSchema = z.strictObject({ name: name.optional(), settings: settings.optional(), ...common });

export type TrySink = z.output<typeof trySinkSchema>;
export type NewSink = z.output<typeof newSinkSchema>;
export type SinkChange = z.output<typeof sinkChangeSchema>;

export interface Prepared {
  readonly sink: SinkSettings;
  readonly open: OpenSettings;
}

/** Throws `sink_settings_invalid`, `sink_format_unsupported`, `sink_limits_invalid`. */
export function newSettings(given: TrySink): Prepared {
  const type = SINK_TYPES[given.kind];
  const [first] = type.formats;
  return checked({
    name: given.name,
    kind: given.kind,
    format: given.format ?? first,
    settings: given.settings,
    raw: given.raw ?? type.raw,
    compact: given.compact ?? type.compact,
    omit: [...new Set(given.omit ?? [])],
    leaveOut: [...new Set(given.leave_out ?? [])],
    required: given.required ?? true,
    limits: limitsOf(given.limits ?? {}),
    objectiveSeconds: given.objective_seconds ?? type.objectiveSeconds,
  });
}

/** Throws as `newSettings`. Settings of the kind are given whole. */
export function changedSettings(sink: Sink, given: SinkChange): Prepared {
  return checked({
    name: given.name ?? sink.name,
    kind: sink.kind,
    format: given.format ?? sink.format,
    settings: given.settings ?? sink.settings,
    raw: given.raw ?? sink.raw,
    compact: given.compact ?? sink.compact,
    omit: given.omit === undefined ? sink.omit : [...new Set(given.omit)],
    leaveOut: given.leave_out === undefined ? sink.leaveOut : [...new Set(given.leave_out)],
    required: given.required ?? sink.required,
    limits: given.limits === undefined ? sink.limits : limitsOf(given.limits),
    objectiveSeconds: given.objective_seconds ?? sink.objectiveSeconds,
  });
}

function limitsOf({ events, bytes, age_ms: ageMs, window }: z.output<typeof limitsSchema>): SinkSettings['limits'] {
  return {
    ...(events === undefined ? {} : { events }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(ageMs === undefined ? {} : { ageMs }),
    ...(window === undefined ? {} : { window }),
  };
}

function checked(sink: SinkSettings): Prepared {
  const type = SINK_TYPES[sink.kind];
  const parsed = type.settings.safeParse(sink.settings);
  if (!parsed.success)
    throw new Failure(
      400,
      'sink_settings_invalid',
      `The settings of a sink of kind ${sink.kind} are not usable: ${parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'settings'}: ${message}`).join('; ')}.`,
      'GET /v1/siem/kinds has the schema of each kind.',
      parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })),
    );
  if (!type.formats.includes(sink.format))
    throw new Failure(
      400,
      'sink_format_unsupported',
      `A sink of kind ${sink.kind} is not sent ${sink.format}.`,
      `Use one of ${type.formats.join(', ')}.`,
    );
  const { events, bytes, window } = sink.limits;
  const most = type.limits;
  if ((events ?? 0) > most.events || (bytes ?? 0) > most.bytes || (window ?? 0) > most.window)
    throw new Failure(
      400,
      'sink_limits_invalid',
      `A batch of a sink of kind ${sink.kind} has at most ${most.events} events and ${most.bytes} bytes, and ${most.window} are on their way at once.`,
      'Set less, or nothing.',
    );
  const open = type.open(sink.settings);
  return { sink: { ...sink, settings: open.settings }, open };
}
