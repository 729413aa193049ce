/** Sinks and what belongs to them, as the API shows them. */
import { FORMATS } from '@hivekey/siem';
import { z } from 'zod';
import type { Completeness, Place } from './completeness.ts';
import type { Letter } from './dead-letters.ts';
import { filterWords, LEFT_OUT_NAMES } from './filter.ts';
import { SINK_STATES } from './health.ts';
import type { LedgerDay } from './ledger.ts';
import type { Overview } from './overview.ts';
import { SINK_KINDS, SINK_TYPES } from './registry.ts';
import type { Skip } from './skip.ts';
import { limitsOf } from './store.ts';
import type { Stream } from './streams.ts';
import type { Tried } from './try.ts';

const seconds = z.int().nullable();
const limits = z.object({ events: z.int(), bytes: z.int(), age_ms: z.int(), window: z.int(), event_bytes: z.int() });
const error = z.object({ code: z.string(), cause: z.string(), at: seconds }).nullable();

export const sinkSchema = z
  .object({
    id: z.string(),
    object: z.literal('sink'),
    name: z.string(),
    kind: z.enum(SINK_KINDS),
    destination: z.string(),
    format: z.enum(FORMATS),
    settings: z.record(z.string(), z.unknown()),
    raw: z.boolean(),
    compact: z.boolean(),
    omit: z.array(z.string()),
    leave_out: z.array(z.enum(LEFT_OUT_NAMES)),
    filter: z.string().nullable().meta({ description: 'What is not sent, in words.' }),
    required: z.boolean(),
    limits,
    objective_seconds: z.int(),
    status: z.enum(['active', 'paused', 'deleted']),
    status_reason: z.string().nullable(),
    state: z.enum(SINK_STATES),
    acknowledgement: z.object({
      strongest: z.enum(['stored', 'received']).meta({ description: 'The most that receivers of this kind say.' }),
      confirmed: z.boolean().nullable().meta({ description: 'Whether the last batch was said to be stored.' }),
      remarks: z.array(z.string()),
    }),
    from_seq: z.int(),
    head_seq: z.int(),
    cursor_seq: z.int(),
    backlog_events: z.int(),
    oldest_unsettled_age_seconds: z.number().meta({ description: 'This is lag.' }),
    gap_seconds: z.number().meta({ description: 'For how long entries have waited and none was settled.' }),
    last_success_at: seconds,
    last_checkpoint_at: seconds,
    checkpoints: z.int(),
    failures: z.int().meta({ description: 'In a row, up to now.' }),
    failing_since: seconds,
    last_error: error,
    hold: z.object({ code: z.string(), cause: z.string(), retry_at: seconds }).nullable(),
    dead_letters: z.int().meta({ description: 'Entries that are set aside and wait.' }),
    events: z.int(),
    bytes: z.int(),
    retries: z.int().meta({ description: 'Events sent again: duplicates that the receiver may have.' }),
    duplicates: z.int().meta({ description: 'Of which the receiver said that it had them.' }),
    node: z.string().nullable(),
    created: z.int(),
    created_by: z.string(),
    updated: z.int(),
    updated_by: z.string(),
  })
  .meta({ id: 'Sink' });

export function sinkView({ sink, stream, standing, deadLetters }: Overview): z.output<typeof sinkSchema> {
  const type = SINK_TYPES[sink.kind];
  const { events, bytes, ageMs, window, eventBytes } = limitsOf(sink);
  return {
    id: sink.id,
    object: 'sink',
    name: sink.name,
    kind: sink.kind,
    destination: type.open(sink.settings).destination,
    format: sink.format,
    settings: { ...sink.settings },
    raw: sink.raw,
    compact: sink.compact,
    omit: [...sink.omit],
    leave_out: [...sink.leaveOut],
    filter: filterWords(sink.leaveOut, sink.omit),
    required: sink.required,
    limits: { events, bytes, age_ms: ageMs, window, event_bytes: eventBytes },
    objective_seconds: sink.objectiveSeconds,
    status: sink.status,
    status_reason: sink.statusReason,
    state: standing.state,
    acknowledgement: { strongest: type.acknowledgement, confirmed: stream.confirmed, remarks: [...stream.remarks] },
    from_seq: stream.fromSeq,
    head_seq: standing.headSeq,
    cursor_seq: standing.cursorSeq,
    backlog_events: standing.backlog,
    oldest_unsettled_age_seconds: standing.lagMs / 1000,
    gap_seconds: standing.gapMs / 1000,
    last_success_at: secondsOf(stream.lastSuccessAt),
    last_checkpoint_at: secondsOf(stream.checkpointedAt),
    checkpoints: stream.checkpoints,
    failures: stream.failures,
    failing_since: secondsOf(stream.failingSince),
    last_error: errorOf(stream),
    hold:
      stream.holdCode === null
        ? null
        : { code: stream.holdCode, cause: stream.holdWhy ?? '', retry_at: secondsOf(stream.retryAt) },
    dead_letters: deadLetters,
    events: stream.events,
    bytes: stream.bytes,
    retries: stream.retries,
    duplicates: stream.duplicates,
    node: stream.leaseNode,
    created: secondsAt(sink.createdAt),
    created_by: sink.createdBy,
    updated: secondsAt(sink.updatedAt),
    updated_by: sink.updatedBy,
  };
}

export const kindSchema = z
  .object({
    kind: z.enum(SINK_KINDS),
    object: z.literal('sink_kind'),
    label: z.string(),
    formats: z.array(z.enum(FORMATS)).meta({ description: 'The first one where nothing is said.' }),
    raw: z.boolean(),
    compact: z.boolean(),
    acknowledgement: z.enum(['stored', 'received']),
    limits,
    objective_seconds: z.int(),
    settings: z.record(z.string(), z.unknown()).meta({ description: 'JSON Schema.' }),
  })
  .meta({ id: 'SinkKind' });

export function kindViews(): z.output<typeof kindSchema>[] {
  return SINK_KINDS.map((kind) => {
    const {
      label,
      formats,
      raw,
      compact,
      acknowledgement,
      limits: most,
      objectiveSeconds,
      settings,
    } = SINK_TYPES[kind];
    const { events, bytes, ageMs, window, eventBytes } = most;
    return {
      kind,
      object: 'sink_kind',
      label,
      formats: [...formats],
      raw,
      compact,
      acknowledgement,
      limits: { events, bytes, age_ms: ageMs, window, event_bytes: eventBytes },
      objective_seconds: objectiveSeconds,
      settings: { ...z.toJSONSchema(settings, { io: 'input', unrepresentable: 'any' }) },
    };
  });
}

export const testSchema = z
  .object({
    object: z.literal('sink_test'),
    destination: z.string(),
    delivered: z.boolean(),
    confirmed: z.boolean().meta({ description: 'Whether the receiver said that it is stored.' }),
    code: z.string().nullable(),
    cause: z.string().nullable(),
    took_ms: z.int(),
    remarks: z.array(z.string()),
    event_id: z.string().meta({ description: 'By which the event is found at the receiver.' }),
    event: z.string().meta({ description: 'As it went out.' }),
  })
  .meta({ id: 'SinkTest' });

export function testView(tried: Tried): z.output<typeof testSchema> {
  const { destination, delivered, confirmed, code, why, tookMs, remarks, eventId, event } = tried;
  return {
    object: 'sink_test',
    destination,
    delivered,
    confirmed,
    code,
    cause: why,
    took_ms: tookMs,
    remarks: [...remarks],
    event_id: eventId,
    event,
  };
}

export const replaySchema = z
  .object({
    id: z.string(),
    object: z.literal('sink_replay'),
    purpose: z.enum(['replay', 'redrive']),
    from_seq: z.int(),
    to_seq: z.int(),
    cursor_seq: z.int(),
    status: z.enum(['running', 'done', 'cancelled']),
    reason: z.string().nullable(),
    events: z.int(),
    last_error: error,
    hold: z.object({ code: z.string(), cause: z.string(), retry_at: seconds }).nullable(),
    created: z.int(),
    created_by: z.string(),
    finished_at: seconds,
  })
  .meta({ id: 'SinkReplay' });

export function replayView(stream: Stream): z.output<typeof replaySchema> {
  return {
    id: stream.id,
    object: 'sink_replay',
    purpose: stream.purpose === 'redrive' ? 'redrive' : 'replay',
    from_seq: stream.fromSeq,
    to_seq: stream.toSeq ?? stream.fromSeq,
    cursor_seq: stream.cursorSeq,
    status: stream.status,
    reason: stream.reason,
    events: stream.events,
    last_error: errorOf(stream),
    hold:
      stream.holdCode === null
        ? null
        : { code: stream.holdCode, cause: stream.holdWhy ?? '', retry_at: secondsOf(stream.retryAt) },
    created: secondsAt(stream.createdAt),
    created_by: stream.createdBy,
    finished_at: secondsOf(stream.finishedAt),
  };
}

export const letterSchema = z
  .object({
    id: z.string(),
    object: z.literal('sink_dead_letter'),
    first_seq: z.int(),
    last_seq: z.int(),
    entries: z.int(),
    which: z.boolean().meta({ description: 'False: so many of the range, and the receiver did not say which.' }),
    event_id: z.string().nullable(),
    kind: z.string().nullable(),
    code: z.string(),
    cause: z.string(),
    status: z.enum(['waiting', 'redriving', 'redriven', 'dropped']),
    created: z.int(),
    changed_at: seconds,
    changed_by: z.string().nullable(),
    reason: z.string().nullable(),
  })
  .meta({ id: 'SinkDeadLetter' });

export function letterView(letter: Letter): z.output<typeof letterSchema> {
  return {
    id: letter.id,
    object: 'sink_dead_letter',
    first_seq: letter.firstSeq,
    last_seq: letter.lastSeq,
    entries: letter.entries,
    which: letter.which,
    event_id: letter.eventId,
    kind: letter.recordKind,
    code: letter.code,
    cause: letter.why,
    status: letter.status,
    created: secondsAt(letter.createdAt),
    changed_at: secondsOf(letter.changedAt),
    changed_by: letter.changedBy,
    reason: letter.reason,
  };
}

export const ledgerSchema = z
  .object({
    day: z.string().meta({ description: 'UTC, of the record.' }),
    object: z.literal('sink_ledger_day'),
    produced: z.int().meta({ description: 'Settled, those left out not counted: accepted + rejected.' }),
    accepted: z.int(),
    unconfirmed: z.int().meta({ description: 'Of those accepted: the receiver did not say that they are stored.' }),
    rejected: z.int(),
    filtered: z.int(),
    retried: z.int(),
    replayed: z.int(),
    duplicates: z.int(),
    checkpoints: z.int(),
    bytes: z.int(),
    max_lag_s: z.number(),
    gap_minutes: z.number().meta({ description: 'Of the day by the clock: entries waited, and none was settled.' }),
    first_seq: z.int().nullable(),
    last_seq: z.int().nullable(),
    acknowledgement: z.enum(['stored', 'received']),
    in_log: z.int().nullable().meta({ description: 'With prove=true: what the log has of the day for this sink.' }),
    proven: z.boolean().nullable().meta({
      description: 'With prove=true: in_log = produced + filtered, so that nothing is open and nothing is missing.',
    }),
  })
  .meta({ id: 'SinkLedgerDay' });

export function ledgerView(
  day: LedgerDay,
  strongest: 'stored' | 'received',
  inLog: number | undefined,
): z.output<typeof ledgerSchema> {
  return {
    day: day.day,
    object: 'sink_ledger_day',
    produced: day.produced,
    accepted: day.accepted,
    unconfirmed: day.unconfirmed,
    rejected: day.rejected,
    filtered: day.filtered,
    retried: day.retried,
    replayed: day.replayed,
    duplicates: day.duplicates,
    checkpoints: day.checkpoints,
    bytes: day.bytes,
    max_lag_s: day.maxLagMs / 1000,
    gap_minutes: Math.round(day.gapSeconds / 6) / 10,
    first_seq: day.firstSeq,
    last_seq: day.lastSeq,
    acknowledgement: strongest,
    in_log: inLog ?? null,
    proven: inLog === undefined ? null : inLog === day.produced + day.filtered,
  };
}

const place = z.object({ seq: z.int(), entry_hash: z.string(), hash: z.string() }).nullable();
export const completenessSchema = z
  .object({
    object: z.literal('sink_completeness'),
    from_seq: z.int(),
    to_seq: z.int(),
    cursor_seq: z.int(),
    in_log: z.int(),
    left_out: z.int(),
    settled: z.int(),
    set_aside: z.int(),
    open: z.int(),
    kinds: z.record(z.string(), z.int()),
    first: place,
    last: place,
    digest: z.string().meta({
      description: 'SHA-256 of the entry hashes of what goes out, 32 bytes each, in the order of the log.',
    }),
    filter: z.string().nullable(),
  })
  .meta({ id: 'SinkCompleteness' });

export function completenessView(of: Completeness): z.output<typeof completenessSchema> {
  return {
    object: 'sink_completeness',
    from_seq: of.fromSeq,
    to_seq: of.toSeq,
    cursor_seq: of.cursorSeq,
    in_log: of.inLog,
    left_out: of.leftOut,
    settled: of.settled,
    set_aside: of.setAside,
    open: of.open,
    kinds: { ...of.kinds },
    first: placeView(of.first),
    last: placeView(of.last),
    digest: of.digest,
    filter: of.filter,
  };
}

function placeView(of: Place | null): z.output<typeof place> {
  return of === null ? null : { seq: of.seq, entry_hash: of.entryHash, hash: of.hash };
}

export const skipSchema = z
  .object({
    id: z.string(),
    object: z.literal('sink_skip'),
    to_seq: z.int(),
    reason: z.string(),
    status: z.enum(['proposed', 'confirmed', 'withdrawn', 'expired']),
    proposed_at: z.int(),
    proposed_by: z.string(),
    proposed_by_person: z.string(),
    answer_by: z.int(),
    answered_at: seconds,
    answered_by: z.string().nullable(),
  })
  .meta({ id: 'SinkSkip' });

export function skipView(skip: Skip): z.output<typeof skipSchema> {
  return {
    id: skip.id,
    object: 'sink_skip',
    to_seq: skip.toSeq,
    reason: skip.reason,
    status: skip.status,
    proposed_at: secondsAt(skip.proposedAt),
    proposed_by: skip.proposedBy,
    proposed_by_person: skip.proposedByPerson,
    answer_by: secondsAt(skip.answerBy),
    answered_at: secondsOf(skip.answeredAt),
    answered_by: skip.answeredBy,
  };
}

function errorOf({ lastErrorCode, lastError, lastErrorAt }: Stream): z.output<typeof error> {
  return lastErrorCode === null ? null : { code: lastErrorCode, cause: lastError ?? '', at: secondsOf(lastErrorAt) };
}

function secondsOf(moment: Date | null): number | null {
  return moment === null ? null : secondsAt(moment);
}

function secondsAt(moment: Date): number {
  return Math.floor(moment.getTime() / 1000);
}
