/** Runs the public conformance suite against a URL, and compares two runs check by check. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

export type Requirements = '2025-11-25' | '2026-07-28';
type Status = 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO' | 'SUCCESS';

/** `scenario › check id › check name › nth` → status. Notes on the traffic are no checks and left out. */
export type Run = ReadonlyMap<string, Status>;

const NOTES: ReadonlySet<string> = new Set([
  'outgoing-request',
  'incoming-response',
  'incoming-sse-event',
  'stream-closed',
]);
const RANK: Readonly<Record<Status, number>> = { FAILURE: 0, WARNING: 1, SKIPPED: 2, INFO: 2, SUCCESS: 3 };

const cli = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json')),
  'dist/index.js',
);
const preload = pathToFileURL(join(import.meta.dirname, 'auth.mjs')).href;

/** `token` is sent with every request to the origin of `url`. */
export async function runSuite(url: string, requirements: Requirements, token?: string): Promise<Run> {
  const output = await mkdtemp(join(tmpdir(), 'hivekey-conformance-'));
  try {
    const flags = token === undefined ? [] : ['--import', preload];
    const child = spawn(
      process.execPath,
      [...flags, cli, 'server', '--url', url, '--requirements', requirements, '-o', output],
      {
        stdio: 'ignore',
        env: { ...process.env, CONFORMANCE_ORIGIN: new URL(url).origin, CONFORMANCE_TOKEN: token ?? '' },
      },
    );
    // Its exit code tells of failing scenarios; the comparison looks at each check.
    await once(child, 'exit');
    return await readRun(output);
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}

async function readRun(output: string): Promise<Run> {
  const run = new Map<string, Status>();
  for (const folder of await readdir(output)) {
    const scenario = folder.replace(/^server-/, '').replace(/-\d{4}-\d{2}-\d{2}T.*$/, '');
    const checks: { id: string; name: string; status: Status }[] = JSON.parse(
      await readFile(join(output, folder, 'checks.json'), 'utf8'),
    );
    const seen = new Map<string, number>();
    for (const { id, name, status } of checks) {
      if (NOTES.has(id)) continue;
      const key = `${scenario} › ${id} › ${name}`;
      const nth = (seen.get(key) ?? 0) + 1;
      seen.set(key, nth);
      run.set(`${key} › ${nth}`, status);
    }
  }
  return run;
}

/** Checks that came out worse than in the baseline, or are missing though they passed there. */
export function worseThan(baseline: Run, run: Run): string[] {
  return [...baseline].flatMap(([check, expected]) => {
    const actual = run.get(check);
    if (actual === undefined) return expected === 'SUCCESS' ? [`${check}: ${expected} → missing`] : [];
    return RANK[actual] < RANK[expected] ? [`${check}: ${expected} → ${actual}`] : [];
  });
}

export function count(run: Run, status: Status): number {
  return [...run.values()].filter((each) => each === status).length;
}
