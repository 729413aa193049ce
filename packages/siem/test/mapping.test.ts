/** What the mapping promises of any record, and values that were worked out elsewhere. */
import { createHash } from 'node:crypto';
import { canonicalJson, entryHash, formatHash, type LogRecord } from '@hivekey/action-log';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ChainLink,
  FORMATS,
  flatEntry,
  flatRecord,
  type MapSettings,
  mapAttested,
  mapItem,
  type StreamItem,
} from '../src/index.ts';
import { shortest } from '../src/map.ts';
import { attest } from '../src/ocsf/attest.ts';
import { CHECKPOINT_ITEM } from './checkpoint-item.ts';
import { entryOf, KINDS, recordOf } from './every-kind.ts';
import examples from './fixtures/examples.json' with { type: 'json' };
import { parseCef } from './other-schemas.ts';

const SETTINGS: MapSettings = { raw: true, compact: false, replayed: false, omit: [] };
const call = entryOf(recordOf('tool.call', 0));
// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be in a line
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]/u;

/** Any record that the log can hold: what RFC 8785 has a form for. */
const anyRecord: fc.Arbitrary<LogRecord> = fc
  .record({
    kind: fc.oneof(fc.constantFrom(...KINDS), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })),
    fields: fc.dictionary(
      fc.oneof(
        fc.constantFrom(
          'reason',
          'tool',
          'seq',
          'raw',
          'more',
          'other',
          'hash',
          '__proto__',
          'args',
          'actor',
          'changes',
          'ts',
          'agent',
        ),
        fc.string({ unit: 'binary', maxLength: 12 }),
      ),
      fc.jsonValue({ stringUnit: 'binary', maxDepth: 5 }),
      { maxKeys: 12, noNullPrototype: true },
    ),
    long: fc.constantFrom(0, 10, 30_000),
    deep: fc.constantFrom(0, 100),
  })
  .map(({ kind, fields, long, deep }) => {
    let nest: unknown = 1;
    for (let i = 0; i < deep; i += 1) nest = { d: nest };
    const kept = Object.entries(fields).filter(([name, value]) => `${name}${JSON.stringify(value)}`.isWellFormed());
    const record = { ...Object.fromEntries(kept), blob: '\u2028"\\|=\n\u0007'.repeat(long / 6), nest, ...BASE, kind };
    return JSON.parse(canonicalJson(record));
  });
const BASE = {
  v: 1,
  event_id: 'evt_1',
  ts: '2026-06-16T14:02:09.112Z',
  workspace: 'acme',
  env: 'prod',
  shard: 'shd_1',
  shard_seq: 1,
};

describe('any record', () => {
  it('is one line without control characters in every format, as short as it is told', () => {
    fc.assert(
      fc.property(
        anyRecord,
        fc.constantFrom(...FORMATS),
        fc.boolean(),
        fc.constantFrom(undefined, 1, 9_000),
        (record, format, compact, maxBytes) => {
          const settings = { ...SETTINGS, compact, ...(maxBytes === undefined ? {} : { maxBytes }) };
          const line = mapItem(format, entryOf(record), settings);
          expect(CONTROL.test(line)).toBe(false);
          expect(line).not.toBe('');
          if (maxBytes !== undefined) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(Math.max(maxBytes, 4_096));
          if (format === 'cef') expect(parseCef(line).extension.externalId).toBe('evt_1');
          else expect(JSON.parse(line)).toBeTypeOf('object');
        },
      ),
      { numRuns: 150 },
    );
  });

  it('holds the exact bytes that were hashed', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const item = entryOf(record);
        const flat = JSON.parse(mapItem('flat', item, SETTINGS));
        expect(flat.raw).toBe(item.canonical);
        expect(formatHash(entryHash(flat.raw))).toBe(item.entryHash);
        const native = JSON.parse(mapItem('native', item, { ...SETTINGS, raw: false }));
        expect(canonicalJson(native.record)).toBe(item.canonical);
      }),
      { numRuns: 50 },
    );
  });

  it('gives the same bytes each time', () => {
    fc.assert(
      fc.property(anyRecord, fc.constantFrom(...FORMATS), (record, format) => {
        expect(mapItem(format, entryOf(record), SETTINGS)).toBe(
          mapItem(format, entryOf(structuredClone(record)), SETTINGS),
        );
      }),
      { numRuns: 50 },
    );
  });
});

describe('what does not go out', () => {
  it.each(FORMATS)('is nowhere in %s: neither the field, nor what follows from it, nor the raw bytes', (format) => {
    const secret = 'hidden@acme.example';
    const record: LogRecord = {
      ...recordOf('approval.decided', 0),
      person: secret,
      actor: `person:${secret}`,
      owner: secret,
    };
    const shown = mapItem(format, entryOf(record), SETTINGS);
    const hidden = mapItem(format, entryOf(record), { ...SETTINGS, omit: ['person', 'actor', 'owner'] });
    if (format !== 'cef') expect(shown).toContain(secret);
    expect(hidden).not.toContain(secret);
    if (format === 'cef') expect(hidden).toContain('shortened');
    else expect(hidden).toMatch(/"(?:hivekey\.)?omitted"/);
  });

  it('never is what an event is known by', () => {
    const line = mapItem('flat', call, { ...SETTINGS, omit: ['event_id', 'kind', 'ts', 'workspace'] });
    expect(JSON.parse(line)).toMatchObject({ event_id: call.record.event_id, kind: 'tool.call', raw: call.canonical });
  });

  it('is the long parts in the compact form, which says so', () => {
    const flat = JSON.parse(mapItem('flat', call, { ...SETTINGS, compact: true }));
    expect(flat.omitted).toEqual(expect.arrayContaining(['args', 'trace']));
    expect(flat).not.toHaveProperty('args');
    expect(flat).not.toHaveProperty('raw');
    expect(flat.entry_hash).toBe(call.entryHash);
  });

  it('is first the raw bytes, then the long parts, then all but the envelope, as the room gets less', () => {
    const record = { ...recordOf('tool.call', 0), args: { text: 'x'.repeat(9_000) }, owner_label: 'y'.repeat(9_000) };
    const omitted = (maxBytes: number) =>
      JSON.parse(mapItem('flat', entryOf(record), { ...SETTINGS, maxBytes })).omitted;
    expect(omitted(60_000)).toBeUndefined();
    expect(omitted(25_000)).toEqual(['raw']);
    expect(omitted(15_000)).toEqual(expect.arrayContaining(['args', 'raw']));
    expect(omitted(5_000)).toEqual(['*', 'raw']);
  });
});

describe('a replay', () => {
  it.each(FORMATS)('is marked in %s, and keeps its id', (format) => {
    const line = mapItem(format, call, { ...SETTINGS, replayed: true });
    expect(line).toContain('replayed');
    expect(line).toContain(call.record.event_id);
    expect(mapItem(format, call, SETTINGS)).not.toContain('replayed');
  });
});

it('a mapper that fails gives the envelope with the exact record', () => {
  const line = shortest(call, SETTINGS, () => {
    throw new Error('a bug');
  });
  expect(JSON.parse(line)).toMatchObject({ event_id: call.record.event_id, seq: 42, raw: call.canonical });
  const short = shortest(call, { ...SETTINGS, maxBytes: 1 }, () => {
    throw new Error('a bug');
  });
  expect(Buffer.byteLength(short)).toBeLessThanOrEqual(4_096);
  expect(JSON.parse(short)).toMatchObject({ event_id: call.record.event_id, entry_hash: call.entryHash });
});

describe('the flat view', () => {
  it('has what follows from other fields', () => {
    const flat = flatRecord({
      ...recordOf('tool.call', 0),
      definition_pin: 'sha256:aa',
      impact: { usd: 54_000, rows: 3 },
    });
    expect(flat).toMatchObject({ amount_minor: 54_000, currency: 'USD', tool_digest: 'sha256:aa' });
    expect(flatRecord({ ...recordOf('tool.call', 0), impact: { usd: 1, eur: 2 } })).not.toHaveProperty('amount_minor');
    expect(flatRecord({ ...recordOf('tool.call', 0), impact: { rows: 2 } })).not.toHaveProperty('currency');
    expect(
      flatRecord({ ...recordOf('tool.call', 0), impact: { usd: 1 }, amount_minor: 7, currency: 'EUR' }),
    ).toMatchObject({
      amount_minor: 7,
      currency: 'EUR',
    });
    expect(flatRecord({ ...recordOf('role.changed', 0), actor: 'person:dana@acme.example' })).toMatchObject({
      actor_type: 'person',
      actor_name: 'dana@acme.example',
    });
    expect(flatRecord({ ...recordOf('role.changed', 0), actor: 'system' })).toMatchObject({ actor_type: 'system' });
    const approval = { ...BASE, agent_id: 'agt_1' } as const;
    const flatOf = (fields: object) =>
      flatRecord(entryOf({ ...approval, kind: 'approval.decided', ...fields } as LogRecord).record);
    expect(flatOf({ person: 'lena@acme.example' })).toMatchObject({
      approver: 'lena@acme.example',
    });
    expect(flatOf({ person: 'x', approver: 'y' })).toMatchObject({ approver: 'y' });
    expect(flatOf({ approvers: ['lena@acme.example'] })).toMatchObject({ approver: 'lena@acme.example' });
    expect(flatOf({ approvers: ['a', 'b'] })).not.toHaveProperty('approver');
  });

  it('has what no column is declared for by its own name, and the place beside the record', () => {
    const record: LogRecord = { ...recordOf('system.started', 0), version: '1.2', gone: null, nested: { b: 1, a: 2 } };
    expect(flatRecord(record)).toMatchObject({ version: '1.2', nested: '{"a":2,"b":1}' });
    expect(flatRecord(record)).not.toHaveProperty('gone');
    const item = entryOf(record, 9);
    expect(flatEntry(item)).toMatchObject({
      seq: 9,
      entry_hash: item.entryHash,
      prev_hash: item.prevHash,
      hash: item.hash,
    });
  });
});

it.each([
  ['allow', 'informational', [9, 1, 1, 2]],
  ['review', 'low', [13, 2, 21, 4]],
  ['deny', 'medium', [13, 3, 47, 6]],
] as const)('a verdict %s has the severity of each schema', (verdict, _, [otlp, ocsf, ecs, cef]) => {
  const entry = entryOf({ ...recordOf('tool.call', 0), verdict });
  const map = (format: (typeof FORMATS)[number]) => mapItem(format, entry, SETTINGS);
  expect(JSON.parse(map('otlp')).severityNumber).toBe(otlp);
  expect(JSON.parse(map('ocsf-1.8.0')).severity_id).toBe(ocsf);
  expect(JSON.parse(map('ecs-9.4')).event.severity).toBe(ecs);
  expect(parseCef(map('cef')).header[6]).toBe(String(cef));
});

it('CEF gives back what separates its parts', () => {
  const nasty = 'a|b=c\\d\ne = f\\=g|\\n';
  const record: LogRecord = { ...recordOf('tool.call', 0), tool: nasty, reason: nasty, agent: nasty };
  const { header, extension } = parseCef(mapItem('cef', entryOf(record), SETTINGS));
  expect(header.slice(0, 5)).toEqual(['CEF:0', 'HiveKey', 'HiveKey', '0.1.0', 'tool.call']);
  expect(header[5]).toBe(`Agent tool ${nasty.replace('\n', ' ')}`);
  expect(extension).toMatchObject({ reason: nasty, suser: nasty, cn1: '42', cn1Label: 'seq' });
});

/** Where ours says more, or otherwise, than the examples: sentences, severities of our own, and names of what has none. */
const DIFFERENT: readonly RegExp[] = [
  /^message$/,
  /^comment$/,
  /^event\.severity$/,
  /^status_code$/,
  /^confidence/,
  /^metadata\.profiles\./,
  /^attestation_list/,
  /^actor\.session\./,
  /^policy\.name$/,
  /^(?:updated_)?entity(?:_result)?\..*(?:name|uid)$/,
  /(?:diff_digest|removed|added|approver_mfa|policy_name)/,
  /^gen_ai\.tool\.call\.id$/,
  /^related\.user/,
];

describe.each(['flat', 'ecs-9.4', 'ocsf-1.8.0', 'ocsf-1.9.0'] as const)('the examples in %s', (format) => {
  const names = [
    'tool-call-allowed',
    'tool-call-denied',
    'tool-call-held',
    'tool-result',
    'agent-created',
    'agent-revoked',
    'approval-granted',
    'role-changed',
    'policy-changed',
    'detection-fired',
  ] as const;

  it.each(names)('%s', (name) => {
    const { entry } = examples[name];
    const item: StreamItem = {
      type: 'entry',
      seq: entry.seq,
      entryHash: entry.entry_hash,
      prevHash: entry.prev_hash,
      hash: entry.hash,
      canonical: entry.canonical,
      record: JSON.parse(entry.canonical),
    };
    const ours = leaves(JSON.parse(mapItem(format, named(item), SETTINGS)));
    const differences = Object.entries(leaves(examples[name][format])).filter(
      ([path, value]) => !Object.is(ours[path], value) && !DIFFERENT.some((each) => each.test(path)),
    );
    expect(differences.map(([path, value]) => `${path}: ${String(value)}, not ${String(ours[path])}`)).toEqual([]);
  });
});

/** In our records an actor says what it is. */
function named(item: StreamItem): StreamItem {
  if (item.type !== 'entry' || item.record.actor === undefined) return item;
  const { canonical } = item;
  return {
    ...item,
    canonical,
    record: { ...item.record, actor: 'dana@acme.example', actor_type: 'person', actor_name: 'dana@acme.example' },
  };
}

function leaves(value: unknown, path = ''): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return { [path]: value };
  return Object.assign(
    {},
    ...Object.entries(value).map(([name, each]) => leaves(each, path === '' ? name : `${path}.${name}`)),
  );
}

describe('the attestation of OCSF 1.9.0', () => {
  const order = [
    'agent-created',
    'tool-call-allowed',
    'tool-result',
    'tool-call-denied',
    'tool-call-held',
    'approval-granted',
    'approval-refused',
    'agent-revoked',
    'role-changed',
    'policy-changed',
    'detection-fired',
    'stream-checkpoint',
  ] as const;

  it('is what the examples have for their events', () => {
    let previous: ChainLink | null = null;
    for (const name of order) {
      const { attestation_list: given, ...event } = examples[name]['ocsf-1.9.0'];
      const made = attest(event, event.metadata.uid, { uid: 'acme/siem-a', previous });
      expect(made.event).toEqual({ ...event, attestation_list: given });
      previous = made.link;
    }
  });

  it('is recomputed from the lines alone, in their order, and breaks where one is altered', () => {
    const items = [call, entryOf(recordOf('agent.revoked', 0), 43), CHECKPOINT_ITEM];
    const lines: string[] = [];
    let previous: ChainLink | null = null;
    for (const item of items) {
      const { line, link } = mapAttested(item, SETTINGS, { uid: 'acme/siem-a', previous });
      expect(mapAttested(item, SETTINGS, { uid: 'acme/siem-a', previous }).line).toBe(line);
      lines.push(line);
      previous = link;
    }
    expect(brokenAt(lines)).toBe(-1);
    expect(brokenAt([lines[0] ?? '', lines[2] ?? ''])).toBe(1);
    expect(brokenAt([lines[1] ?? '', lines[0] ?? '', lines[2] ?? ''])).toBe(0);
    expect(brokenAt(lines.map((line) => line.replace('"seq":43', '"seq":44').replace('tool.call', 'tool.cail')))).toBe(
      0,
    );
  });

  /** As a receiver would: with another library, and knowing nothing of us. */
  function brokenAt(lines: readonly string[]): number {
    let before: { uid: string; value: string } | undefined;
    return lines.findIndex((line) => {
      const event = JSON.parse(line);
      const [{ fingerprint, ...attestation }] = event.attestation_list;
      const bytes = canonicalize({ ...event, attestation_list: [attestation] }) ?? '';
      const isRight = createHash('sha256').update(bytes).digest('hex') === fingerprint.value;
      const isNext =
        attestation.prev_event?.fingerprint.value === before?.value && attestation.prev_event?.uid === before?.uid;
      before = { uid: event.metadata.uid, value: fingerprint.value };
      return !isRight || !isNext;
    });
  }
});
