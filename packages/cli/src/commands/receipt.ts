/** receipt: the signed receipt of a stop, fetched, and checked with no server. */
import { writeFileSync } from 'node:fs';
import { type ReceiptReport, verifyReceipt } from '@hivekey/action-log';
import type { Command } from 'commander';
import { EXIT } from '../exit.ts';
import { paint, printable } from '../output.ts';
import { offline, online } from '../run.ts';
import { readText } from '../values.ts';
import { findingLines, readKey, verdictLine } from './verify.ts';

function reportText({ isVerified, stop, key, findings }: ReceiptReport): string {
  const facts =
    stop === undefined
      ? []
      : [
          `stop           ${printable(stop.scope)} ${printable(stop.target)} · ${printable(stop.id)}${stop.isRehearsal ? paint('yellow', ' · a rehearsal') : ''}`,
          `ordered        ${printable(stop.orderedAt)}, entry ${stop.seq} of the log`,
          `effective      ${printable(stop.effectiveAt ?? 'not seen')}${stop.firstRefusalMs === null ? '' : `, first refusal after ${stop.firstRefusalMs} ms`}`,
          `agents         ${stop.agents}`,
          `tools          ${stop.tools === null ? 'not listed' : `${stop.tools}, ${stop.toolsProbed} of them asked for and refused`}`,
          `nodes          ${stop.nodes}${stop.nodesSilent === 0 ? '' : `, ${stop.nodesSilent} without an answer`}`,
        ];
  return [...facts, ...findingLines(findings), verdictLine(isVerified, key)].join('\n');
}

export function addReceiptCommands(program: Command): void {
  const receipt = program.command('receipt').description('signed receipts of stops');
  receipt
    .command('get <stop>')
    .description('the receipt as it is signed, to keep and to hand on')
    .option('-o, --output <file>', 'write it there, byte for byte')
    .action(
      online<[string], { output?: string }>(async ({ out, hivekey }, { output }, stop) => {
        const path = `/v1/containments/${encodeURIComponent(stop)}/receipt`;
        const text = await (await hivekey.stream('GET', path)).text();
        if (output === undefined) process.stdout.write(`${text}\n`);
        else {
          writeFileSync(output, text);
          out.note(`Written to ${output}. To check it: hivekey receipt verify ${output} --key KEY`);
        }
        return undefined;
      }),
    );
  receipt
    .command('verify <file>')
    .description('check a receipt with no server; exit 3 unless everything holds')
    .option('--key <key>', 'verifier key, or a file that holds it, from another source than the receipt')
    .addHelpText('after', '\nExample:\n  hivekey receipt verify stop.json --key hivekey.pub')
    .action(
      offline<[string], { key?: string }>(async (out, { key }, file) => {
        const report = verifyReceipt(readText(file), readKey(key));
        out.result(report, () => reportText(report));
        return report.isVerified ? EXIT.done : EXIT.checkFailed;
      }),
    );
}
