/** decision: what people signed with a passkey, fetched, and checked with no server. */
import { writeFileSync } from 'node:fs';
import { type SignedDecisionDocument, verifySignedDecision } from '@hivekey/action-log';
import type { SignedDecision } from '@hivekey/sdk';
import type { Command } from 'commander';
import { EXIT, UsageError } from '../exit.ts';
import { printable } from '../output.ts';
import { offline, online } from '../run.ts';
import { readText } from '../values.ts';

interface Checked {
  readonly ok: boolean;
  readonly signatures: readonly { readonly ok: boolean; readonly decision: unknown; readonly problem: string | null }[];
}

function documentsOf(text: string): readonly SignedDecisionDocument[] {
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed) && parsed.length > 0) return parsed;
  } catch {
    // Told below.
  }
  throw new UsageError('The file is no list of signed decisions.', 'Get one: hivekey decision get APPROVAL -o FILE');
}

export function addDecisionCommands(program: Command): void {
  const decision = program.command('decision').description('decisions signed with a passkey');
  decision
    .command('get <approval>')
    .description('the signatures of an approval, to keep and to hand on')
    .option('-o, --output <file>', 'write them there')
    .action(
      online<[string], { output?: string }>(async ({ out, hivekey }, { output }, approval) => {
        const signed = await hivekey.all<SignedDecision>(`/v1/approvals/${encodeURIComponent(approval)}/signatures`);
        const text = `${JSON.stringify(signed, null, 2)}\n`;
        if (output === undefined) process.stdout.write(text);
        else {
          writeFileSync(output, text);
          out.note(`Written to ${output}. To check it: hivekey decision verify ${output}`);
        }
        return undefined;
      }),
    );
  decision
    .command('verify <file>')
    .description('check signatures with no server; exit 3 unless all hold. Whose passkeys they are stands on the log')
    .action(
      offline<[string], object>(async (out, _, file) => {
        const signatures = documentsOf(readText(file)).map((document) => {
          const verdict = verifySignedDecision(document);
          return verdict.ok
            ? { ok: true, decision: verdict.decision, problem: null }
            : { ok: false, decision: null, problem: verdict.problem };
        });
        const checked: Checked = { ok: signatures.every(({ ok }) => ok), signatures };
        out.result(checked, () =>
          signatures
            .map(({ ok, decision: signed, problem }) =>
              ok ? `holds   ${printable(JSON.stringify(signed))}` : `broken  ${printable(problem ?? '')}`,
            )
            .join('\n'),
        );
        return checked.ok ? EXIT.done : EXIT.checkFailed;
      }),
    );
}
