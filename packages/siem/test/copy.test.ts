/** What a receiver's copy proves: read back from every format and wrapper, and each attack on it named with its place. */
import {
  canonicalJson,
  entryHash,
  formatHash,
  type LogRecord,
  linkHash,
  parseHash,
  ZERO_LINK,
} from '@hivekey/action-log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CopyCheck,
  type CopyEvent,
  type CopyFormat,
  type CopyOptions,
  type CopyReport,
  type CopyText,
  filterWords,
  type MapSettings,
  mapAttested,
  mapItem,
  readCopy,
  type StreamEntry,
  type StreamItem,
} from '../src/index.ts';
import { KEY, makeLog, OTHER_KEY, streamOf } from './example-stream.ts';

const SETTINGS: MapSettings = { raw: true, compact: false, replayed: false, omit: [] };
const COPY_FORMATS: readonly CopyFormat[] = ['native', 'ocsf-1.8.0', 'ocsf-1.9.0', 'ecs-9.4', 'flat', 'otlp', 'udm'];
const LOG = makeLog();
const STREAM = streamOf(LOG);
const ALONE: CopyOptions = { key: KEY.verifier };
const WITH_LOG: CopyOptions = { key: KEY.verifier, log: LOG.lines() };

function linesOf(items: readonly StreamItem[], format: CopyFormat, settings = SETTINGS): string[] {
  return items.map((item) => mapItem(format, item, settings));
}

function textsOf(lines: readonly string[]): CopyText[] {
  return lines.map((text, i) => ({ place: `copy.ndjson:${i + 1}`, text }));
}

async function check(lines: readonly string[], options: CopyOptions): Promise<CopyReport> {
  const copy = new CopyCheck();
  for await (const event of readCopy(textsOf(lines))) copy.add(event);
  return copy.finish(options);
}

function seqOf(item: StreamItem): number {
  return item.type === 'entry' ? item.seq : item.cursorSeq;
}

function codesOf({ findings }: CopyReport): string[] {
  return [...new Set(findings.filter(({ fatal }) => fatal).map(({ code }) => code))].sort();
}

describe.each(COPY_FORMATS)('a copy in %s', (format) => {
  it('proves itself with the key alone, in any order and with duplicates', async () => {
    const lines = linesOf(STREAM, format);
    const replayed = linesOf(STREAM.slice(3, 6), format, { ...SETTINGS, replayed: true });
    const report = await check([...lines, ...replayed].reverse(), ALONE);
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({
      isVerified: true,
      entries: 40,
      exact: 43,
      duplicates: 3,
      first: 1,
      last: 40,
      checkpoints: 3,
      signedCheckpoints: 3,
      provenTo: 40,
      newestCheckpointAt: '2026-06-16T14:00:40.500Z',
    });
  });

  it('is what the log has', async () => {
    const report = await check(linesOf(STREAM, format), WITH_LOG);
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ isVerified: true, log: { first: 1, last: 40 } });
  });

  it('is compared by its hashes where the exact records do not travel', async () => {
    const lines = linesOf(STREAM, format, { ...SETTINGS, compact: true });
    expect(await check(lines, WITH_LOG)).toMatchObject({ isVerified: true, exact: 0, entries: 40 });
    expect(await check(lines, ALONE)).toMatchObject({ isVerified: true, provenTo: 40 });
  });
});

it('an attested copy is read as any other', async () => {
  const lines: string[] = [];
  let previous: ReturnType<typeof mapAttested>['link'] | null = null;
  for (const item of STREAM) {
    const { line, link } = mapAttested(item, SETTINGS, { uid: SINK_CHAIN, previous });
    lines.push(line);
    previous = link;
  }
  expect(await check(lines, ALONE)).toMatchObject({ isVerified: true, findings: [] });
});
const SINK_CHAIN = 'acme/snk_1';

describe('what receivers wrap events in', () => {
  const [line = ''] = linesOf(STREAM.slice(0, 1), 'ocsf-1.8.0');
  const [ecs = ''] = linesOf(STREAM.slice(0, 1), 'ecs-9.4');
  const [otlp = ''] = linesOf(STREAM.slice(0, 1), 'otlp');
  const [flat = ''] = linesOf(STREAM.slice(0, 1), 'flat');
  const [udm = ''] = linesOf(STREAM.slice(0, 1), 'udm');
  const columns = Object.keys(JSON.parse(flat));
  const cases: readonly (readonly [string, string])[] = [
    [
      'an export of Splunk',
      JSON.stringify({ preview: false, offset: 0, result: { _raw: line, _time: '2026-06-16', host: 'h' } }),
    ],
    ['results of Splunk', JSON.stringify({ preview: false, results: [{ _raw: line }] })],
    ['a request to HEC', JSON.stringify({ time: 1, sourcetype: 'hivekey:ocsf', event: JSON.parse(line) })],
    [
      'a hit of Elasticsearch',
      JSON.stringify({ _index: 'logs-hivekey.action-default', _id: 'evt_1', _source: JSON.parse(ecs) }),
    ],
    [
      'an answer of Elasticsearch',
      JSON.stringify({ took: 1, hits: { total: { value: 1 }, hits: [{ _source: JSON.parse(ecs) }] } }),
    ],
    [
      'an answer of Log Analytics',
      JSON.stringify({
        tables: [
          {
            name: 'PrimaryResult',
            columns: columns.map((name) => ({ name })),
            rows: [columns.map((name) => asCell(JSON.parse(flat)[name]))],
          },
        ],
      }),
    ],
    ['events of SecOps', JSON.stringify({ events: [{ name: 'x', udm: JSON.parse(udm) }] })],
    [
      'a file of the OpenTelemetry Collector',
      JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [JSON.parse(otlp)] }] }] }),
    ],
    ['a list', JSON.stringify([JSON.parse(line)], null, 2)],
    [
      'a line of syslog',
      `<134>1 2026-06-16T14:00:01Z host hivekey - tool.call [hivekey@32473 eventId="evt_1"] ${line}`,
    ],
  ];

  it.each(cases)('%s', async (_, text) => {
    const events: CopyEvent[] = [];
    for await (const event of readCopy([{ place: 'f:1', text }])) events.push(event);
    expect(events).toMatchObject([{ type: 'entry', seq: 1, eventId: 'evt_1', canonical: LOG.entries[0]?.canonical }]);
    const copy = new CopyCheck();
    for (const event of events) copy.add(event);
    expect(codesOf(await copy.finish(ALONE))).toEqual(['not_compared']);
  });

  /** Cells of a table: structures are text. */
  function asCell(value: unknown): unknown {
    return typeof value === 'object' ? JSON.stringify(value) : value;
  }
});

/** Hashes as an attacker makes them who knows how. */
function rehashed(item: StreamItem | undefined, record: LogRecord, prevHash?: string): StreamItem {
  if (item?.type !== 'entry') throw new Error('not an entry');
  const canonical = canonicalJson(record);
  const hash = entryHash(canonical);
  const before = parseHash(prevHash ?? item.prevHash) ?? ZERO_LINK;
  return {
    ...item,
    record,
    canonical,
    entryHash: formatHash(hash),
    prevHash: formatHash(before),
    hash: formatHash(linkHash(before, hash)),
  };
}

function entryAt(seq: number): StreamEntry {
  const item = LOG.entries[seq - 1];
  if (item === undefined) throw new Error('no such entry');
  return item;
}

/** From there to the end of its shard, made anew over an altered record. */
function forged(seq: number, change: object): StreamItem[] {
  const links = new Map<string, string>();
  return STREAM.map((item) => {
    if (item.type !== 'entry') return item;
    const { shard } = item.record;
    const prevHash = links.get(shard);
    if (item.seq !== seq && prevHash === undefined) return item;
    const made = rehashed(item, item.seq === seq ? { ...item.record, ...change } : item.record, prevHash);
    if (made.type === 'entry') links.set(shard, made.hash);
    return made;
  });
}

describe('an attack on the copy', () => {
  const without = (...seqs: readonly number[]) =>
    STREAM.filter((item) => item.type !== 'entry' || !seqs.includes(item.seq));
  const edited = (item: StreamEntry, change: object) => {
    const record: LogRecord = { ...item.record, ...change };
    return { ...item, record, canonical: canonicalJson(record) };
  };
  const swapped = (a: number, b: number) =>
    STREAM.map((item) =>
      item.type !== 'entry'
        ? item
        : item.seq === a
          ? { ...entryAt(b), seq: a }
          : item.seq === b
            ? { ...entryAt(a), seq: b }
            : item,
    );

  type Attack = readonly [
    what: string,
    items: readonly StreamItem[],
    alone: readonly string[],
    withLog: readonly string[],
  ];
  const attacks: readonly Attack[] = [
    [
      'a record is altered',
      STREAM.map((item) => (item.type === 'entry' && item.seq === 13 ? edited(item, { outcome: 'error' }) : item)),
      ['entry_edited'],
      ['entry_edited'],
    ],
    [
      'a record is altered with its own hashes',
      STREAM.map((item) =>
        item.type === 'entry' && item.seq === 13 ? rehashed(item, { ...item.record, reason: 'x' }) : item,
      ),
      ['link_broken', 'root_mismatch'],
      ['entry_differs', 'link_broken', 'root_mismatch'],
    ],
    [
      'a record is altered with all hashes behind it',
      forged(13, { reason: 'x' }),
      ['root_mismatch'],
      ['entry_differs', 'root_mismatch'],
    ],
    [
      'the last link is altered',
      STREAM.map((item) => (item.type === 'entry' && item.seq === 40 ? { ...item, hash: entryAt(39).hash } : item)),
      ['link_broken'],
      ['link_broken'],
    ],
    ['an entry is taken out', without(13), ['count_mismatch', 'entry_missing'], ['count_mismatch', 'entry_missing']],
    [
      'an entry is put in',
      [
        ...STREAM,
        rehashed(
          { ...entryAt(13), seq: 41 },
          { ...entryAt(13).record, shard_seq: 28, event_id: 'evt_x' },
          LOG.entries.at(-1)?.hash,
        ),
      ],
      [],
      ['log_tail_cut'],
    ],
    [
      'two entries of one shard are exchanged',
      swapped(13, 14),
      ['entry_reordered', 'root_mismatch'],
      ['entry_reordered', 'root_mismatch'],
    ],
    [
      'two entries of different shards are exchanged',
      swapped(14, 15),
      ['root_mismatch'],
      ['entry_reordered', 'root_mismatch'],
    ],
    [
      'the tail is cut behind a checkpoint',
      without(38, 39, 40),
      ['count_mismatch', 'tail_cut'],
      ['count_mismatch', 'entry_missing'],
    ],
    [
      'an entry stands twice with different contents',
      [...STREAM, rehashed(entryAt(13), { ...entryAt(13).record, reason: 'x' })],
      ['entry_contradicted'],
      ['entry_contradicted'],
    ],
    ['the head is cut', without(1, 2, 3), ['entry_missing', 'not_compared'], ['entry_missing']],
  ];

  it.each(attacks)('%s: alone', async (_, items, alone) => {
    const report = await check(linesOf(items, 'ocsf-1.8.0'), ALONE);
    expect(codesOf(report)).toEqual(alone);
    expect(report.isVerified).toBe(alone.length === 0);
    for (const { place } of report.findings) expect(place).toMatch(/^(?:copy\.ndjson:\d+|the copy)$/);
  });

  it.each(attacks)('%s: with the log', async (_, items, __, withLog) => {
    const report = await check(linesOf(items, 'ecs-9.4'), WITH_LOG);
    expect(codesOf(report)).toEqual(withLog);
  });

  it('names the line', async () => {
    const items = STREAM.map((item) =>
      item.type === 'entry' && item.seq === 5 ? { ...item, canonical: item.canonical.replace('acme', 'acmf') } : item,
    );
    const { findings } = await check(linesOf(items, 'flat'), ALONE);
    expect(findings).toContainEqual(expect.objectContaining({ code: 'entry_edited', place: 'copy.ndjson:5' }));
  });

  it.each(['ocsf-1.8.0', 'ocsf-1.9.0', 'ecs-9.4', 'flat', 'otlp', 'udm'] as const)(
    'a field of %s is altered beside an exact record that is left alone',
    async (format) => {
      const at = STREAM.findIndex((item) => item.type === 'entry' && item.record.kind === 'tool.call');
      const lines = linesOf(STREAM, format);
      const event = JSON.parse(lines[at] ?? '');
      const target: Record<string, () => void> = {
        'ocsf-1.8.0': () => (event.status_code = 'allow'),
        'ocsf-1.9.0': () => (event.actor.user.uid = 'agt_other'),
        'ecs-9.4': () => (event.hivekey.verdict = 'allow'),
        flat: () => (event.verdict = 'allow'),
        otlp: () => (event.severityNumber = 9),
        udm: () => (event.security_result[0].action = ['ALLOW']),
      };
      target[format]?.();
      lines[at] = JSON.stringify(event);
      const report = await check(lines, ALONE);
      expect(codesOf(report)).toEqual(['fields_altered']);
      expect(report.findings[0]?.place).toBe(`copy.ndjson:${at + 1}`);
    },
  );

  it('the receiver spells as it does: names of protobuf, digits of times', async () => {
    const camel = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(camel);
      if (typeof value !== 'object' || value === null) return value;
      const spelled = (name: string) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [spelled(name), camel(each)]));
    };
    const udm = linesOf(STREAM, 'udm').map((line) => {
      const { additional, ...event } = JSON.parse(line);
      return JSON.stringify({ ...Object(camel(event)), additional });
    });
    expect(await check(udm, ALONE)).toMatchObject({ isVerified: true, findings: [] });
    const flat = linesOf(STREAM, 'flat').map((line) => {
      const event = JSON.parse(line);
      return JSON.stringify({ ...event, ts: event.ts.replace('Z', '0000Z') });
    });
    expect(await check(flat, ALONE)).toMatchObject({ isVerified: true, findings: [] });
  });

  it('what the receiver adds is its own', async () => {
    const lines = linesOf(STREAM, 'flat').map((line) =>
      JSON.stringify({ ...JSON.parse(line), TimeGenerated: '2026-06-16T14:00:00Z', Type: 'HiveKeyActions_CL' }),
    );
    expect(await check(lines, ALONE)).toMatchObject({ isVerified: true });
  });

  it('an altered checkpoint, another key, no key, no checkpoint', async () => {
    const lines = linesOf(STREAM, 'native');
    const altered = lines.map((line) => line.replace('"tree_size":20', '"tree_size":19'));
    expect(codesOf(await check(altered, ALONE))).toEqual(['checkpoint_altered']);
    const resigned = linesOf(streamOf(makeLog({ key: OTHER_KEY })), 'native');
    expect(codesOf(await check(resigned, ALONE))).toEqual(['key_unknown', 'not_compared']);
    const broken = lines.map((line) =>
      line.replace(/(hivekey\/wsp_1 [A-Za-z0-9+/]{20})./, '$1-').replace(/(hivekey\/wsp_1 [A-Za-z0-9+/]{20})-/, '$1A'),
    );
    expect(codesOf(await check(broken, ALONE))).toContain('signature_invalid');
    expect(codesOf(await check(lines, {}))).toEqual(['key_unknown', 'not_compared']);
    expect(codesOf(await check(linesOf(LOG.entries, 'native'), ALONE))).toEqual(['not_compared']);
    expect(codesOf(await check([], ALONE))).toEqual(['not_compared', 'nothing_read']);
    expect(codesOf(await check(['{"a":1}', 'not JSON'], ALONE))).toEqual(['not_compared', 'nothing_read']);
  });

  it('a checkpoint that is taken out is told', async () => {
    const report = await check(
      linesOf(
        STREAM.filter((item) => item.type === 'entry' || item.treeSize !== 20),
        'native',
      ),
      ALONE,
    );
    expect(report.isVerified).toBe(true);
    expect(report.findings).toMatchObject([{ code: 'checkpoint_missing', fatal: false }]);
  });

  it('what was cut with its checkpoints is told by the log alone, unless it is as young as what is on its way', async () => {
    const items = STREAM.filter((item) => (item.type === 'entry' ? item.seq <= 20 : item.treeSize <= 20));
    expect(await check(linesOf(items, 'native'), ALONE)).toMatchObject({
      isVerified: true,
      newestCheckpointAt: '2026-06-16T14:00:20.500Z',
    });
    expect(codesOf(await check(linesOf(items, 'native'), { ...WITH_LOG, lagMs: 5_000 }))).toEqual(['entry_missing']);
    const fresh = await check(linesOf(items, 'native'), { ...WITH_LOG, lagMs: 60_000 });
    expect(fresh).toMatchObject({ isVerified: true, findings: [{ code: 'not_yet_arrived', fatal: false }] });
  });
});

describe('an attack on the log, which the copy is the witness of', () => {
  it('its history is written anew and signed', async () => {
    const other = makeLog({ records: { 13: { reason: 'nothing happened' } } });
    const report = await check(linesOf(STREAM, 'ocsf-1.8.0'), { key: KEY.verifier, log: other.lines() });
    expect(codesOf(report)).toEqual(['entry_differs', 'fork']);
    expect(report.findings.find(({ code }) => code === 'fork')?.message).toContain('first 20 entries');
  });

  it('its tail is cut', async () => {
    const report = await check(linesOf(STREAM, 'ocsf-1.8.0'), { key: KEY.verifier, log: LOG.lines(1, 30) });
    expect(codesOf(report)).toEqual(['log_tail_cut']);
  });

  it('two receivers are shown two histories', async () => {
    const other = makeLog({ records: { 13: { reason: 'nothing happened' } } });
    const lines = [
      ...linesOf(STREAM, 'native'),
      ...linesOf(streamOf(other), 'native').map((line) =>
        line.replaceAll('ckp_snk_1', 'ckp_snk_2').replaceAll('"snk_1"', '"snk_2"'),
      ),
    ];
    expect(codesOf(await check(lines, ALONE))).toEqual(expect.arrayContaining(['fork', 'entry_contradicted']));
  });
});

describe('what is not there for a reason', () => {
  it('is what the filter says in its checkpoints, and nothing else', async () => {
    const created = { kind: 'sink.changed', change: 'created', sink_id: 'snk_1', from_seq: 1 };
    const log = makeLog({ records: { 1: { ...created, leave_out: ['log_reads'] } } });
    const options = { key: KEY.verifier, log: log.lines() };
    const filtered = streamOf(log, { leaveOut: ['log_reads'] });
    const withLog = await check(linesOf(filtered, 'native'), options);
    expect(withLog).toMatchObject({ isVerified: true, findings: [], explained: { 'left out by its filter': 6 } });
    const more = filtered.filter((item) => item.type !== 'entry' || item.seq !== 13);
    expect(codesOf(await check(linesOf(more, 'native'), options))).toEqual(['count_mismatch', 'entry_missing']);
    // Alone, no root can be made; that something is missing beside what was filtered shows in the counts.
    expect(codesOf(await check(linesOf(filtered, 'native'), ALONE))).toEqual(['not_compared']);
    expect(codesOf(await check(linesOf(more, 'native'), ALONE))).toEqual(['count_mismatch', 'not_compared']);
  });

  it('is what was set aside or passed over, by records of the log', async () => {
    const log = makeLog({
      records: {
        20: {
          kind: 'sink.dead_letter',
          change: 'set_aside',
          sink_id: 'snk_1',
          entries: [{ first_seq: 13, last_seq: 14 }],
        },
        21: { kind: 'sink.skipped', change: 'confirmed', sink_id: 'snk_1', from_seq: 15, to_seq: 15 },
        22: {
          kind: 'sink.dead_letter',
          change: 'set_aside',
          sink_id: 'snk_other',
          entries: [{ first_seq: 16, last_seq: 16 }],
        },
      },
    });
    const kept = (...gone: readonly number[]) =>
      streamOf(log).filter((item) => item.type !== 'entry' || !gone.includes(item.seq));
    const options = { key: KEY.verifier, log: log.lines() };
    expect(await check(linesOf(kept(13, 14, 15), 'native'), options)).toMatchObject({
      isVerified: true,
      explained: { 'set aside': 2, 'passed over': 1 },
    });
    expect(codesOf(await check(linesOf(kept(13, 14, 15, 16), 'native'), options))).toEqual([
      'count_mismatch',
      'entry_missing',
    ]);
    // A root cannot be made any more, so that the copy alone is not enough.
    expect(codesOf(await check(linesOf(kept(13, 14, 15), 'native'), ALONE))).toEqual(['not_compared']);
    expect(codesOf(await check(linesOf(kept(3, 13), 'native'), ALONE))).toEqual(
      ['count_mismatch', 'entry_missing', 'not_compared'].slice(1),
    );
  });

  it('is not what the copy says of itself', async () => {
    const created = { kind: 'sink.changed', change: 'created', sink_id: 'snk_1', from_seq: 1, leave_out: [] };
    const proposed = { kind: 'sink.skipped', change: 'proposed', sink_id: 'snk_1', from_seq: 13, to_seq: 13 };
    const later = { kind: 'sink.changed', change: 'created', sink_id: 'snk_2', from_seq: 30, leave_out: [] };
    const invented = { kind: 'sink.skipped', change: 'confirmed', sink_id: 'snk_1', from_seq: 14, to_seq: 14 };
    const log = makeLog({
      records: { 1: created, 20: proposed, 21: { ...invented, synthetic: true }, 30: later },
    });
    const options = { key: KEY.verifier, log: log.lines() };
    const items = streamOf(log);
    expect((await check(linesOf(items, 'native'), options)).isVerified).toBe(true);
    const without = (gone: readonly number[], change: (item: StreamItem) => StreamItem = (item) => item) =>
      linesOf(items.filter((item) => item.type !== 'entry' || !gone.includes(item.seq)).map(change), 'native');
    // One person's proposal, and what a test has made up, have passed over nothing.
    for (const seq of [13, 14])
      expect(codesOf(await check(without([seq]), options))).toEqual(['count_mismatch', 'entry_missing']);
    // Neither the filter, nor the counts, nor the sink of a checkpoint are signed.
    const reads = log.entries.filter(({ record }) => record.kind === 'log.read').map(({ seq }) => seq);
    const filtered = without(reads, (item) =>
      item.type === 'checkpoint' ? { ...item, filter: filterWords(['log_reads'], []), counts: {} } : item,
    );
    expect(codesOf(await check(filtered, options))).toEqual(['entry_missing']);
    expect(codesOf(await check(filtered, ALONE))).toEqual(['not_compared']);
    const tail = without([23, 29], (item) =>
      item.type === 'checkpoint' && item.cursorSeq === 40
        ? { ...item, filter: filterWords(['log_reads'], []), counts: {} }
        : item,
    );
    expect(codesOf(await check(tail, ALONE))).toEqual(['not_compared']);
    const renamed = without([5], (item) =>
      item.type === 'checkpoint' && item.cursorSeq === 10 ? { ...item, sink: 'snk_2', id: 'ckp_snk_2_1' } : item,
    );
    expect(codesOf(await check(renamed, options))).toEqual(['entry_missing']);
  });

  it('is what a filter left out until it was taken back', async () => {
    const about = { kind: 'sink.changed', sink_id: 'snk_1' };
    const log = makeLog({
      records: {
        1: { ...about, change: 'created', from_seq: 1, leave_out: ['log_reads'] },
        15: { ...about, change: 'changed', changes: { leave_out: [['log_reads'], []] } },
      },
    });
    const options = { key: KEY.verifier, log: log.lines() };
    const before = streamOf(log, { leaveOut: ['log_reads'] }).filter((item) => seqOf(item) <= 14);
    const after = streamOf(log)
      .filter((item) => seqOf(item) > 14)
      .map(
        (item): StreamItem =>
          // Entry 11 was left out.
          item.type === 'checkpoint' && item.cursorSeq === 20
            ? { ...item, counts: { ...item.counts, 'log.read': 1 } }
            : item,
      );
    const changed = [...before, ...after];
    expect(await check(linesOf(changed, 'native'), options)).toMatchObject({
      isVerified: true,
      explained: { 'left out by its filter': 2 },
    });
    // What was read later was sent.
    const later = log.entries.find(({ seq, record }) => seq > 20 && record.kind === 'log.read')?.seq ?? 0;
    const cut = changed
      .filter((item) => item.type === 'checkpoint' || item.seq !== later)
      .map(
        (item): StreamItem =>
          item.type === 'checkpoint' ? { ...item, filter: filterWords(['log_reads'], []), counts: {} } : item,
      );
    expect(codesOf(await check(linesOf(cut, 'native'), options))).toEqual(['entry_missing']);
  });

  it('is as many as were refused, where nobody knows which', async () => {
    const entry = { first_seq: 11, last_seq: 19, count: 2 };
    const log = makeLog({
      records: { 25: { kind: 'sink.dead_letter', change: 'set_aside', sink_id: 'snk_1', entries: [entry] } },
    });
    const options = { key: KEY.verifier, log: log.lines() };
    const without = (...gone: readonly number[]) =>
      linesOf(
        streamOf(log).filter((item) => item.type === 'checkpoint' || !gone.includes(item.seq)),
        'native',
      );
    expect(await check(without(12, 17), options)).toMatchObject({ isVerified: true, explained: { 'set aside': 2 } });
    expect(codesOf(await check(without(12, 13, 17), options))).toEqual(['count_mismatch', 'entry_missing']);
  });

  it('is what was before the sink', async () => {
    const log = makeLog({
      records: { 10: { kind: 'sink.changed', change: 'created', sink_id: 'snk_1', from_seq: 10 } },
    });
    const lines = linesOf(streamOf(log, { from: 10, checkpoints: [20, 40] }), 'native');
    expect(await check(lines, { key: KEY.verifier, log: log.lines() })).toMatchObject({
      isVerified: true,
      explained: { 'before the sink began': 9 },
    });
    expect(codesOf(await check(lines, ALONE))).toEqual(['not_compared']);
    expect(
      codesOf(await check(linesOf(streamOf(LOG, { from: 10, checkpoints: [20, 40] }), 'native'), WITH_LOG)),
    ).toEqual(['entry_missing']);
  });
});

it('any single change to a line is found, and no reader ever throws', async () => {
  const clean = linesOf(STREAM, 'ocsf-1.8.0');
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: clean.length - 1 }),
      fc.nat(),
      fc.constantFrom('x', '0', '"', '}'),
      async (row, at, replacement) => {
        const line = clean[row] ?? '';
        const position = at % line.length;
        fc.pre(line[position] !== replacement);
        const altered = `${line.slice(0, position)}${replacement}${line.slice(position + 1)}`;
        const report = await check(
          clean.map((each, i) => (i === row ? altered : each)),
          WITH_LOG,
        );
        // What a checkpoint's event says in words is not signed; its note, root, size and counts are compared.
        if (STREAM[row]?.type === 'entry') expect(report.isVerified && report.findings.length === 0).toBe(false);
      },
    ),
    { numRuns: 60 },
  );
});
