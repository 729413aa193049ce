/** What every command of the clone needs first. Plain JavaScript: it runs on the machine's own Node, 20 or later. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';

export const root = fileURLToPath(new URL('..', import.meta.url));
const OLDEST_NODE = 20;
const LOOK_AGAIN_MS = 200;
const SMALLEST_COMPRESSED_BYTES = 1024;

export function fail(cause, remedy) {
  process.stderr.write(`${cause} ${remedy}\n`);
  process.exit(1);
}

/** Runs a command to its end in the clone; its failure is ours. */
export function run(command, args, what) {
  const { status, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) fail(`${what} failed${signal ? ` (${signal})` : ''}.`, 'See the lines above.');
}

/** Installs the locked dependencies where they are missing or older than the lock file; one command at a time. */
export function ensureInstalled() {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE)
    fail(`HiveKey needs Node.js ${OLDEST_NODE} or later; this is ${process.version}.`, 'Install a current Node.js.');
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const mark = join(root, 'node_modules', '.hivekey-lock');
  const isInstalled = () => existsSync(mark) && readFileSync(mark, 'utf8') === lock;
  if (isInstalled()) return;
  alone(join(root, '.hivekey-install'), () => {
    if (isInstalled()) return;
    process.stderr.write('Installing dependencies (once) …\n');
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], 'npm ci');
    writeFileSync(mark, lock);
  });
}

/** Runs `work` when no other process of this clone does. The file holds the process id; one that is dead is taken over. */
function alone(path, work) {
  for (;;) {
    try {
      writeFileSync(path, `${process.pid}`, { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
    if (isDead(holder)) rmSync(path, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_AGAIN_MS);
  }
  process.on('exit', () => rmSync(path, { force: true }));
  work();
  rmSync(path, { force: true });
}

function isDead(pid) {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** The Node.js that the sources run on, pinned as a dependency. */
export function pinnedNode() {
  return join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

function newestChange(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'dist') continue;
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestChange(path) : statSync(path).mtimeMs);
  }
  return newest;
}

/** Beside each file that gains by it, its Brotli and gzip forms, which the server hands out as they are. */
function compressAssets(folder) {
  for (const name of readdirSync(folder)) {
    if (!/\.(js|css|svg)$/.test(name)) continue;
    const content = readFileSync(join(folder, name));
    if (content.length < SMALLEST_COMPRESSED_BYTES) continue;
    writeFileSync(join(folder, `${name}.br`), brotliCompressSync(content));
    writeFileSync(join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
  }
}

/** Builds the console where it is missing or older than its sources. */
export function ensureConsole() {
  const folder = join(root, 'packages', 'console');
  const page = join(folder, 'dist', 'index.html');
  if (existsSync(page) && statSync(page).mtimeMs > newestChange(folder)) return;
  process.stderr.write('Building the console …\n');
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const { status, stdout, stderr } = spawnSync(pinnedNode(), [vite, 'build', '--logLevel', 'warn'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) fail(`The console could not be built.\n${stdout}${stderr}`, 'Run npm test to see more.');
  compressAssets(join(folder, 'dist', 'assets'));
}
