/** Replay of a policy over an exported log of 100,000 entries, as `hivekey policy replay --log` does it. */
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EXPORT_FILES } from '@hivekey/action-log';
import { replayFolder } from '../../packages/cli/src/replay.ts';
import type { Ground } from '../company.ts';
import { KEY, writeExport } from '../export.ts';
import { policyWith, recordsUnder } from '../records.ts';
import { atMost, type Row } from '../rows.ts';
import type { Effort } from '../run.ts';

const ENTRIES = 100_000;
/** Within a day, so that no window loses any. */
const SHAPE = { startMs: Date.UTC(2026, 5, 16), stepMs: 500 };

export async function benchReplay(_: Ground, { runs, scale }: Effort): Promise<Row[]> {
  const count = Math.round(ENTRIES * scale);
  const folder = await mkdtemp(join(tmpdir(), 'hivekey-bench-replay-'));
  try {
    const policy = policyWith('$10000');
    await writeExport(folder, count, recordsUnder(policy, SHAPE));
    const seconds = { replay: [] as number[], parse: [] as number[] };
    let heap = 0;
    for (let run = 0; run < runs; run += 1) {
      seconds.parse.push(await timed(() => parseOnly(join(folder, EXPORT_FILES.entries))));
      seconds.replay.push(
        await timed(async () => {
          const report = await replayFolder({ folder, set: policy, since: undefined, key: KEY.verifier, limit: 100 });
          if (report.calls === 0 || report.same !== report.calls) throw new Error(JSON.stringify(report));
        }),
      );
      heap = Math.max(heap, process.memoryUsage().heapUsed);
    }
    const tighter = await replayFolder({
      folder,
      set: policyWith('$5000'),
      since: undefined,
      key: KEY.verifier,
      limit: 0,
    });
    const [replay, parse] = [median(seconds.replay), median(seconds.parse)];
    return [
      {
        measure: `replay of ${count} entries, verified first; every verdict the same`,
        value: replay,
        unit: 's',
        baseline: `reading and parsing the same lines, ${parse.toFixed(2)} s`,
        ratio: Math.round((replay / parse) * 10) / 10,
      },
      {
        measure: 'heap in use after a replay',
        value: Math.round(heap / 1e6),
        unit: 'MB',
        target: atMost(300, heap / 1e6, 'MB'),
      },
      { measure: 'calls changed by half the cap', value: tighter.changed, unit: 'calls' },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function parseOnly(path: string): Promise<void> {
  for await (const line of createInterface({ input: createReadStream(path) })) JSON.parse(line);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
