/** The evaluation as a function of the log, and what a crash leaves of it: pure. */
import { entryHash, formatHash, linkHash, parseHash } from '@hivekey/action-log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { periodOf } from '../../src/detections/catalogue.ts';
import { faultOf } from '../../src/detections/chain.ts';
import { detectionDocument } from '../../src/detections/document.ts';
import { Evaluation, isUpTo, type Output, type Position, type Snapshot } from '../../src/detections/evaluation.ts';
import { quarterAt, quarterBefore, quarterNamed } from '../../src/detections/quarter.ts';
import type { Setting, Settings } from '../../src/detections/rule-set.ts';
import type { LogRecord, SignedCheckpoint, StoredEntry } from '../../src/log/index.ts';

const START = Date.parse('2026-11-26T10:00:00.000Z');
const ZERO = `sha256:${'0'.repeat(64)}`;
const NOTHING_BEFORE: Position = { seq: 0, checkpoint: 0 };

type Item =
  | { readonly kind: 'entry'; readonly entry: StoredEntry; readonly record: LogRecord; readonly setting?: Setting }
  | { readonly kind: 'checkpoint'; readonly checkpoint: SignedCheckpoint };

interface Happening {
  readonly what: 'denied' | 'allowed' | 'checkpoint' | 'off' | 'on' | 'test';
  readonly agent: number;
  readonly afterMs: number;
}

const OFF = { document: detectionDocument.parse({ enabled: false }), version: 1 };
const ON = { document: detectionDocument.parse({ suppression_seconds: 0 }), version: 2 };

/** A log with these happenings, chained as the writer does. */
function logOf(happenings: readonly Happening[]): readonly Item[] {
  const items: Item[] = [];
  let seq = 0;
  let prevHash = ZERO;
  let ms = START;
  for (const { what, agent, afterMs } of happenings) {
    ms += afterMs;
    const ts = new Date(ms).toISOString();
    if (what === 'checkpoint') {
      const checkpoint = { id: items.length + 1, treeSize: seq, rootHash: ZERO, createdAt: new Date(ms) };
      items.push({ kind: 'checkpoint', checkpoint });
      continue;
    }
    seq += 1;
    const shared = {
      v: 1,
      event_id: `evt_${seq}`,
      ts,
      workspace: 'acme',
      env: 'prod',
      shard: 'shd_1',
      shard_seq: seq,
    } as const;
    const record = { ...shared, ...contentOf(what, agent, seq) } as LogRecord;
    const canonical = JSON.stringify(record);
    const own = entryHash(canonical);
    const hash = formatHash(linkHash(parseHash(prevHash) ?? Buffer.alloc(32), own));
    const entry = { seq, entryHash: formatHash(own), prevHash, hash, canonical };
    prevHash = hash;
    const setting = what === 'off' ? OFF : what === 'on' ? ON : undefined;
    items.push({ kind: 'entry', entry, record, ...(setting === undefined ? {} : { setting }) });
  }
  return items;
}

function contentOf(what: Happening['what'], agent: number, seq: number): object {
  if (what === 'off' || what === 'on')
    return { kind: 'object.versioned', object_type: 'detection', object_id: 'D01', version: what === 'off' ? 1 : 2 };
  const isDenied = what !== 'allowed';
  return {
    kind: 'tool.call',
    agent: `bot-${agent}`,
    agent_id: `agt_${agent}`,
    owner: 'dana@acme.example',
    action: 'crm.read',
    tool: `crm.read.${seq % 7}`,
    access: 'read',
    verdict: isDenied ? 'deny' : 'allow',
    reason_class: isDenied ? 'scope' : 'granted',
    ...(what === 'test' ? { synthetic: true, run_id: 'tst_1' } : {}),
  };
}

function begin(settings: Settings, snapshot?: Snapshot): Evaluation {
  return new Evaluation({ settings, snapshot, decideAgain: () => undefined });
}

const take = (evaluation: Evaluation, item: Item): readonly Output[] =>
  item.kind === 'entry'
    ? evaluation.take(item.entry, item.record, item.setting)
    : evaluation.takeCheckpoint(item.checkpoint);

const named = (outputs: readonly Output[]): readonly string[] =>
  outputs.map(
    (output) =>
      `${output.at.seq}.${output.at.checkpoint} ${output.kind === 'finding' ? output.finding.id : output.kind}`,
  );

const settingsIn = ({ versions }: Snapshot): Settings =>
  new Map(Object.entries(versions).map(([name, version]) => [name, version === 1 ? OFF : ON]));

const happening = fc.record({
  what: fc.constantFrom<Happening['what']>(
    'denied',
    'denied',
    'denied',
    'denied',
    'allowed',
    'checkpoint',
    'off',
    'on',
    'test',
  ),
  agent: fc.integer({ min: 1, max: 2 }),
  afterMs: fc.integer({ min: 0, max: 20_000 }),
});

describe('an evaluation', () => {
  it('writes each finding once, wherever it is cut off, saved and begun again', () => {
    fc.assert(
      fc.property(
        fc.array(happening, { minLength: 1, maxLength: 120 }),
        fc.array(fc.constantFrom('go', 'go', 'go', 'save', 'die', 'die before writing'), {
          minLength: 1,
          maxLength: 60,
        }),
        (happenings, events) => {
          const items = logOf(happenings);
          const whole = begin(new Map());
          const expected = named(items.flatMap((item) => take(whole, item)));

          const written: string[] = [];
          let saved: { at: number; snapshot: Snapshot | undefined } = { at: 0, snapshot: undefined };
          let upTo = NOTHING_BEFORE;
          let evaluation = begin(new Map());
          let at = 0;
          for (let round = 0; at < items.length; round += 1) {
            const event = events[round % events.length] ?? 'go';
            const next = Math.min(items.length, at + 1 + (round % 5));
            const outputs = items.slice(at, next).flatMap((item) => take(evaluation, item));
            const fresh = outputs.filter((output) => !isUpTo(output.at, upTo));
            const dies = event.startsWith('die') && round < 200;
            if (!(dies && event === 'die before writing')) {
              written.push(...named(fresh));
              upTo = fresh.at(-1)?.at ?? upTo;
            }
            if (dies) {
              // Another node: what was saved, and what is known to be written.
              const snapshot: Snapshot | undefined = saved.snapshot && JSON.parse(JSON.stringify(saved.snapshot));
              evaluation = begin(snapshot === undefined ? new Map() : settingsIn(snapshot), snapshot);
              at = saved.at;
              continue;
            }
            at = next;
            if (event === 'save') saved = { at, snapshot: evaluation.snapshot() };
          }
          expect(written).toEqual(expected);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('is the same for a test as without it: what a test makes up counts for no rule', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 80 }), (happenings) => {
        const findings = (of: readonly Happening[]) => {
          const evaluation = begin(new Map());
          return logOf(of)
            .flatMap((item) => take(evaluation, item))
            .flatMap((output) => (output.kind === 'finding' ? [`${output.detection} ${output.finding.key}`] : []));
        };
        // In place of the test's calls something that no rule reads.
        const without = happenings.map((each) =>
          each.what === 'test' ? { ...each, what: 'allowed' as const, agent: 99 } : each,
        );
        expect(findings(happenings)).toEqual(findings(without));
      }),
      { numRuns: 50 },
    );
  });

  it('finds a rule fired ten times, and no entry that was altered to be in order', () => {
    const burst = Array.from({ length: 10 }, (): Happening => ({ what: 'denied', agent: 1, afterMs: 100 }));
    const items = logOf(burst);
    const evaluation = begin(new Map());
    const found = items.flatMap((item) => take(evaluation, item)).filter(({ kind }) => kind === 'finding');
    expect(found).toHaveLength(
      1 + found.filter((output) => output.kind === 'finding' && output.detection !== 'D01').length,
    );

    const again = begin(new Map());
    const [, second] = items;
    if (second?.kind !== 'entry') throw new Error('there are ten');
    const { entry, record } = second;
    const altered = { ...entry, canonical: entry.canonical.replace('"deny"', '"allow"') };
    const faults = [items[0], { ...second, entry: altered }].flatMap((item) =>
      item === undefined ? [] : take(again, item),
    );
    expect(faults).toContainEqual(
      expect.objectContaining({
        detection: 'D10',
        finding: expect.objectContaining({ clause: 'entry_hash', level: 'critical', evidence: [record.event_id] }),
      }),
    );
  });
});

describe('the chain as it is read', () => {
  const [item] = logOf([{ what: 'denied', agent: 1, afterMs: 0 }]);
  const entry = item?.kind === 'entry' ? item.entry : undefined;

  it.each([
    ['in order', {}, undefined],
    ['altered', { canonical: '{}' }, 'entry_hash'],
    ['linked elsewhere', { hash: ZERO }, 'link'],
    ['behind another', { prevHash: `sha256:${'1'.repeat(64)}` }, 'link'],
    ['gone, as a record says', { canonical: '{}', absent: { kind: 'pruned', seq: 9, eventId: 'evt_9' } }, undefined],
    ['gone, and linked elsewhere', { hash: ZERO, absent: { kind: 'pruned', seq: 9, eventId: 'evt_9' } }, 'link'],
  ] as const)('is %s', (_, change, clause) => {
    if (entry === undefined) throw new Error('there is one');
    expect(faultOf({ ...entry, ...change })?.clause).toBe(clause);
  });
});

describe('quarters', () => {
  it.each([
    ['2026-11-26T10:00:00Z', '2026-Q4', '2026-Q3'],
    ['2026-01-01T00:00:00Z', '2026-Q1', '2025-Q4'],
    ['2026-03-31T23:59:59.999Z', '2026-Q1', '2025-Q4'],
  ])('%s is in %s, after %s', (at, name, before) => {
    const quarter = quarterAt(Date.parse(at));
    expect(quarter.name).toBe(name);
    expect(quarterBefore(quarter).name).toBe(before);
    expect(quarterNamed(name)).toEqual(quarter);
  });

  it('have names, and nothing else is one', () => {
    expect(['2026-Q5', '2026-4', '', 'Q4'].map(quarterNamed)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe('since when a rule is on', () => {
  const at = (day: number) => new Date(Date.UTC(2026, 0, day));
  it.each([
    ['as it is shipped', at(1), [], { from: at(1), to: null }],
    ['of the workspace’s own', null, [[2, true]], { from: at(2), to: null }],
    ['switched off', at(1), [[3, false]], { from: at(1), to: at(3) }],
    [
      'and on again',
      at(1),
      [
        [3, false],
        [5, true],
        [6, true],
      ],
      { from: at(5), to: null },
    ],
    ['never on', null, [[2, false]], { from: null, to: null }],
  ] as const)('%s', (_, shipped, versions, period) => {
    expect(
      periodOf(
        versions.map(([day, isEnabled]) => ({ at: at(day), isEnabled })),
        shipped,
      ),
    ).toEqual(period);
  });
});
