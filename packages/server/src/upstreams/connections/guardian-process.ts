/** The program of `guardian.ts`: `+<group>` and `-<group>` on lines of its input; at the end of input it ends what is left. */
const groups = new Set<number>();
let rest = '';

function read(line: string): void {
  const group = Number(line.slice(1));
  // Group 1 would be everybody.
  if (!Number.isSafeInteger(group) || group < 2) return;
  if (line.startsWith('+')) groups.add(group);
  else groups.delete(group);
}

process.stdin.setEncoding('ascii');
process.stdin.on('data', (text: string) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) read(line);
});
process.stdin.on('end', () => {
  for (const group of groups) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }
  process.exit(0);
});
// Whoever stops the whole service stops HiveKey too, and that is what it waits for.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
