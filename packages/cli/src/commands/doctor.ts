/** doctor: what works, what does not, and what to do about it. */
import type { StoredSecret } from '@hivekey/sdk';
import type { Command } from 'commander';
import { EXIT } from '../exit.ts';
import { paint, printable, when } from '../output.ts';
import { offline, online } from '../run.ts';
import { repeated } from '../values.ts';
import { type BypassOptions, collectTargets, examineBypass } from './bypass.ts';

interface System {
  readonly version: string;
  readonly database: { readonly ok: boolean; readonly version?: string };
  readonly log: {
    readonly writable: boolean;
    readonly checkpoint: { readonly tree_size: number; readonly created_at: string } | null;
    readonly copies: readonly {
      readonly destination: string;
      readonly tree_size: number;
      readonly last_error: string | null;
    }[];
  };
  readonly upstreams: readonly {
    readonly namespace: string;
    readonly status: string;
    readonly last_error: string | null;
  }[];
}

interface BudgetCheck {
  readonly entries: number;
  readonly differences: readonly { readonly key: string; readonly counted: string; readonly recorded: string }[];
}

interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  readonly remedy?: string;
}

/** A checkpoint is signed every minute, even when idle; twice that is late. */
const LATE_CHECKPOINT_MS = 130_000;

/** Pure: what the server says of itself, judged. */
export function examine(system: System, budgets: BudgetCheck, nowMs: number): Check[] {
  const { database, log, upstreams } = system;
  const age = log.checkpoint === null ? undefined : nowMs - Date.parse(log.checkpoint.created_at);
  return [
    { name: 'server', state: 'ok', detail: `version ${system.version}` },
    database.ok
      ? { name: 'database', state: 'ok', detail: database.version ?? '' }
      : {
          name: 'database',
          state: 'failed',
          detail: 'it does not answer',
          remedy: 'Start it; HiveKey reconnects by itself.',
        },
    log.writable
      ? { name: 'log', state: 'ok', detail: 'writable' }
      : {
          name: 'log',
          state: 'failed',
          detail: 'the last commit failed: actions are refused',
          remedy: 'See the server log; check disk space and the database.',
        },
    age === undefined || age > LATE_CHECKPOINT_MS
      ? {
          name: 'checkpoint',
          state: 'warning',
          detail: age === undefined ? 'none yet' : `the newest is ${Math.round(age / 1000)} s old`,
          remedy: 'See hivekey_log_failures_total in /metrics.',
        }
      : {
          name: 'checkpoint',
          state: 'ok',
          detail: `${log.checkpoint?.tree_size ?? 0} entries signed ${Math.round(age / 1000)} s ago`,
        },
    ...(log.copies.length === 0
      ? [
          {
            name: 'copies',
            state: 'warning' as const,
            detail: 'no copy of a checkpoint outside the database',
            remedy: 'Set HIVEKEY_CHECKPOINT_FILE or HIVEKEY_WITNESS_URL.',
          },
        ]
      : log.copies.map(
          ({ destination, tree_size, last_error }): Check =>
            last_error === null
              ? { name: `copy ${destination}`, state: 'ok', detail: `up to entry ${tree_size}` }
              : {
                  name: `copy ${destination}`,
                  state: 'failed',
                  detail: printable(last_error),
                  remedy: 'Make the destination reachable and writable.',
                },
        )),
    budgetCheck(budgets),
    ...upstreams.map(
      ({ namespace, status, last_error }): Check =>
        last_error === null
          ? { name: `upstream ${namespace}`, state: 'ok', detail: status }
          : {
              name: `upstream ${namespace}`,
              state: 'warning',
              detail: printable(last_error),
              remedy: `hivekey mcp-server refresh ${namespace}`,
            },
    ),
  ];
}

function budgetCheck({ entries, differences }: BudgetCheck): Check {
  const [first] = differences;
  if (first === undefined) return { name: 'budgets', state: 'ok', detail: `${entries} entries are as the log says` };
  return {
    name: 'budgets',
    state: 'failed',
    detail: `${differences.length} differ from the log, first ${printable(first.key)}: ${first.counted}, not ${first.recorded}`,
    remedy: 'Somebody changed counters in the database. GET /v1/budgets/check lists them.',
  };
}

const MARKS = { ok: paint('green', '✓'), warning: paint('yellow', '!'), failed: paint('red', '✗') };

const check = online<[], object>(async ({ out, hivekey }) => {
  const system = await hivekey.request<System>('GET', '/v1/system');
  const budgets = await hivekey.request<BudgetCheck>('GET', '/v1/budgets/check');
  const secrets = await hivekey.all<StoredSecret>('/v1/secrets');
  const checks = [...examine(system, budgets, Date.now()), ...examineSecrets(secrets)];
  out.result({ url: hivekey.url, checks }, () =>
    checks
      .map(
        ({ name, state, detail, remedy }) =>
          `${MARKS[state]} ${name.padEnd(24)} ${detail}${remedy === undefined ? '' : paint('dim', ` → ${remedy}`)}`,
      )
      .join('\n'),
  );
  return checks.some(({ state }) => state === 'failed') ? EXIT.checkFailed : EXIT.done;
});

const targets = online<[], object>(async ({ out, hivekey }) => {
  const found = await collectTargets(hivekey);
  // For a program either way.
  out.result(found, () => JSON.stringify(found, null, 2));
  return EXIT.done;
});

const bypass = offline<[], BypassOptions>((out, options) => examineBypass(out, options));

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description(
      'check the server, the database, the log, its copies, the budgets, the upstreams and credentials that end; exit 3 if something failed',
    )
    .option('--bypass', 'run where an agent runs: look for ways past the gateway; needs no key; exit 3 if one is open')
    .option('--targets [file]', 'with --bypass, what to try there; alone, print it: the hosts of everything registered')
    .option('--host <host>', 'with --bypass, a host that agents should reach through the gateway alone', repeated)
    .option('--provider <host>', 'with --bypass, one more host of a provider', repeated)
    .option('--database <host>', 'with --bypass, where the control plane has its database (host:port)', repeated)
    .option('--only', 'with --bypass, try no host that is not named here or in --targets')
    .option('--strict', 'with --bypass, exit 3 also where it is not known whether a door is open')
    .addHelpText(
      'after',
      `
Examples:
  hivekey doctor
  hivekey doctor --targets > targets.json       where an admin key is
  hivekey doctor --bypass --targets targets.json --url https://hivekey.acme.example   where the agent is`,
    )
    .action(async (...given: unknown[]) => {
      const command = given.at(-1) as Command;
      const options = command.opts<{ bypass?: boolean; targets?: string | true }>();
      if (options.bypass === true && options.targets === true)
        command.error('error: --targets needs a file with --bypass', { exitCode: EXIT.usage });
      return (options.bypass === true ? bypass : options.targets === undefined ? check : targets)(...given);
    });
}

/** A warning for each credential that ends soon, or has ended. */
export function examineSecrets(secrets: readonly Pick<StoredSecret, 'name' | 'expires' | 'expiry'>[]): Check[] {
  return secrets
    .filter(({ expiry }) => expiry === 'soon' || expiry === 'past')
    .map(({ name, expires, expiry }) => ({
      name: `secret ${name}`,
      state: 'warning',
      detail: `${expiry === 'past' ? 'ended' : 'ends'} ${when(expires)}`,
      remedy: `Store a new one: hivekey secret set ${name}`,
    }));
}
