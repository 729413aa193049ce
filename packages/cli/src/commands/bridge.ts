/** bridge: an MCP server on standard input and output, for clients that speak nothing else. */
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { Bridge } from '../bridge/bridge.ts';
import { UsageError } from '../exit.ts';
import { checkedUrl } from '../login.ts';
import { offline } from '../run.ts';
import { readText } from '../values.ts';

/** From the environment only: an argument would be visible to every process of the machine. */
function tokenOf(environment: NodeJS.ProcessEnv): string {
  const { HIVEKEY_TOKEN: text, HIVEKEY_TOKEN_FILE: file } = environment;
  const token = (text ?? (file === undefined ? '' : readText(file))).trim();
  if (token !== '') return token;
  throw new UsageError('There is no agent token.', 'Set HIVEKEY_TOKEN, or HIVEKEY_TOKEN_FILE to a file that holds it.');
}

export function addBridgeCommand(program: Command): void {
  program
    .command('bridge')
    .description('serve MCP on standard input and output, for clients that only speak stdio')
    .option('--namespace <namespace>', 'one MCP server alone, its tools without prefix')
    .addHelpText(
      'after',
      '\nClient configuration:\n  { "command": "npx", "args": ["hivekey", "bridge"], "env": { "HIVEKEY_URL": "http://127.0.0.1:7420", "HIVEKEY_TOKEN": "hk_agt_…" } }',
    )
    .action(
      offline<[], { namespace?: string }>(async (_, { namespace, url: flag }) => {
        const origin = checkedUrl(flag ?? process.env.HIVEKEY_URL ?? 'http://127.0.0.1:7420');
        const bridge = new Bridge({
          endpoint: `${origin}/mcp${namespace === undefined ? '' : `/${encodeURIComponent(namespace)}`}`,
          token: tokenOf(process.env),
          write: (line) => process.stdout.write(`${line}\n`),
          note: (text) => process.stderr.write(`${text}\n`),
        });
        const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => lines.close());
        for await (const line of lines) bridge.receive(line);
        await bridge.close();
        return undefined;
      }),
    );
}
