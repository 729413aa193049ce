/** Making, changing, pausing and deleting sinks: each one transaction with its record, so that the stream tells of it. */
import { Failure } from '../errors.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import { changesOf, type LoggedTransaction } from '../log/index.ts';
import { refuseOfSlack } from '../upstreams/index.ts';
import { depsOf, type SinksContext, theLiveSink, type Who } from './context.ts';
import { lockPaths, refuseTakenPath } from './file/taken.ts';
import { changedSettings, type NewSink, newSettings, type Prepared, type SinkChange } from './input.ts';
import {
  findSink,
  insertSink,
  listSinks,
  type Sink,
  type SinkSettings,
  setSinkStatus,
  updateSink,
  workspaceOf,
} from './store.ts';
import { finishStream, insertStream, renewStreams, streamsOf } from './streams.ts';

const MAX_SINKS = 50;

/** Throws the Failures of the settings, `sink_name_taken`, `too_many_sinks`, `sink_start_invalid`, and what connecting throws. */
export async function createSink(context: SinksContext, { workspaceId, actor }: Who, given: NewSink): Promise<Sink> {
  const { log } = context;
  const prepared = newSettings(given);
  const id = newId<string>('snk');
  await checkConnection(context, workspaceId, id, prepared);
  const fromSeq = await firstSeq(context, workspaceId, given.start ?? { at: 'now' });
  const sink = await log.transact(workspaceId, async (transaction) => {
    const { client, now, log: record } = transaction;
    const sinks = await listSinks(client, workspaceId);
    if (sinks.filter(({ status }) => status !== 'deleted').length >= MAX_SINKS)
      throw new Failure(409, 'too_many_sinks', `The workspace has ${MAX_SINKS} sinks already.`, 'Delete one.');
    await checkName(transaction, workspaceId, prepared.sink.name, undefined);
    await refuseOfSlack(client, workspaceId, 'other', prepared.open.credentials);
    await lockPaths(client);
    await refuseTakenPath(client, workspaceId, id, prepared.sink);
    const made = await insertSink(client, workspaceId, id, prepared.sink, { actor, now });
    const stream = {
      workspaceId,
      id: newId<string>('sst'),
      sinkId: id,
      purpose: 'live',
      fromSeq,
      toSeq: null,
    } as const;
    await insertStream(client, stream, { actor, now });
    record({ ...factsOf(made, prepared), actor, change: 'created', from_seq: fromSeq, ...settingsOf(made) });
    return made;
  });
  context.look();
  return sink;
}

/** Throws as `createSink`, and `sink_not_found`, `sink_deleted`. */
export async function changeSink(
  context: SinksContext,
  { workspaceId, actor }: Who,
  idOrName: string,
  given: SinkChange,
): Promise<Sink> {
  const { log, pool } = context;
  const before = await theLiveSink(pool, workspaceId, idOrName);
  await checkConnection(context, workspaceId, before.id, changedSettings(before, given));
  const sink = await log.transact(workspaceId, async (transaction) => {
    const { client, now, log: record } = transaction;
    // Somebody may have changed it meanwhile.
    const current = await theLiveSink(client, workspaceId, before.id);
    const prepared = changedSettings(current, given);
    const changes = changesOf(settingsOf(current), settingsOf({ ...current, ...prepared.sink }));
    if (Object.keys(changes).length === 0) return current;
    await checkName(transaction, workspaceId, prepared.sink.name, current.id);
    await refuseOfSlack(client, workspaceId, 'other', prepared.open.credentials);
    await lockPaths(client);
    await refuseTakenPath(client, workspaceId, current.id, prepared.sink);
    const changed = await updateSink(client, current, prepared.sink, { actor, now });
    await renewStreams(client, workspaceId, current.id);
    record({ ...factsOf(changed, prepared), actor, change: 'changed', changes });
    return changed;
  });
  context.look();
  return sink;
}

/** Throws `sink_not_found`, `sink_deleted`, `sink_paused`. */
export function pauseSink(context: SinksContext, who: Who, idOrName: string, reason: string): Promise<Sink> {
  const { workspaceId, actor } = who;
  return context.log.transact(workspaceId, async ({ client, now, log: record }) => {
    const sink = await theLiveSink(client, workspaceId, idOrName);
    if (sink.status === 'paused')
      throw new Failure(409, 'sink_paused', `The sink ${sink.name} is paused already.`, 'Resume it to have it send.');
    const paused = await setSinkStatus(client, sink, 'paused', reason, { actor, now });
    await renewStreams(client, workspaceId, sink.id);
    record({ kind: 'sink.paused', actor, sink_id: sink.id, sink: sink.name, reason });
    return paused;
  });
}

/** Also of one that waits for a person: it is tried at once. Throws `sink_not_found`, `sink_deleted`. */
export async function resumeSink(context: SinksContext, who: Who, idOrName: string, reason: string): Promise<Sink> {
  const { workspaceId, actor } = who;
  const resumed = await context.log.transact(workspaceId, async ({ client, now, log: record }) => {
    const sink = await theLiveSink(client, workspaceId, idOrName);
    const active = await setSinkStatus(client, sink, 'active', null, { actor, now });
    await renewStreams(client, workspaceId, sink.id);
    record({ kind: 'sink.resumed', actor, sink_id: sink.id, sink: sink.name, reason });
    return active;
  });
  context.look();
  return resumed;
}

/** Its ledger and dead letters stay. Throws `sink_not_found`, `sink_deleted`. */
export function deleteSink(context: SinksContext, who: Who, idOrName: string, reason: string): Promise<Sink> {
  const { workspaceId, actor } = who;
  return context.log.transact(workspaceId, async ({ client, now, log: record }) => {
    const sink = await theLiveSink(client, workspaceId, idOrName);
    const deleted = await setSinkStatus(client, sink, 'deleted', reason, { actor, now });
    const running = (await streamsOf(client, workspaceId, sink.id)).filter(({ status }) => status === 'running');
    for (const stream of running) await finishStream(client, stream, 'cancelled', now);
    const cursorSeq = running.find(({ purpose }) => purpose === 'live')?.cursorSeq;
    record({ ...factsOf(deleted, undefined), actor, change: 'deleted', cursor_seq: cursorSeq, reason });
    return deleted;
  });
}

/** Opens what a transport opens without a word to the receiver. */
async function checkConnection(
  context: SinksContext,
  workspaceId: WorkspaceId,
  id: string,
  { sink, open }: Prepared,
): Promise<void> {
  const place = await workspaceOf(context.pool, workspaceId);
  const identity = { id, name: sink.name, workspaceId, ...place, format: sink.format, replay: false };
  const transport = await open.connect(depsOf(context, identity));
  await transport.close();
}

async function checkName(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  name: string,
  ownId: string | undefined,
): Promise<void> {
  const other = await findSink(client, workspaceId, name);
  if (other === undefined || other.id === ownId) return;
  throw new Failure(409, 'sink_name_taken', `There is a sink ${name} already.`, 'Choose another name.');
}

/** Throws `sink_start_invalid`. */
async function firstSeq(
  { pool, log }: SinksContext,
  workspaceId: WorkspaceId,
  start: NonNullable<NewSink['start']>,
): Promise<number> {
  const next = (await log.size(workspaceId)) + 1;
  if ('at' in start) return next;
  if ('seq' in start) {
    if (start.seq <= next) return start.seq;
    throw new Failure(
      400,
      'sink_start_invalid',
      `The log has ${next - 1} entries.`,
      `Begin with at most ${next}, or from now on.`,
    );
  }
  const { rows } = await pool.query<{ seq: number | null }>(
    'SELECT min(seq) AS seq FROM actions WHERE workspace_id = $1 AND ts >= $2',
    [workspaceId, start.time],
  );
  return rows[0]?.seq ?? next;
}

function factsOf({ id, name, kind, format }: Sink, prepared: Prepared | undefined) {
  return {
    kind: 'sink.changed',
    sink_id: id,
    sink: name,
    sink_kind: kind,
    format,
    destination: prepared?.open.destination,
  } as const;
}

/** As records have them; credentials are references. */
function settingsOf(sink: SinkSettings): Record<string, unknown> {
  const { events, bytes, ageMs, window } = sink.limits;
  const limits = Object.entries({ events, bytes, age_ms: ageMs, window }).filter(([, limit]) => limit !== undefined);
  return {
    name: sink.name,
    format: sink.format,
    settings: sink.settings,
    raw: sink.raw,
    compact: sink.compact,
    omit: sink.omit,
    leave_out: sink.leaveOut,
    required: sink.required,
    limits: Object.fromEntries(limits),
    objective_seconds: sink.objectiveSeconds,
  };
}
