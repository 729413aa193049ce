import { createInterface } from 'node:readline/promises';
import { UsageError } from './exit.ts';

/** Asks on the terminal. `otherwise`: what to pass where nobody can be asked. */
export async function isConfirmed(question: string, otherwise: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('Nobody can be asked here.', otherwise);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
