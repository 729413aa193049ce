/** `node scripts/run.mjs FILE.ts [args]`: runs a source file on the pinned Node.js, after installing what it needs. */
import { spawn } from 'node:child_process';
import { ensureConsole, ensureInstalled, pinnedNode, root } from './prepare.mjs';

const [file, ...args] = process.argv.slice(2);
ensureInstalled();
ensureConsole();
const child = spawn(pinnedNode(), ['--disable-warning=ExperimentalWarning', file, ...args], {
  cwd: root,
  stdio: 'inherit',
});
// A terminal sends the signal to both; a process manager only to us.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
