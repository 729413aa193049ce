/** Sends one event that says nothing, and gives back what the receiver answers: before a sink is saved, and after. */
import { randomBytes } from 'node:crypto';
import { mapAttested, mapItem, type StreamCheckpoint } from '@hivekey/siem';
import { refuseOfSlack } from '../upstreams/index.ts';
import { CheckpointMaker } from './checkpoint.ts';
import { depsOf, type SinksContext, theLiveSink, type Who } from './context.ts';
import { refuseTakenPath } from './file/taken.ts';
import { newSettings, type Prepared, type TrySink } from './input.ts';
import { SINK_TYPES } from './registry.ts';
import { limitsOf, type Sink, type SinkSettings, workspaceOf } from './store.ts';
import type { Delivery, OutgoingEvent } from './transport.ts';

const TIMEOUT_MS = 30_000;

export interface Tried {
  /** Whether the receiver took it, and whether it says that it is stored. */
  readonly delivered: boolean;
  readonly confirmed: boolean;
  readonly code: string | null;
  /** What was answered, in words. */
  readonly why: string | null;
  readonly tookMs: number;
  readonly remarks: readonly string[];
  /** By which it is found at the receiver, and how it looks. */
  readonly eventId: string;
  readonly event: string;
  readonly destination: string;
}

/** Throws what `createSink` throws of settings. */
export function trySettings(context: SinksContext, who: Who, given: TrySink): Promise<Tried> {
  return attempt(context, who, newSettings(given), undefined);
}

/** Throws `sink_not_found`, `sink_deleted`, and what connecting throws. */
export async function trySink(context: SinksContext, who: Who, idOrName: string): Promise<Tried> {
  const sink = await theLiveSink(context.pool, who.workspaceId, idOrName);
  const open = SINK_TYPES[sink.kind].open(sink.settings);
  return attempt(context, who, { sink, open }, sink.id);
}

async function attempt(
  context: SinksContext,
  { workspaceId, actor }: Who,
  { sink, open }: Prepared,
  id: string | undefined,
): Promise<Tried> {
  const { pool, log } = context;
  await refuseOfSlack(pool, workspaceId, 'other', open.credentials);
  await refuseTakenPath(pool, workspaceId, id, sink);
  const place = await workspaceOf(pool, workspaceId);
  const identity = { id: id ?? 'snk_test', name: sink.name, workspaceId, ...place, format: sink.format, replay: false };
  const transport = await open.connect(depsOf(context, identity));
  try {
    const event = await testEvent(context, { ...sink, id: identity.id, workspaceId }, place);
    const startedMs = performance.now();
    const batch = { events: [event], id: `${identity.id}:test-${event.id.slice(-12)}`, attempt: 1 };
    const delivery = await transport.send(batch, AbortSignal.timeout(TIMEOUT_MS));
    const tookMs = Math.round(performance.now() - startedMs);
    const answer = answerOf(delivery);
    await log.record(workspaceId, {
      kind: 'sink.changed',
      actor,
      change: 'tested',
      sink_id: id,
      sink: sink.name,
      sink_kind: sink.kind,
      format: sink.format,
      destination: open.destination,
      delivered: answer.delivered,
      code: answer.code ?? undefined,
    });
    const { destination } = open;
    const remarks = transport.remarks?.() ?? [];
    return { ...answer, tookMs, remarks, eventId: event.id, event: event.body, destination };
  } finally {
    await transport.close();
  }
}

/** A checkpoint that belongs to no stream: nothing of it can be taken for something that happened. */
async function testEvent(
  { log, clock }: SinksContext,
  sink: SinkSettings & Pick<Sink, 'id' | 'workspaceId'>,
  place: { readonly workspace: string; readonly env: string },
): Promise<OutgoingEvent> {
  const made = await new CheckpointMaker(log, sink, place, 0, clock).make(0, {});
  const ts = new Date(clock()).toISOString();
  const item: StreamCheckpoint = {
    ...(made ?? NOTHING_SIGNED),
    ...place,
    type: 'checkpoint',
    id: `ckp_test_${randomBytes(6).toString('hex')}`,
    sink: sink.id,
    ts,
  };
  const { raw, compact, omit, format } = sink;
  const settings = { raw, compact, omit, replayed: false, maxBytes: limitsOf(sink).eventBytes };
  const body =
    format === 'ocsf-1.9.0'
      ? mapAttested(item, settings, { uid: `${sink.id}/test`, previous: null }).line
      : mapItem(format, item, settings);
  return { item, id: item.id, kind: 'stream.checkpoint', time: Date.parse(ts), body };
}

const NOTHING_SIGNED = { treeSize: 0, rootHash: '', note: '', cursorSeq: 0, counts: {}, filter: null } as const;

function answerOf(delivery: Delivery): Pick<Tried, 'delivered' | 'confirmed' | 'code' | 'why'> {
  switch (delivery.kind) {
    case 'taken':
      return { delivered: true, confirmed: delivery.confirmed, code: null, why: null };
    case 'partly': {
      const refused = delivery.rejected[0]?.why;
      return { delivered: false, confirmed: false, code: 'event_refused', why: refused ?? delivery.why };
    }
    case 'short':
      return { delivered: false, confirmed: false, code: 'event_refused', why: delivery.why };
    case 'retry':
    case 'split':
    case 'hold':
      return { delivered: false, confirmed: false, code: delivery.code, why: delivery.why };
  }
}
