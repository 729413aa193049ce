#!/usr/bin/env node
/** Runs the sources on a Node.js that can: this one, or the one pinned in the clone. Plain JavaScript on purpose. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

// Loading is most of what a command does. In the home folder: what others can write to is no place for code.
const cache = join(homedir(), '.cache', 'hivekey');

if (process.features.typescript) {
  process.removeAllListeners('warning');
  module.enableCompileCache(cache);
  await import(main);
} else {
  const pinned = fileURLToPath(new URL('../../../node_modules/node/bin/node', import.meta.url));
  if (!existsSync(pinned)) {
    process.stderr.write(
      `hivekey: Node.js ${process.versions.node} is too old. Install Node.js 24, or run npm ci in the clone.\n`,
    );
    process.exit(2);
  }
  const child = spawn(pinned, ['--disable-warning=ExperimentalWarning', main, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { NODE_COMPILE_CACHE: cache, ...process.env },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
