import { describe, expect, it } from 'vitest';
import {
  canonicalJson,
  EXPORT_FILES,
  formatCheckpointLine,
  signingKey,
  signNote,
  type VerifyOptions,
  type VerifyReport,
  verifyExport,
} from '../../src/index.ts';
import {
  type Draft,
  type ExportShape,
  exportOf,
  type Files,
  KEY,
  lineOf,
  makeLog,
  OTHER_KEY,
  ordinaryLog,
  sourceOf,
  withManifest,
} from './example-log.ts';

const SIZE = 40;
const log = ordinaryLog(SIZE);
const trusted = { trustedKey: KEY.verifier };

const verify = (files: Files, options: VerifyOptions = trusted): Promise<VerifyReport> =>
  verifyExport(sourceOf(files), options);

const fatal = ({ findings }: VerifyReport) =>
  findings.filter((finding) => finding.fatal).map(({ code, place }) => `${code} @ ${place}`);

const linesIn = (files: Files): string[] =>
  (files.get(EXPORT_FILES.entries)?.toString() ?? '').split('\n').slice(0, -1);

/** The export with its lines changed, and a manifest that fits them. */
function withLines(files: Files, change: (lines: string[]) => readonly string[], range: ExportShape = {}): Files {
  const entries = Buffer.from(
    change(linesIn(files))
      .map((line) => `${line}\n`)
      .join(''),
  );
  const { first = 1, last = SIZE, treeSize = SIZE } = range;
  return withManifest(new Map([...files, [EXPORT_FILES.entries, entries]]), {
    origin: KEY.verifier.name,
    first,
    last,
    treeSize,
  });
}

function withFile(files: Files, path: string, bytes: Buffer | string | undefined): Files {
  const changed: Files = new Map(files);
  if (bytes === undefined) changed.delete(path);
  else changed.set(path, Buffer.from(bytes));
  return withManifest(changed, { origin: KEY.verifier.name, first: 1, last: SIZE, treeSize: SIZE });
}

const outside = (name: string, note: string) => ({ name, note });

describe('a valid export', () => {
  const shapes: readonly ExportShape[] = [
    {},
    { checkpoints: [1, 17, 39] },
    { last: 25, checkpoints: [3, 25, 30] },
    { first: 13, checkpoints: [3, 12, 13, 30] },
    { first: 13, last: 13 },
    { first: 6, last: 33, treeSize: 37, checkpoints: [5, 33, 36] },
  ];
  it.each(shapes)('passes: $first to $last of $treeSize', async (shape) => {
    const report = await verify(await exportOf(log, shape));
    expect(report.findings).toEqual([]);
    const { first = 1, treeSize = SIZE, last = treeSize, checkpoints = [] } = shape;
    expect(report).toMatchObject({
      isVerified: true,
      key: { text: KEY.verifier.text, isTrusted: true },
      log: { origin: 'hivekey/wsp_1', first, last, treeSize },
      isWhole: first === 1 && last === treeSize,
      entries: { count: last - first + 1 },
      checkpoints: { exported: checkpoints.length + 1, outside: 0 },
    });
  });

  it('passes however the bytes arrive, and in any number of parts', async () => {
    const files = await exportOf(log, { checkpoints: [1, 20, 39] });
    const whole = await verify(files);
    for (const chunkBytes of [1, 7, 900])
      expect(await verifyExport(sourceOf(files, chunkBytes), trusted)).toEqual(whole);
  });

  it('says so when its key was believed', async () => {
    const report = await verify(await exportOf(log), {});
    expect(report).toMatchObject({ isVerified: true, key: { isTrusted: false } });
    expect(report.findings).toMatchObject([{ code: 'key_not_trusted', fatal: false, place: 'verifier.key' }]);
  });

  it('reports a clock that ran backwards, which is not fatal', async () => {
    const ts = new Date(0).toISOString();
    const files = await exportOf(makeLog([{}, { agent: 1 }, { fields: { ts } }, {}]));
    const report = await verify(files);
    expect(report.isVerified).toBe(true);
    expect(report.findings).toMatchObject([{ code: 'clock_backwards', place: 'seq 3, shard shd_0', fatal: false }]);
  });
});

describe('an export that was changed', () => {
  /** The lines after the change, and what must be found first. Where only hashes were changed, the tree is still the signed one. */
  const cases: readonly [name: string, (lines: string[]) => readonly string[], first: string, tree?: 'is signed'][] = [
    ['an edited record', (l) => l.with(9, (l[9] ?? '').replace('prod', 'test')), 'entry_edited @ seq 10'],
    [
      'a record that is no longer canonical',
      (l) => l.with(9, (l[9] ?? '').replace('"env":', '"env": ')),
      'entry_edited @ seq 10',
    ],
    ['an edited entry_hash', (l) => l.with(9, flipHex(l[9], 'entry_hash')), 'entry_edited @ seq 10', 'is signed'],
    [
      'an edited prev_hash',
      (l) => l.with(9, flipHex(l[9], 'prev_hash')),
      'link_broken @ seq 10, shard shd_0 position 9',
      'is signed',
    ],
    [
      'an edited hash',
      (l) => l.with(9, flipHex(l[9], 'hash')),
      'link_broken @ seq 10, shard shd_0 position 9',
      'is signed',
    ],
    ['a deleted entry', (l) => l.toSpliced(9, 1), 'entry_missing @ seq 10'],
    ['several deleted entries', (l) => l.toSpliced(9, 5), 'entry_missing @ seq 10 to 14'],
    ['a deleted first entry', (l) => l.slice(1), 'entry_missing @ seq 1'],
    ['a cut tail', (l) => l.slice(0, -3), 'entry_missing @ seq 38 to 40'],
    [
      'a deleted entry, the rest renumbered',
      (l) => renumbered(l.toSpliced(9, 1)),
      'entry_missing @ seq 10, shard shd_0 position 10',
    ],
    ['a duplicated entry', (l) => l.toSpliced(9, 0, l[9] ?? ''), 'entry_inserted @ seq 10'],
    [
      'an inserted entry, the rest renumbered',
      (l) => renumbered(l.toSpliced(9, 0, l[20] ?? '')),
      'entry_missing @ seq 10, shard shd_0 position 19',
    ],
    ['two entries changed about', (l) => l.with(9, l[10] ?? '').with(10, l[9] ?? ''), 'entry_reordered @ seq 10'],
    ['an entry moved to the end', (l) => [...l.toSpliced(9, 1), l[9] ?? ''], 'entry_reordered @ seq 10'],
    ['an entry moved to the front', (l) => [l[9] ?? '', ...l.toSpliced(9, 1)], 'entry_reordered @ seq 10'],
    ['a line that is no JSON', (l) => l.with(9, '{"entry_hash"'), 'malformed @ entries.jsonl byte '],
    ['an empty line', (l) => l.toSpliced(9, 0, ''), 'malformed @ entries.jsonl byte '],
    ['an unknown field', (l) => l.with(9, (l[9] ?? '').replace(/}$/, ',"z":1}')), 'malformed @ entries.jsonl byte '],
    [
      'a seq of huge size',
      (l) => l.with(9, (l[9] ?? '').replace(/"seq":10}$/, '"seq":999999999999999}')),
      'entry_reordered @ seq 999999999999999',
    ],
    [
      'a seq beyond the safe range',
      (l) => l.with(9, (l[9] ?? '').replace(/"seq":10}$/, '"seq":9007199254740993}')),
      'malformed @ entries.jsonl byte ',
    ],
    [
      'a line longer than any entry',
      (l) => l.with(9, (l[9] ?? '').replace('prod', 'x'.repeat(70_000))),
      'malformed @ entries.jsonl byte ',
    ],
    ['Windows line ends', (l) => l.map((line) => `${line}\r`), 'malformed @ entries.jsonl byte 0'],
  ];
  it.each(cases)('%s', async (_name, change, first, tree) => {
    const report = await verify(withLines(await exportOf(log, { checkpoints: [5] }), change));
    expect(report.isVerified).toBe(false);
    expect(fatal(report)[0]?.startsWith(first), fatal(report).join('\n')).toBe(true);
    expect(report.findings.some(({ code }) => code === 'root_mismatch')).toBe(tree !== 'is signed');
  });

  it('a file without its last line feed', async () => {
    const files = await exportOf(log);
    const report = await verify(
      withFile(files, EXPORT_FILES.entries, files.get(EXPORT_FILES.entries)?.subarray(0, -1)),
    );
    expect(fatal(report)[0]).toMatch(/^malformed @ entries.jsonl byte \d+, where seq 40 should be$/);
  });

  it('tells up to where the entries are those that were signed', async () => {
    const files = withLines(await exportOf(log, { checkpoints: [5, 9, 20] }), (l) =>
      l.with(9, (l[9] ?? '').replace('prod', 'test')),
    );
    const { findings } = await verify(files);
    expect(findings.find(({ code }) => code === 'root_mismatch')).toMatchObject({ place: 'seq 10 to 40' });
    expect(findings.find(({ code }) => code === 'root_mismatch')?.message).toContain('Up to entry 9 they are.');
  });

  it('a history written anew with every hash, which only what was signed tells', async () => {
    const forged = ordinaryLog(SIZE, KEY);
    const drafts = Array.from({ length: SIZE }, (): Draft => ({ agent: 0 }));
    const other = makeLog(drafts);
    const files = await exportOf(forged, { checkpoints: [20] });
    const report = await verify(
      withLines(files, () => other.entries.map((entry) => lineOf(entry).toString().slice(0, -1))),
    );
    expect(report.findings.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['checkpoint_inconsistent', 'root_mismatch', 'shard_head_mismatch']),
    );
  });

  it('a changed part of the log, in a part export too', async () => {
    const range = { first: 13, last: 30 };
    const files = await exportOf(log, range);
    const drafts = Array.from({ length: SIZE }, (): Draft => ({ agent: 0 }));
    const other = makeLog(drafts).entries.slice(12, 30);
    const report = await verify(
      withLines(files, () => other.map((entry) => lineOf(entry).toString().slice(0, -1)), range),
    );
    expect(fatal(report)).toEqual(['root_mismatch @ seq 13 to 30']);
  });
});

function flipHex(line: string | undefined, field: string): string {
  return (line ?? '').replace(
    new RegExp(`("${field}":"sha256:)(.)`),
    (_all, before: string, digit: string) => before + (digit === '0' ? '1' : '0'),
  );
}

function renumbered(lines: readonly string[]): string[] {
  return lines.map((line, i) => line.replace(/"seq":\d+}$/, `"seq":${i + 1}}`));
}

describe('a log that was written wrongly', () => {
  /** Signed as it is: only the sequences and chains show it. */
  const cases: readonly [name: string, drafts: readonly Draft[], first: string][] = [
    [
      'an agent’s call is left out',
      [{ agent: 1 }, { agent: 1, fields: { agent_seq: 3 } }],
      'agent_sequence_broken @ seq 2, agent agt_1',
    ],
    [
      'an agent’s call has a number twice',
      [{ agent: 1 }, { agent: 1, fields: { agent_seq: 1 } }],
      'agent_sequence_broken @ seq 2, agent agt_1',
    ],
    [
      'an agent does not begin with 1',
      [{ agent: 1, fields: { agent_seq: 2 } }],
      'agent_sequence_broken @ seq 1, agent agt_1',
    ],
    [
      'a shard leaves out a position',
      [{}, { fields: { shard_seq: 3 } }],
      'entry_missing @ seq 2, shard shd_0 position 3',
    ],
    ['a shard goes back', [{}, {}, { fields: { shard_seq: 2 } }], 'entry_reordered @ seq 3, shard shd_0 position 2'],
    ['a shard does not begin with 1', [{ fields: { shard_seq: 2 } }], 'entry_missing @ seq 1, shard shd_0 position 2'],
    [
      'a record is of another version',
      [{ fields: { v: 2 } }],
      'malformed @ entries.jsonl byte 0, where seq 1 should be',
    ],
    ['a record has no time', [{ fields: { ts: '2026-02-30T00:00:00.000Z' } }], 'malformed @ entries.jsonl byte 0'],
    ['a record has a shard that is no id', [{ fields: { shard: 'a b' } }], 'malformed @ entries.jsonl byte 0'],
    ['a record has a number for an agent', [{ agent: 1, fields: { agent_id: 1 } }], 'malformed @ entries.jsonl byte 0'],
  ];
  it.each(cases)('%s', async (_name, drafts, first) => {
    const report = await verify(await exportOf(makeLog(drafts)));
    expect(report.isVerified).toBe(false);
    expect(fatal(report)[0]?.startsWith(first), fatal(report).join('\n')).toBe(true);
  });
});

describe('keys and signatures', () => {
  it('another key inside the export', async () => {
    const files = await exportOf(ordinaryLog(SIZE, OTHER_KEY));
    expect(await verify(files, {})).toMatchObject({ isVerified: true, key: { isTrusted: false } });
    const report = await verify(files);
    expect(fatal(report)).toEqual(['key_unknown @ verifier.key', 'key_unknown @ checkpoint']);
  });

  it('only the key file swapped', async () => {
    const files = withFile(await exportOf(log), EXPORT_FILES.key, `${OTHER_KEY.verifier.text}\n`);
    expect(fatal(await verify(files))).toEqual(['key_unknown @ verifier.key']);
    expect(fatal(await verify(files, {}))).toEqual(['key_unknown @ checkpoint']);
  });

  it('a key file that holds no key', async () => {
    const files = withFile(await exportOf(log), EXPORT_FILES.key, 'nonsense\n');
    expect(fatal(await verify(files))).toEqual(['malformed @ verifier.key']);
    expect((await verify(files, {})).isVerified).toBe(false);
  });

  it('a signature by another key', async () => {
    const files = withFile(await exportOf(log), EXPORT_FILES.checkpoint, log.checkpoint(SIZE, OTHER_KEY));
    expect(fatal(await verify(files))).toEqual(['key_unknown @ checkpoint']);
  });

  it('a signature that does not fit', async () => {
    const note = log.checkpoint(SIZE).replace('\n40\n', '\n39\n');
    const files = withFile(await exportOf(log), EXPORT_FILES.checkpoint, note);
    expect(fatal(await verify(files))).toEqual(['signature_invalid @ checkpoint']);
  });

  it('the checkpoint of another log by the same operator', async () => {
    const files = await exportOf(log);
    const report = await verify(withManifest(files, { origin: 'hivekey/wsp_2', first: 1, last: SIZE, treeSize: SIZE }));
    expect(fatal(report)).toEqual(['manifest_mismatch @ manifest.json']);
  });
});

describe('checkpoints', () => {
  it('an earlier one that is not of this log', async () => {
    const lines = [log.checkpoint(5), ordinaryLogSigned(20)].map(formatCheckpointLine).join('');
    const report = await verify(withFile(await exportOf(log, { checkpoints: [5] }), EXPORT_FILES.checkpoints, lines));
    expect(fatal(report)[0]).toBe('checkpoint_inconsistent @ checkpoints.jsonl line 2');
  });

  it('an earlier one before a part of the log, shown by a proof', async () => {
    const files = await exportOf(log, { first: 30, checkpoints: [20] });
    expect((await verify(files)).isVerified).toBe(true);
    const forged = formatCheckpointLine(ordinaryLogSigned(20));
    const report = await verify(
      withManifest(new Map([...files, [EXPORT_FILES.checkpoints, Buffer.from(forged)]]), {
        origin: KEY.verifier.name,
        first: 30,
        last: SIZE,
        treeSize: SIZE,
      }),
    );
    expect(fatal(report)).toEqual(['checkpoint_inconsistent @ checkpoints.jsonl line 1']);
  });

  it('an earlier one that nothing connects with the signed tree', async () => {
    const files = await exportOf(log, { first: 30 });
    const line = Buffer.from(formatCheckpointLine(log.checkpoint(20)));
    const report = await verify(
      withManifest(new Map([...files, [EXPORT_FILES.checkpoints, line]]), {
        origin: KEY.verifier.name,
        first: 30,
        last: SIZE,
        treeSize: SIZE,
      }),
    );
    expect(fatal(report)).toEqual(['proof_invalid @ checkpoints.jsonl line 1']);
  });

  it('two that differ for one size', async () => {
    const lines = [log.checkpoint(20), ordinaryLogSigned(20)].map(formatCheckpointLine).join('');
    const report = await verify(withFile(await exportOf(log), EXPORT_FILES.checkpoints, lines));
    expect(fatal(report)[0]).toBe('fork @ checkpoints.jsonl line 1 and checkpoints.jsonl line 2');
  });

  it('hashes of the proof that do not lead to the root', async () => {
    const range = { first: 13, last: 30 };
    const files = await exportOf(log, range);
    const proof = files.get(EXPORT_FILES.proof)?.toString() ?? '';
    const changed = proof.replace(/"after":\["(.)/, (_all, digit: string) => `"after":["${digit === '0' ? '1' : '0'}`);
    const shorter = proof.replace(/"after":\["[0-9a-f]{64}",?/, '"after":[');
    for (const [text, code] of [
      [changed, 'root_mismatch @ seq 13 to 30'],
      [shorter, 'proof_invalid @ proof.json'],
    ] as const) {
      const report = await verify(
        withManifest(new Map([...files, [EXPORT_FILES.proof, Buffer.from(text)]]), {
          origin: KEY.verifier.name,
          ...range,
          treeSize: SIZE,
        }),
      );
      expect(fatal(report)).toEqual([code]);
    }
  });

  it('a shard head that is not the last link', async () => {
    const other = makeLog(Array.from({ length: SIZE }, (_, i): Draft => ({ shard: i % 2 })));
    const whole = makeLog(Array.from({ length: SIZE }, (_, i): Draft => ({ shard: i % 2 })));
    const files = await exportOf(whole);
    const note = resigned(other.checkpoint(SIZE), (text) =>
      text.replace(/^shard shd_1 20 .*$/m, (line) => line.replace(/ 20 ./, ' 20 A')),
    );
    const report = await verify(withFile(files, EXPORT_FILES.checkpoint, note));
    expect(fatal(report)).toEqual(['shard_head_mismatch @ checkpoint, shard shd_1']);
  });
});

/** A checkpoint of another log under the same key: what a forger with the key would show to someone else. */
function ordinaryLogSigned(size: number): string {
  return makeLog(Array.from({ length: SIZE }, (): Draft => ({ agent: 9 }))).checkpoint(size);
}

function resigned(note: string, change: (text: string) => string): string {
  const text = note.slice(0, note.indexOf('\n\n') + 1);
  return signNote(change(text), [KEY]);
}

describe('checkpoints that were kept elsewhere', () => {
  const lines = (...notes: readonly string[]) => ({
    name: 'checkpoints.log',
    lines: (async function* () {
      for (const note of notes) yield Buffer.from(`${JSON.stringify({ workspace: 'wsp_1', tree_size: 1, note })}\n`);
    })(),
  });

  it('confirm an export, from a file of several logs with a torn line', async () => {
    const foreign = makeLog([{}], signingKey('hivekey/wsp_2', Buffer.alloc(32, 9))).checkpoint(1);
    const file = {
      name: 'checkpoints.log',
      lines: (async function* () {
        const line = (note: string) => `${JSON.stringify({ workspace: 'x', tree_size: 1, note })}\n`;
        yield Buffer.from(line(log.checkpoint(3)) + line(foreign));
        yield Buffer.from(
          `${line(log.checkpoint(9)).slice(0, 30)}\n${line(log.checkpoint(39))}${line(log.checkpoint(40))}`,
        );
      })(),
    };
    const report = await verify(await exportOf(log), { ...trusted, outsideCheckpoints: [file] });
    expect(report).toMatchObject({ isVerified: true, checkpoints: { outside: 3, outsideCompared: 3 } });
    expect(report.findings).toMatchObject([{ code: 'malformed', place: 'checkpoints.log line 3', fatal: false }]);
  });

  it('show a cut tail', async () => {
    const report = await verify(await exportOf(log, { treeSize: 30 }), {
      ...trusted,
      outsideCheckpoints: [lines(log.checkpoint(20), log.checkpoint(31))],
    });
    expect(fatal(report)).toEqual(['tail_cut @ checkpoints.log line 2']);
  });

  it('show a fork at a size of which the export has a checkpoint, and at one of which it has none', async () => {
    const files = await exportOf(log, { checkpoints: [20] });
    for (const [size, first] of [
      [20, 'fork @ checkpoints.jsonl line 1 and kept'],
      [40, 'fork @ checkpoint and kept'],
      [21, 'checkpoint_inconsistent @ kept'],
    ] as const) {
      const report = await verify(files, {
        ...trusted,
        outsideCheckpoints: [outside('kept', ordinaryLogSigned(size))],
      });
      expect(fatal(report)[0]).toBe(first);
    }
  });

  it('are refused when their signature is wrong', async () => {
    const report = await verify(await exportOf(log), {
      ...trusted,
      outsideCheckpoints: [
        outside('kept', log.checkpoint(20, OTHER_KEY)),
        lines(log.checkpoint(9).replace('\n9\n', '\n8\n')),
      ],
    });
    expect(fatal(report).slice(0, 2)).toEqual(['key_unknown @ kept', 'signature_invalid @ checkpoints.log line 1']);
  });

  it('are no check when none is of this log, or none can be compared', async () => {
    const foreign = makeLog([{}], signingKey('hivekey/wsp_2', Buffer.alloc(32, 9))).checkpoint(1);
    const files = await exportOf(log, { first: 20, last: 30 });
    for (const note of [foreign, log.checkpoint(35)]) {
      const report = await verify(files, { ...trusted, outsideCheckpoints: [lines(note)] });
      expect(fatal(report)).toEqual(['checkpoint_not_compared @ checkpoints kept elsewhere']);
    }
    const report = await verify(files, {
      ...trusted,
      outsideCheckpoints: [lines(log.checkpoint(25), log.checkpoint(35))],
    });
    expect(report).toMatchObject({ isVerified: true, checkpoints: { outside: 2, outsideCompared: 1 } });
    expect(report.findings).toMatchObject([{ code: 'checkpoint_not_compared', fatal: false }]);
  });

  it('are compared wherever the export has a consistency proof for them', async () => {
    const files = await exportOf(log, { first: 20, last: 30, consistency: [7, 35] });
    const report = await verify(files, {
      ...trusted,
      outsideCheckpoints: [lines(log.checkpoint(7), log.checkpoint(35))],
    });
    expect(report).toMatchObject({ isVerified: true, checkpoints: { outsideCompared: 2 } });
    const forked = await verify(files, { ...trusted, outsideCheckpoints: [outside('kept', ordinaryLogSigned(7))] });
    expect(fatal(forked)).toEqual(['checkpoint_inconsistent @ kept']);
  });

  it('of a very long file are thinned out evenly, and the newest is always compared', async () => {
    const note = log.checkpoint(20);
    const many = {
      name: 'long',
      lines: (async function* () {
        const line = `${JSON.stringify({ note })}\n`;
        for (let i = 0; i < 50; i += 1) yield Buffer.from(line.repeat(1_000));
        yield Buffer.from(
          `${JSON.stringify({ note: log.checkpoint(41 - 1) })}\n${JSON.stringify({ note: ordinaryLogSigned(39) })}`,
        );
      })(),
    };
    const report = await verify(await exportOf(log), { ...trusted, outsideCheckpoints: [many] });
    expect(fatal(report)).toEqual(['checkpoint_inconsistent @ long line 50002']);
  });
});

describe('files', () => {
  it.each(Object.values(EXPORT_FILES))('%s missing, and empty', async (path) => {
    const files = await exportOf(log);
    for (const [bytes, code] of [
      [undefined, 'file_missing'],
      [Buffer.alloc(0), 'file_empty'],
    ] as const) {
      const changed: Files = new Map(files);
      if (bytes === undefined) changed.delete(path);
      else changed.set(path, bytes);
      const report = await verify(changed);
      const isHarmless = path === EXPORT_FILES.checkpoints && bytes !== undefined;
      expect(report.isVerified).toBe(isHarmless);
      if (!isHarmless) expect(fatal(report)[0]).toBe(`${code} @ ${path}`);
    }
  });

  const manifests: readonly [name: string, change: (manifest: Record<string, unknown>) => unknown, code: string][] = [
    ['another format', (m) => ({ ...m, format: 'tar' }), 'malformed @ manifest.json'],
    ['a later version', (m) => ({ ...m, version: 2 }), 'malformed @ manifest.json'],
    ['a field that nobody knows', (m) => ({ ...m, note: 'all is well' }), 'malformed @ manifest.json'],
    [
      '__proto__',
      (m) => JSON.parse(JSON.stringify(m).replace('{', '{"__proto__":{"first":1},')),
      'malformed @ manifest.json',
    ],
    ['no object', () => [], 'malformed @ manifest.json'],
    ['a wrong count', (m) => ({ ...m, count: 41 }), 'malformed @ manifest.json'],
    ['a range beyond the tree', (m) => ({ ...m, last: 41, count: 41 }), 'malformed @ manifest.json'],
    [
      'numbers beyond the safe range',
      (m) => ({ ...m, last: 2 ** 60, tree_size: 2 ** 60, count: 2 ** 60 }),
      'malformed @ manifest.json',
    ],
    ['a larger tree', (m) => ({ ...m, tree_size: 41 }), 'manifest_mismatch @ checkpoint'],
    ['a shorter range', (m) => ({ ...m, last: 39, count: 39 }), 'manifest_mismatch @ seq 40 to 40'],
    ['a later first entry', (m) => ({ ...m, first: 2, count: 39 }), 'entry_inserted @ seq 1'],
    [
      'a path out of the folder',
      (m) => ({ ...m, files: [{ path: '../../etc/passwd', bytes: 1, sha256: 'x' }] }),
      'malformed @ manifest.json',
    ],
    [
      'a file more',
      (m) => ({ ...m, files: [...(m.files as []), { path: 'readme', bytes: 1, sha256: 'x' }] }),
      'malformed @ manifest.json',
    ],
    [
      'another digest',
      (m) => JSON.parse(JSON.stringify(m).replace(/sha256:./, (d) => (d.endsWith('0') ? 'sha256:1' : 'sha256:0'))),
      'manifest_mismatch @ checkpoint',
    ],
  ];
  it.each(manifests)('a manifest with %s', async (_name, change, code) => {
    const files = await exportOf(log);
    const manifest = JSON.parse(files.get(EXPORT_FILES.manifest)?.toString() ?? '');
    const report = await verify(
      new Map([...files, [EXPORT_FILES.manifest, Buffer.from(`${canonicalJson(change(manifest))}\n`)]]),
    );
    expect(report.isVerified).toBe(false);
    expect(fatal(report)[0]).toBe(code);
  });

  it('an exception on the way is a failure', async () => {
    const source = sourceOf(await exportOf(log));
    const report = await verifyExport(
      {
        ...source,
        read: (path, start, end) => {
          if (path === EXPORT_FILES.entries) throw new Error('the disk is gone');
          return source.read(path, start, end);
        },
      },
      trusted,
    );
    expect(report).toMatchObject({ isVerified: false, findings: [{ code: 'verifier_failed', fatal: true }] });
  });

  it('the list of defects is bounded', async () => {
    const files = withLines(await exportOf(ordinaryLog(2_000)), (l) => l.map((line) => line.replace('prod', 'test')), {
      last: 2_000,
      treeSize: 2_000,
    });
    const report = await verify(files);
    expect(report.findings).toHaveLength(100);
    expect(report.findingsLeftOut).toBeGreaterThan(1_800);
  });
});
