/** The whole suite: installs what it needs (Chromium and receivers included), checks types, style and dead code, runs every test. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ensureConsole, ensureInstalled, fail, pinnedNode, root, run } from './prepare.mjs';
import { ensureReceivers } from './receivers.mjs';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** What an auditor checks a bundle of evidence with, and the packages it comes in. */
const VERIFIERS = { 'ssh-keygen': 'openssh-client', openssl: 'openssl', python3: 'python3' };

function ensureChromium() {
  if (process.env.CHROMIUM_PATH !== undefined || CHROMIUM.some((path) => existsSync(path))) return;
  install('Chromium for the browser tests', ['chromium'], 'Install it, or set CHROMIUM_PATH to one.');
}

function ensureVerifiers() {
  const places = (process.env.PATH ?? '').split(delimiter);
  const missing = Object.entries(VERIFIERS).filter(([tool]) => !places.some((place) => existsSync(join(place, tool))));
  if (missing.length === 0) return;
  const names = missing.map(([tool]) => tool).join(', ');
  install(
    `${names} for the tests of evidence`,
    missing.map(([, name]) => name),
    'Install what is named.',
  );
}

function install(what, packages, remedy) {
  process.stderr.write(`Installing ${what} (once) …\n`);
  const sudo = process.getuid() === 0 ? [] : ['sudo', '-n'];
  for (const args of [
    ['apt-get', 'update', '-qq'],
    ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...packages],
  ]) {
    const [command, ...rest] = [...sudo, ...args];
    const { status } = spawnSync(command, rest, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (status !== 0) fail(`${what} could not be installed.`, remedy);
  }
}

ensureInstalled();
ensureChromium();
ensureVerifiers();
ensureReceivers();
const bin = (name) => join(root, 'node_modules', '.bin', name);
run(bin('tsc'), ['--noEmit'], 'The type check');
run(bin('tsc'), ['--noEmit', '-p', 'packages/console'], 'The type check of the console');
run(bin('biome'), ['check', '--error-on-warnings', '.'], 'The format and lint check');
run(pinnedNode(), [join(root, 'node_modules', 'knip', 'bin', 'knip.js')], 'The dead-code check');
ensureConsole();
run(
  pinnedNode(),
  [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...process.argv.slice(2)],
  'The test suite',
);
