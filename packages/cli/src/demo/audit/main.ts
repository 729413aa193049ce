/**
 * `npm run demo -- --audit`: builds a quarter of a made-up company by running the real server on a clock of its own, then leaves
 * the server running on the real clock, with an engagement for an auditor and a signed bundle.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HiveKey } from '@hivekey/sdk';
import { startEmbeddedPostgres } from '../../../../server/src/database/index.ts';
import { paint } from '../../output.ts';
import { letAuditorIn } from './auditor.ts';
import { buildSample, settingsOf } from './build.ts';
import { tableOf } from './counts.ts';
import { startServer } from './server.ts';

const CLI = fileURLToPath(new URL('../../main.ts', import.meta.url));
const QUARTER = { from: '2026-07-01T00:00:00.000Z', to: '2026-10-01T00:00:00.000Z' };
/** About 100,000 entries in the quarter. */
const CALLS_AN_HOUR = 22;

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

export async function showAudit(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'hivekey-sample-'));
  const data = join(folder, 'data');
  say(paint('yellow', 'SAMPLE DATA: all that follows is made up, and labelled so on every record, screen and file.'));
  say(`Building a quarter of Acme in ${folder}; this takes some minutes.`);
  const startedAt = performance.now();
  const counts = await build(data);
  for (const line of tableOf(counts)) say(`  ${line}`);
  say(`  built in ${Math.round((performance.now() - startedAt) / 1_000)} s`);

  const server = await startServer({ data, port: 0, more: settingsOf(data) });
  try {
    const key = readFileSync(join(data, 'admin.key'), 'utf8').trim();
    const hivekey = new HiveKey({ url: server.url, key });
    const { link, fingerprint } = await letAuditorIn(hivekey, QUARTER);
    const bundle = join(folder, 'acme-evidence.tar');
    say('Building the bundle of evidence …');
    await cli(server.url, key, ['evidence', 'export', '--from', QUARTER.from, '--to', QUARTER.to, '-o', bundle]);
    say(paint('green', '\nThe sample company is there, on the real clock.'));
    say(`  Console        ${server.url}/`);
    say(`  Admin key      in ${join(data, 'admin.key')}`);
    say(`  Auditor        ${link}`);
    say(`  Bundle         ${bundle}`);
    say(`  Verify it      hivekey evidence verify ${bundle} --fingerprint ${fingerprint}`);
    say('                 or unpack it and run verify/verify.sh in it, which needs no HiveKey');
    say('Ctrl-C ends the server; the folder stays.');
    await new Promise((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
    });
  } finally {
    await server.stop();
  }
}

/** What a crash of the machine would lose of it is made anew. */
async function build(data: string): Promise<Awaited<ReturnType<typeof buildSample>>> {
  mkdirSync(data, { mode: 0o700 });
  const postgres = await startEmbeddedPostgres(data, { fsync: 'off' });
  try {
    return await buildSample({
      data,
      databaseUrl: postgres.url,
      ...QUARTER,
      callsAnHour: CALLS_AN_HOUR,
      say: (line) => void say(`  ${line}`),
    });
  } finally {
    await postgres.stop();
  }
}

async function cli(url: string, key: string, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CLI, ...args], {
    stdio: 'inherit',
    env: { ...process.env, HIVEKEY_URL: url, HIVEKEY_KEY: key },
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`hivekey ${args.join(' ')} ended with ${code}`);
}
