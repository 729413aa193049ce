/** A stream as transports get it: chained entries of a log, batches of them, and what a transport is given beside. */
import { createHash } from 'node:crypto';
import { canonicalJson, type LogRecord } from '@hivekey/action-log';
import { type Format, mapItem, type StreamCheckpoint, type StreamEntry } from '@hivekey/siem';
import { pino } from 'pino';
import { rulesFor } from '../../../src/delivery/index.ts';
import { Failure } from '../../../src/errors.ts';
import { newId, type WorkspaceId } from '../../../src/ids.ts';
import { Secret } from '../../../src/secret.ts';
import type { TransportDeps } from '../../../src/siem/sink-type.ts';
import type { Batch, OutgoingEvent } from '../../../src/siem/transport.ts';

const START = Date.parse('2026-06-16T13:50:00.000Z');
const NO_HASH = Buffer.alloc(32);

export const NEVER = new AbortController().signal;

export interface DepsOptions {
  /** Hosts that the operator allows by name. */
  readonly allow?: readonly string[];
  /** By reference. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly format?: Format;
}

export function testDeps({
  allow = ['127.0.0.1', 'localhost'],
  secrets = {},
  format = 'flat',
}: DepsOptions = {}): TransportDeps {
  return {
    sink: {
      id: 'snk_test',
      name: 'test',
      workspaceId: newId<WorkspaceId>('wsp'),
      workspace: 'acme',
      env: 'prod',
      format,
      replay: false,
    },
    secret: async (ref) => {
      const value = secrets[ref];
      if (value === undefined) throw new Failure(400, 'secret_not_found', `There is no ${ref}.`, 'Store it.');
      return new Secret(value);
    },
    rules: rulesFor(allow),
    filesFolder: undefined,
    userAgent: 'HiveKey/test',
    logger: pino({ level: 'silent' }),
    clock: () => START,
  };
}

/** Entries `first` to `last` of a log of calls, chained; `more` goes into every record. */
export function entries(
  first: number,
  last: number,
  more: Readonly<Record<string, unknown>> = {},
): readonly StreamEntry[] {
  const made: StreamEntry[] = [];
  let previous: Buffer = NO_HASH;
  for (let seq = first; seq <= last; seq++) {
    const record: LogRecord = {
      v: 1,
      event_id: `evt_${String(seq).padStart(26, '0')}`,
      kind: 'tool.call',
      ts: new Date(START + seq * 1000).toISOString(),
      workspace: 'acme',
      env: 'prod',
      shard: 'shd_1',
      shard_seq: seq,
      agent: 'support-agent',
      agent_id: 'agt_9Qw1xZ',
      verdict: seq % 3 === 0 ? 'deny' : 'allow',
      ...more,
    };
    const canonical = canonicalJson(record);
    const entryHash = sha256(Buffer.from([0]), Buffer.from(canonical));
    const hash = sha256(previous, entryHash);
    made.push({
      type: 'entry',
      seq,
      entryHash: printed(entryHash),
      prevHash: printed(previous),
      hash: printed(hash),
      canonical,
      record,
    });
    previous = hash;
  }
  return made;
}

export function checkpoint(treeSize: number): StreamCheckpoint {
  return {
    type: 'checkpoint',
    id: `ckp_snk_test_${treeSize}_${treeSize}`,
    ts: '2026-06-16T14:00:00.000Z',
    workspace: 'acme',
    env: 'prod',
    sink: 'snk_test',
    treeSize,
    rootHash: printed(NO_HASH),
    note: 'hivekey.example/acme\n1\nAAAA\n\n— hivekey.example/acme AAAA\n',
    cursorSeq: treeSize,
    counts: { 'tool.call': treeSize },
    filter: null,
  };
}

export function outgoing(item: StreamEntry | StreamCheckpoint, format: Format, raw: boolean): OutgoingEvent {
  const isEntry = item.type === 'entry';
  return {
    item,
    id: isEntry ? item.record.event_id : item.id,
    kind: isEntry ? item.record.kind : 'stream.checkpoint',
    time: Date.parse(isEntry ? item.record.ts : item.ts),
    body: mapItem(format, item, { raw, compact: !raw, replayed: false, omit: [] }),
  };
}

export function batchOf(events: readonly OutgoingEvent[], attempt = 1): Batch {
  return { events, id: `snk_test:${events[0]?.id}-${events.at(-1)?.id}`, attempt };
}

/** Events `first` to `last` in the flat view. */
export function batch(first: number, last: number, { raw = false } = {}): Batch {
  return batchOf(entries(first, last).map((entry) => outgoing(entry, 'flat', raw)));
}

function sha256(...parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

function printed(hash: Buffer): string {
  return `sha256:${hash.toString('hex')}`;
}
