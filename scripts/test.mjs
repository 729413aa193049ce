/** The whole suite: installs what it needs (Chromium and receivers included), checks types, style and dead code, runs every test. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureConsole, ensureInstalled, fail, pinnedNode, root, run } from './prepare.mjs';
import { ensureReceivers } from './receivers.mjs';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

function ensureChromium() {
  if (process.env.CHROMIUM_PATH !== undefined || CHROMIUM.some((path) => existsSync(path))) return;
  process.stderr.write('Installing Chromium for the browser tests (once) …\n');
  const sudo = process.getuid() === 0 ? [] : ['sudo', '-n'];
  for (const args of [
    ['apt-get', 'update', '-qq'],
    ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', 'chromium'],
  ]) {
    const [command, ...rest] = [...sudo, ...args];
    const { status } = spawnSync(command, rest, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (status !== 0)
      fail('Chromium could not be installed for the browser tests.', 'Install it, or set CHROMIUM_PATH to one.');
  }
}

ensureInstalled();
ensureChromium();
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
