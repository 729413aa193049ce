/** How the demo speaks, and how it notices that something is not as it says. */
import { paint, printable } from '../output.ts';

const WIDTH = 110;

export class Stage {
  #scene = 0;

  scene(title: string, why: string): void {
    this.#scene += 1;
    process.stdout.write(`\n${paint('bold', `${this.#scene}. ${title}`)}\n   ${paint('dim', why)}\n`);
  }

  say(text: string): void {
    process.stdout.write(`   ${text}\n`);
  }

  /** One step with what came of it. */
  step(what: string, came: string, style: 'green' | 'red' | 'yellow' | 'cyan' = 'cyan'): void {
    const line = printable(came.replaceAll('\n', ' '));
    this.say(`${what} ${paint('dim', '→')} ${paint(style, line.length > WIDTH ? `${line.slice(0, WIDTH)}…` : line)}`);
  }
}

/** The demo shows what happens; when that is not what it is about to claim, it ends. */
export function check(holds: boolean, claim: string): asserts holds {
  if (!holds) throw new Error(`the demo expected that ${claim}`);
}
