/** The `hivekey` command. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { loadCommands } from './commands/index.ts';
import { EXIT } from './exit.ts';

function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}

const program = new Command('hivekey')
  .description('Every AI agent of a company under one policy: scope, guard, log.')
  .version(version())
  .option('--json', 'print JSON')
  .option('--url <url>', 'server (default: HIVEKEY_URL, the login, or http://127.0.0.1:7420)')
  .showHelpAfterError('(add --help for more)')
  .enablePositionalOptions()
  .addHelpText(
    'after',
    `
The admin key is read from HIVEKEY_KEY, from the login, or from admin.key in the data folder of a server on this machine.

Exit codes: 0 done · 1 refused or failed · 2 wrong command line or file · 3 a check failed (verify, policy test, doctor) · 4 no server answered

Examples:
  hivekey login --key hk_live_…
  hivekey role apply -f support-agent.yaml
  hivekey agent create helpdesk-bot --role support-agent --owner dana@acme.example
  hivekey logs --follow
  hivekey revoke helpdesk-bot --reason "odd mails at night"`,
  );

for (const add of await loadCommands(process.argv[2])) add(program);

/** `--json` and `--url` work before and behind the command. */
function inherit(command: Command): void {
  const usage = command.name() === 'plan' ? EXIT.failed : EXIT.usage;
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.done : usage));
  for (const child of command.commands) {
    child.option('--json', 'print JSON').option('--url <url>', 'server');
    inherit(child);
  }
}
inherit(program);

// A reader that has had enough (head, jq) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  throw error;
});

await program.parseAsync();
