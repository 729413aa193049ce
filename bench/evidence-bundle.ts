/**
 * `node scripts/run.mjs bench/evidence-bundle.ts [entries]`: a bundle over a log of so many entries, built as the server's thread does,
 * and verified by each of the three verifiers; each in a process of its own. Writes bench/evidence-bundle.md.
 */
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
// The server first: its parts know each other in circles, which can be entered there.
import '../packages/server/src/server.ts';
import { Vault } from '../packages/server/src/approvals/index.ts';
import { Worlds } from '../packages/server/src/blast-radius/index.ts';
import { loadConfig } from '../packages/server/src/config.ts';
import { openDatabase, openPool, startEmbeddedPostgres } from '../packages/server/src/database/index.ts';
import { buildBundle } from '../packages/server/src/evidence-bundles/build.ts';
import { heldKey } from '../packages/server/src/evidence-bundles/key.ts';
import { loadServerKeys } from '../packages/server/src/identity/index.ts';
import { createActionLog, openLogForReading } from '../packages/server/src/log/index.ts';
import { ensureWorkspace } from '../packages/server/src/workspace/index.ts';
import { readMachine } from './machine.ts';

const AT_ONCE = 512;
const DAY_MS = 86_400_000;

interface Measured {
  readonly cpuSeconds: number;
  readonly seconds: number;
  readonly memoryMiB: number;
}

/** Entries as calls and their results are, recorded one by one through the log's writer. */
async function fill(url: string, data: string, count: number): Promise<{ url: string; workspace: string }> {
  const database = await openDatabase({ ownerUrl: url, roleKey: randomBytes(32) });
  const { id } = await ensureWorkspace(database.pool, 'prod');
  const keys = loadServerKeys(data, undefined);
  const log = await createActionLog({
    pool: database.pool,
    connectionString: database.url,
    nodeId: 'node_bench',
    signingKey: keys.signing,
  });
  for (let from = 0; from < count; from += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) =>
        log.record(id, {
          kind: 'freeze.changed',
          actor: `person:p${i % 40}@acme.example`,
          freeze: `quarter-end-${(from + i) % 900}`,
          reason: `order ${from + i} of vendor ${(from + i) % 500}, looked at and let go as it was agreed upon`,
        }),
      ),
    );
  await log.catchUp(id);
  await log.close();
  await database.close();
  return { url: database.url, workspace: id };
}

async function build(
  url: string,
  data: string,
  workspace: string,
): Promise<Measured & { bytes: number; files: number }> {
  const keys = loadServerKeys(data, undefined);
  const pool = openPool(url, 3);
  const { rows } = await pool.query('SELECT id FROM workspaces WHERE id = $1', [workspace]);
  const workspaceId = rows[0].id;
  const log = openLogForReading({ pool, connectionString: url, nodeId: 'node_bench', signingKey: keys.signing });
  const config = loadConfig({ HIVEKEY_DATA: data, HIVEKEY_CONFIG: '/dev/null' });
  const now = Date.now();
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  const built = await buildBundle(
    {
      pool,
      log,
      config,
      version: '0.1.0',
      url: 'https://hivekey.acme.example',
      worlds: new Worlds(pool),
      approvals: { vault: new Vault(keys.envelope) },
    },
    {
      workspaceId,
      bundle: {
        id: 'bdl_bench',
        name: 'acme-agent-evidence_bench_v1',
        version: 1,
        from: new Date(now - DAY_MS).toISOString(),
        to: new Date(now).toISOString(),
        include: null,
        reason: '',
        requestedBy: 'person:dana@acme.example',
        session: null,
        disposeOn: '2033-01-01',
      },
      previous: null,
      folder: join(data, 'building'),
      archive: join(data, 'bundle.tar'),
      signingKey: heldKey(data).privateKey,
      authority: null,
    },
    () => undefined,
  );
  const { user, system } = process.cpuUsage(cpuBefore);
  const seconds = (performance.now() - before) / 1000;
  await log.close();
  await pool.end();
  return {
    cpuSeconds: (user + system) / 1e6,
    seconds,
    memoryMiB: process.resourceUsage().maxRSS / 1024,
    bytes: built.bytes,
    files: built.files,
  };
}

/** A program that is not ours, by the clock; whatever it prints, it must end well. */
async function secondsOf(program: string, parts: readonly string[]): Promise<number> {
  const before = performance.now();
  await promisify(execFile)(program, [...parts], { maxBuffer: 1 << 26 });
  return (performance.now() - before) / 1000;
}

const [, script = '', first = '1000000', ...given] = process.argv;
if (first === 'build') {
  const [url = '', data = '', workspace = ''] = given;
  process.stdout.write(JSON.stringify(await build(url, data, workspace)));
} else {
  const count = Number(first);
  const folder = await mkdtemp(join(tmpdir(), 'hivekey-bundle-'));
  const postgres = await startEmbeddedPostgres(folder);
  try {
    const { url, workspace } = await fill(postgres.url, folder, count);
    const text = execFileSync(process.execPath, [...process.execArgv, script, 'build', url, folder, workspace], {
      encoding: 'utf8',
    });
    const built: Awaited<ReturnType<typeof build>> = JSON.parse(text);
    execFileSync('tar', ['xf', join(folder, 'bundle.tar'), '-C', folder]);
    const bundle = join(folder, 'acme-agent-evidence_bench_v1');
    const fingerprint = readFileSync(join(bundle, 'keys/FINGERPRINT.txt'), 'utf8').trim();
    const command = fileURLToPath(new URL('../packages/cli/src/main.ts', import.meta.url));
    const verified = [
      ['`verify.sh`', await secondsOf('sh', [join(bundle, 'verify/verify.sh'), fingerprint])],
      ['`verify.py`', await secondsOf('python3', [join(bundle, 'verify/verify.py'), fingerprint])],
      [
        '`hivekey evidence verify`',
        await secondsOf(process.execPath, [command, 'evidence', 'verify', bundle, '--fingerprint', fingerprint]),
      ],
    ] as const;
    const { facts, warning } = readMachine();
    const report = `# Bundles of evidence

\`node scripts/run.mjs bench/evidence-bundle.ts ${count}\`: a bundle over a log of ${count.toLocaleString('en')} entries (administrative acts, recorded by the log's writer into embedded PostgreSQL), by the function that the server's thread runs, in a process of its own: the log verified, every report read from one snapshot, signed, and packed. Then each verifier over the unpacked folder.

${[...facts, ...(warning === undefined ? [] : [warning])].map((fact) => `- ${fact}`).join('\n')}

| | Processor, s | Clock, s | Memory, MiB |
|---|---|---|---|
| building it: ${built.files} files, ${(built.bytes / 1e6).toFixed(0)} MB | ${built.cpuSeconds.toFixed(1)} | ${built.seconds.toFixed(1)} | ${built.memoryMiB.toFixed(0)} |
${verified.map(([name, seconds]) => `| ${name} | | ${seconds.toFixed(1)} | |`).join('\n')}

Memory is the most that the process had, of which a Node.js with these modules has about 200 MiB before it begins.
`;
    writeFileSync(fileURLToPath(new URL('evidence-bundle.md', import.meta.url)), report);
    process.stdout.write(report);
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
