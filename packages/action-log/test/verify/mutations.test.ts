/** Whatever is done to an export at random is found, and an export to which nothing was done passes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkEntries,
  type EntryParts,
  EXPORT_FILES,
  type ExportSource,
  type FindingCode,
  type VerifyReport,
  verifyExport,
} from '../../src/index.ts';
import {
  type ExportShape,
  exportOf,
  type Files,
  KEY,
  makeLog,
  OTHER_KEY,
  ordinaryLog,
  sourceOf,
} from './example-log.ts';

const log = ordinaryLog(60);
const foreign = makeLog(Array.from({ length: 60 }, () => ({ agent: 1 })));
const options = { trustedKey: KEY.verifier };

/** Parts of the log of all kinds. */
const shapes = fc
  .tuple(
    fc.integer({ min: 1, max: 60 }),
    fc.integer({ min: 1, max: 60 }),
    fc.integer({ min: 1, max: 60 }),
    fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 5 }),
  )
  .map(([a, b, c, sizes]): ExportShape => {
    const [first = 1, last = 1, treeSize = 1] = [a, b, c].sort((x, y) => x - y);
    return {
      first,
      last,
      treeSize,
      checkpoints: [...new Set(sizes)].filter((size) => size < treeSize).sort((x, y) => x - y),
    };
  });

async function mustFail(files: Files, codes: readonly FindingCode[] | 'any'): Promise<void> {
  const report = await verifyExport(sourceOf(files), options);
  const fatal = report.findings.filter((finding) => finding.fatal);
  expect(report.isVerified).toBe(false);
  expect(fatal.length).toBeGreaterThan(0);
  for (const { place, message } of fatal) {
    expect(place).not.toBe('');
    expect(message).not.toBe('');
  }
  if (codes !== 'any') expect(codes).toContain(fatal[0]?.code);
}

/** Checks parts as threads do: what goes in and out is copied. */
function partsOf(source: ExportSource, count: number): EntryParts {
  return {
    count,
    check: async (part) =>
      structuredClone(
        await checkEntries(source.read(EXPORT_FILES.entries, part.start, part.end), structuredClone(part)),
      ),
  };
}

const linesOf = (files: Files): string[] => files.get(EXPORT_FILES.entries)?.toString().split('\n').slice(0, -1) ?? [];

function withLines(files: Files, lines: readonly string[]): Files {
  return new Map([...files, [EXPORT_FILES.entries, Buffer.from(lines.map((line) => `${line}\n`).join(''))]]);
}

describe('every export', () => {
  it('passes as it is', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.integer({ min: 1, max: 5_000 }), async (shape, chunkBytes) => {
        const report = await verifyExport(sourceOf(await exportOf(log, shape), chunkBytes), options);
        expect(report.findings).toEqual([]);
        expect(report.isVerified).toBe(true);
      }),
    );
  });

  it('gives the same report when its entries are checked in parts', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.integer({ min: 1, max: 9 }), async (shape, count) => {
        const source = sourceOf(await exportOf(log, shape));
        const whole = await verifyExport(source, options);
        const parts = await verifyExport(source, {
          ...options,
          parts: partsOf(source, count),
        });
        expect(parts).toEqual(whole);
      }),
    );
  });
});

describe('found in every export', () => {
  it('one changed byte, in whatever file', async () => {
    const property = fc.asyncProperty(
      shapes,
      fc.constantFrom(...Object.values(EXPORT_FILES)),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (shape, path, place, change) => {
        const files = await exportOf(log, shape);
        const bytes = Buffer.from(files.get(path) ?? Buffer.alloc(0));
        fc.pre(bytes.length > 0);
        const at = place % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ change;
        await mustFail(new Map([...files, [path, bytes]]), 'any');
      },
    );
    await fc.assert(property, { numRuns: 600 });
  });

  it('one changed byte inside a record, by its number', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(), fc.nat(), async (shape, pick, place) => {
        const files = await exportOf(log, shape);
        const lines = linesOf(files);
        const index = pick % lines.length;
        const line = lines[index] ?? '';
        const start = line.indexOf('"record":') + 9;
        const at = start + (place % (line.lastIndexOf(',"seq":') - start));
        const changed = line.slice(0, at) + (line[at] === '7' ? '8' : '7') + line.slice(at + 1);
        const report = await verifyExport(sourceOf(withLines(files, lines.with(index, changed))), options);
        expect(report.findings[0]).toMatchObject({
          code: 'entry_edited',
          place: `seq ${(shape.first ?? 1) + index}`,
          fatal: true,
        });
      }),
      { numRuns: 200 },
    );
  });

  it('one changed byte in entries that are checked in parts, where a check in one part finds it', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.integer({ min: 2, max: 9 }), fc.nat(), async (shape, count, place) => {
        const files = await exportOf(log, shape);
        const bytes = Buffer.from(files.get(EXPORT_FILES.entries) ?? Buffer.alloc(0));
        const at = place % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        const source = sourceOf(new Map([...files, [EXPORT_FILES.entries, bytes]]));
        const whole = await verifyExport(source, options);
        const parts = await verifyExport(source, { ...options, parts: partsOf(source, count) });
        expect(parts.isVerified).toBe(false);
        const malformed = (report: VerifyReport) =>
          report.findings.filter(({ code }) => code === 'malformed').map(({ place: where }) => where.split(',')[0]);
        expect(malformed(parts)).toEqual(malformed(whole));
      }),
      { numRuns: 300 },
    );
  });

  it('a deleted line, by its number', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(), async (shape, pick) => {
        const files = await exportOf(log, shape);
        const lines = linesOf(files);
        fc.pre(lines.length > 1);
        const index = pick % lines.length;
        const report = await verifyExport(sourceOf(withLines(files, lines.toSpliced(index, 1))), options);
        const missing = report.findings.find(({ code }) => code === 'entry_missing');
        expect(missing?.place).toMatch(new RegExp(`^seq ${(shape.first ?? 1) + index}( to \\d+)?$`));
        expect(report.isVerified).toBe(false);
      }),
    );
  });

  it('a duplicated line, lines changed about, a shuffled file', async () => {
    await fc.assert(
      fc.asyncProperty(
        shapes,
        fc.nat(),
        fc.nat(),
        fc.constantFrom('duplicate', 'swap', 'reverse'),
        async (shape, a, b, what) => {
          const files = await exportOf(log, shape);
          const lines = linesOf(files);
          fc.pre(lines.length > 1);
          const i = a % lines.length;
          const j = (i + 1 + (b % (lines.length - 1))) % lines.length;
          const changed = {
            duplicate: lines.toSpliced(j, 0, lines[i] ?? ''),
            swap: lines.with(i, lines[j] ?? '').with(j, lines[i] ?? ''),
            reverse: lines.toReversed(),
          }[what];
          await mustFail(withLines(files, changed), [
            'entry_inserted',
            'entry_reordered',
            'entry_missing',
            'manifest_mismatch',
          ]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('any file cut off anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        shapes,
        fc.constantFrom(...Object.values(EXPORT_FILES)),
        fc.nat(),
        async (shape, path, place) => {
          const files = await exportOf(log, shape);
          const bytes = files.get(path) ?? Buffer.alloc(0);
          fc.pre(bytes.length > 0);
          await mustFail(new Map([...files, [path, bytes.subarray(0, place % bytes.length)]]), 'any');
        },
      ),
      { numRuns: 300 },
    );
  });

  it('any file of another log in its place', async () => {
    const others = [foreign, ordinaryLog(60, OTHER_KEY)];
    await fc.assert(
      fc.asyncProperty(
        shapes,
        fc.constantFrom(...others),
        fc.constantFrom(...Object.values(EXPORT_FILES)),
        async (shape, other, path) => {
          const files = await exportOf(log, shape);
          const bytes = (await exportOf(other, shape)).get(path) ?? Buffer.alloc(0);
          fc.pre(!bytes.equals(files.get(path) ?? Buffer.alloc(0)));
          await mustFail(new Map([...files, [path, bytes]]), 'any');
        },
      ),
      { numRuns: 200 },
    );
  });

  it('random bytes for any file, without an exception and without a verdict in favour', async () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.json().map((json) => Buffer.from(`${json}\n`)),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.values(EXPORT_FILES)), noise, async (path, bytes) => {
        const files = await exportOf(log, { checkpoints: [9] });
        const report = await verifyExport(sourceOf(new Map([...files, [path, Buffer.from(bytes)]])), options);
        expect(report.isVerified).toBe(false);
        expect(report.findings.map(({ code }) => code)).not.toContain('verifier_failed');
      }),
      { numRuns: 300 },
    );
  });
});
