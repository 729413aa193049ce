/** A log of which payloads were let go verifies, and says which; one from which they were taken otherwise never does. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ABSENCES_FILE,
  checkEntries,
  EXPORT_FILES,
  formatAbsenceLine,
  formatHash,
  formatRuns,
  inclusionProof,
  parseRuns,
  rootOf,
  runsOf,
  sharedNumber,
  type VerifyReport,
  verifyExport,
  writeLine,
} from '../../src/index.ts';
import {
  type Draft,
  exportOf,
  type Files,
  KEY,
  type Log,
  lineOf,
  makeLog,
  sourceOf,
  withManifest,
} from './example-log.ts';

const ORDINARY: readonly Draft[] = Array.from({ length: 24 }, (_, i) => ({ agent: i % 3, shard: i % 5 === 0 ? 1 : 0 }));

const governing = (fields: object): Draft => ({ fields: { actor: 'system', ...fields } });

/** What lets these entries go: their numbers, their count and their root, as they are in the log so far. */
function letting(log: Log, seqs: readonly number[], change: object = {}): Draft {
  return governing({
    kind: 'log.pruned',
    entries: formatRuns(runsOf(seqs)),
    count: seqs.length,
    root: formatHash(rootOf(seqs.map((seq) => log.entries[seq - 1]?.entryHash ?? Buffer.alloc(32)))),
    ...change,
  });
}

/** An export of the log in which these payloads are absent; `lines`: the records by which they are. */
async function exportWithout(
  log: Log,
  absent: ReadonlySet<number>,
  lines: readonly number[],
  shape: { readonly first?: number; readonly last?: number } = {},
): Promise<Files> {
  const { first = 1, last = log.entries.length } = shape;
  const size = log.entries.length;
  const files = await exportOf(log, shape);
  const entries = log.entries
    .slice(first - 1, last)
    .map((entry) => (absent.has(entry.seq) ? absentLine(entry) : lineOf(entry)));
  files.set(EXPORT_FILES.entries, Buffer.concat(entries));
  const texts = await Promise.all(
    lines.map(async (seq) =>
      formatAbsenceLine(
        seq,
        log.entries[seq - 1]?.record.toString() ?? '',
        await inclusionProof(seq - 1, size, log.nodes),
      ),
    ),
  );
  if (lines.length > 0) files.set(ABSENCES_FILE, Buffer.from(texts.join('')));
  return withManifest(files, { origin: KEY.verifier.name, first, last, treeSize: size });
}

function absentLine(entry: Log['entries'][number]): Buffer {
  const { shard, shard_seq: shardSeq } = JSON.parse(entry.record.toString());
  const target = Buffer.alloc(600);
  return target.subarray(
    0,
    writeLine(target, 0, { ...entry, record: Buffer.alloc(0) }, entry.seq, { shard, shardSeq }),
  );
}

const verify = (files: Files): Promise<VerifyReport> => verifyExport(sourceOf(files), { trustedKey: KEY.verifier });
const fatal = ({ findings }: VerifyReport): string[] => findings.filter((each) => each.fatal).map(({ code }) => code);

/** Of the ordinary entries these are let go by the next one. */
function pruned(seqs: readonly number[], change: object = {}): Log {
  return makeLog([...ORDINARY, letting(makeLog(ORDINARY), seqs, change), { agent: 0 }]);
}
const LETS = ORDINARY.length + 1;

describe('runs', () => {
  it('are one text for each set, and read back', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (numbers) => {
        const sorted = numbers.toSorted((a, b) => a - b);
        const runs = runsOf(sorted);
        expect(parseRuns(formatRuns(runs))).toEqual(runs);
        expect(
          runs.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i)),
        ).toEqual(sorted);
      }),
    );
  });

  it.each(['', '0', '1-1', '2,1', '1,2', '1-3,3', '1-3,4', '01', '1-', '-1', '1 ', '1e3', '9999999999999999'])(
    'are not "%s"',
    (text) => {
      expect(parseRuns(text)).toBeUndefined();
    },
  );

  it('share a number exactly when both have it', () => {
    const set = fc
      .uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 8 })
      .map((all) => all.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(set, set, (a, b) => {
        expect(sharedNumber(runsOf(a), runsOf(b))).toBe(a.find((number) => b.includes(number)));
      }),
    );
  });
});

const subset = fc
  .uniqueArray(fc.integer({ min: 1, max: ORDINARY.length }), { minLength: 1, maxLength: ORDINARY.length })
  .map((all) => all.toSorted((a, b) => a - b));

describe('an export without payloads', () => {
  it('verifies, whatever was let go, and says which by which record; also in parts', async () => {
    await fc.assert(
      fc.asyncProperty(subset, fc.integer({ min: 1, max: 3 }), async (seqs, count) => {
        const files = await exportWithout(pruned(seqs), new Set(seqs), [LETS]);
        const whole = await verify(files);
        expect(fatal(whole)).toEqual([]);
        expect(whole).toMatchObject({
          isVerified: true,
          entries: { absent: seqs.length },
          absences: [{ kind: 'pruned', seq: LETS, entries: formatRuns(runsOf(seqs)), count: seqs.length }],
        });
        const entries = files.get(EXPORT_FILES.entries) ?? Buffer.alloc(0);
        const parts = {
          count,
          check: (part: Parameters<typeof checkEntries>[1] & { end: number }) =>
            checkEntries(
              (async function* () {
                yield entries.subarray(part.start, part.end);
              })(),
              part,
            ),
        };
        expect(await verifyExport(sourceOf(files), { trustedKey: KEY.verifier, parts })).toEqual(whole);
      }),
      { numRuns: 25 },
    );
  });

  it('verifies also where the record lies outside of it, and where its payloads are still there', async () => {
    const seqs = [3, 4, 5, 9];
    const log = pruned(seqs);
    const part = await verify(await exportWithout(log, new Set(seqs), [LETS], { first: 2, last: 8 }));
    expect(part).toMatchObject({ isVerified: true, absences: [{ entries: '3-5', count: 3 }] });
    expect(await verify(await exportWithout(log, new Set([4]), [LETS]))).toMatchObject({
      isVerified: true,
      absences: [{ entries: '4', count: 1 }],
    });
  });

  it.each<readonly [name: string, code: string, make: () => Promise<Files>]>([
    ['no record at all', 'payload_missing', () => exportWithout(pruned([3]), new Set([3]), [])],
    ['no record for one of them', 'payload_missing', () => exportWithout(pruned([3]), new Set([3, 4]), [LETS])],
    [
      'a record that was widened',
      'absence_invalid',
      async () => {
        const files = await exportWithout(pruned([3]), new Set([3, 4]), [LETS]);
        const text = files.get(ABSENCES_FILE)?.toString() ?? '';
        files.set(
          ABSENCES_FILE,
          Buffer.from(text.replace('entries\\":\\"3', 'entries\\":\\"3-4').replace('count\\":1', 'count\\":2')),
        );
        return withManifest(files, { origin: KEY.verifier.name, first: 1, last: LETS + 1, treeSize: LETS + 1 });
      },
    ],
    [
      'a record that counts wrong',
      'absence_invalid',
      () => exportWithout(pruned([3, 4], { count: 1 }), new Set([3, 4]), [LETS]),
    ],
    [
      'a record whose root is of other entries',
      'absence_invalid',
      () => exportWithout(pruned([3], { root: formatHash(Buffer.alloc(32)) }), new Set([3]), [LETS]),
    ],
    [
      'a record about what comes after it',
      'absence_invalid',
      () => exportWithout(pruned([3], { entries: `${LETS + 1}` }), new Set([LETS + 1]), [LETS]),
    ],
    [
      'a record of another kind',
      'absence_invalid',
      () => exportWithout(pruned([3], { kind: 'log.read' }), new Set([3]), [LETS]),
    ],
    [
      'a hash that was swapped',
      'link_broken',
      async () => {
        const files = await exportWithout(pruned([3, 4]), new Set([3, 4]), [LETS]);
        const lines = (files.get(EXPORT_FILES.entries)?.toString() ?? '').split('\n');
        const hashOf = (line = '') => line.slice(22, 86);
        const [a, b] = [hashOf(lines[2]), hashOf(lines[3])];
        lines[2] = lines[2]?.replace(a, b) ?? '';
        lines[3] = lines[3]?.replace(b, a) ?? '';
        files.set(EXPORT_FILES.entries, Buffer.from(lines.join('\n')));
        return withManifest(files, { origin: KEY.verifier.name, first: 1, last: LETS + 1, treeSize: LETS + 1 });
      },
    ],
    [
      'another place in its shard',
      'entry_missing',
      async () => {
        const files = await exportWithout(pruned([3]), new Set([3]), [LETS]);
        const text = files.get(EXPORT_FILES.entries)?.toString() ?? '';
        files.set(
          EXPORT_FILES.entries,
          Buffer.from(text.replace(/(record":null,"seq":3,"shard":"shd_0","shard_seq":)2/, '$13')),
        );
        return withManifest(files, { origin: KEY.verifier.name, first: 1, last: LETS + 1, treeSize: LETS + 1 });
      },
    ],
  ])('is refused with %s', async (_name, code, make) => {
    const report = await verify(await make());
    expect(report.isVerified).toBe(false);
    expect(fatal(report)).toContain(code);
  });

  it('is refused after one changed byte, wherever it is', async () => {
    const seqs = [2, 3, 8, 9, 10];
    const files = await exportWithout(pruned(seqs), new Set(seqs), [LETS]);
    const places = [...files].flatMap(([path, bytes]) =>
      path === EXPORT_FILES.manifest || bytes.length === 0 ? [] : [{ path, length: bytes.length }],
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...places),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async ({ path, length }, at, by) => {
          const bytes = Buffer.from(files.get(path) ?? '');
          const place = at % length;
          bytes[place] = (bytes[place] ?? 0) ^ by;
          const changed = withManifest(new Map([...files, [path, bytes]]), {
            origin: KEY.verifier.name,
            first: 1,
            last: LETS + 1,
            treeSize: LETS + 1,
          });
          expect((await verify(changed)).isVerified).toBe(false);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('does not excuse more calls of an agent than are absent', async () => {
    const drafts = ORDINARY.with(7, { agent: 1, fields: { agent_seq: 9 } });
    const log = makeLog([...drafts, letting(makeLog(drafts), [2]), {}]);
    expect(fatal(await verify(await exportWithout(log, new Set([2]), [LETS])))).toContain('agent_sequence_broken');
  });
});

describe('a hold', () => {
  const place = (change: object = {}) => governing({ kind: 'hold.placed', hold_id: 'hld_1', ...change });
  const covers = (entries: string | undefined, through: number) =>
    governing({ kind: 'hold.covers', hold_id: 'hld_1', through, ...(entries === undefined ? {} : { entries }) });
  const release = governing({ kind: 'hold.released', hold_id: 'hld_1' });

  /** Lets entries 3 and 4 go behind these records. */
  async function lettingGo(...before: readonly Draft[]): Promise<VerifyReport> {
    const drafts = [...ORDINARY, ...before];
    const log = makeLog([...drafts, letting(makeLog(drafts), [3, 4]), {}]);
    const lets = drafts.length + 1;
    const holds = before.map((_, i) => ORDINARY.length + 1 + i);
    return verify(await exportWithout(log, new Set([3, 4]), [...holds, lets]));
  }

  it.each<readonly [name: string, ok: boolean, before: readonly Draft[]]>([
    ['of others', true, [place(), covers('5-9', 24)]],
    ['of one of them', false, [place(), covers('4-9', 24)]],
    ['of nothing', true, [place(), covers(undefined, 24)]],
    ['that was released', true, [place(), covers('4-9', 24), release]],
    ['that was over', true, [place({ until: '2020-01-01T00:00:00.000Z' }), covers('4-9', 24)]],
    ['that is not over', false, [place({ until: '2099-01-01T00:00:00.000Z' }), covers('4-9', 24)]],
    ['of which the log does not say what it holds', false, [place()]],
    ['of which the log says too little', false, [place(), covers('1', 3)]],
  ])('%s', async (_name, ok, before) => {
    const report = await lettingGo(...before);
    expect([report.isVerified, fatal(report)]).toEqual([ok, ok ? [] : ['held_entry_let_go']]);
  });

  it('is found in the log, whether or not the export shows it', async () => {
    const drafts = [...ORDINARY, place(), covers('4', 24)];
    const log = makeLog([...drafts, letting(makeLog(drafts), [3, 4])]);
    expect(fatal(await verify(await exportWithout(log, new Set([3, 4]), [drafts.length + 1])))).toEqual([
      'held_entry_let_go',
    ]);
  });
});
