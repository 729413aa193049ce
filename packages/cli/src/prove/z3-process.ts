/**
 * Z3 in a process of its own: a question that takes too long, or too much memory, ends the process and nothing else.
 * Scripts come as messages and are answered in their order.
 */
import { startZ3 } from './z3.ts';

const [, , memoryMb = '', steps = ''] = process.argv;
const z3 = await startZ3({ memoryMb: Number(memoryMb), steps: Number(steps) });

process.on('message', (script: string) => {
  z3.run(script).then(
    (output) => process.send?.(output),
    // whoever waits is told by the end of the process
    () => process.exit(1),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
