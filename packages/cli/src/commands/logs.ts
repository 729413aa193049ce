/** logs: reading, following and exporting the action log. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { AuditEvent, HiveKey } from '@hivekey/sdk';
import { type Command, Option } from 'commander';
import { createParser } from 'eventsource-parser';
import { unpack } from '../archive.ts';
import { UsageError } from '../exit.ts';
import { type Output, paint, printable, verdictLabel } from '../output.ts';
import { online } from '../run.ts';
import { moment, wholeNumber } from '../values.ts';
import { addLogCopyCommand } from './log-copy.ts';
import { addLogQueryCommands } from './log-queries.ts';

interface Filter {
  readonly agent?: string;
  readonly owner?: string;
  readonly about?: string;
  readonly action?: string;
  readonly verdict?: string;
  readonly reasonClass?: string;
  readonly tool?: string;
  readonly server?: string;
  readonly kind?: string;
  readonly session?: string;
  readonly run?: string;
  readonly approval?: string;
  readonly from?: string;
  readonly to?: string;
  readonly q?: string;
  readonly args?: string;
  readonly shadow?: true;
}

function text(value: unknown): string {
  return typeof value === 'string' ? printable(value) : '';
}

/** `14:02:04Z  billing-bot  payments.pay  deny · cap  R2 …` */
function eventLine(event: AuditEvent): string {
  const who = text(event.agent) || text(event.actor);
  const what = text(event.action) || text(event.target);
  const verdict =
    event.verdict === undefined ? paint('dim', event.kind) : verdictLabel(event.verdict, event.reason_class);
  const why = event.verdict === undefined || event.verdict === 'allow' ? (event.outcome ?? '') : text(event.reason);
  return [paint('dim', event.ts), who, what, verdict, why, shadowText(event.shadow)]
    .filter((part) => part !== '')
    .join('  ');
}

/** `would be deny: billing/new-cap` */
function shadowText(shadow: unknown): string {
  if (!Array.isArray(shadow)) return '';
  const words = shadow.map(({ result, origin, rule }) => `would be ${text(result)}: ${text(origin)}/${text(rule)}`);
  return paint('yellow', words.join(', '));
}

/** Options of other things may stand beside them. */
function filterOf(options: Filter) {
  const {
    agent,
    about,
    owner,
    action,
    verdict,
    tool,
    server,
    kind,
    session,
    run,
    approval,
    from,
    to,
    q,
    args,
    shadow,
  } = options;
  const members = {
    agent,
    about,
    owner,
    action,
    verdict,
    tool,
    server,
    kind,
    session,
    run,
    approval,
    from,
    to,
    q,
    args,
  };
  return { ...members, reason_class: options.reasonClass, shadow };
}

/** Sealed events as they come, until the signal. Reconnects where it left off. */
async function follow(out: Output, hivekey: HiveKey, filter: Filter, fromSeq: number | undefined): Promise<void> {
  let next = fromSeq;
  const print = createParser({
    onEvent: ({ event, data }) => {
      if (event !== undefined && event !== 'event' && event !== 'message') return;
      const entry: AuditEvent = JSON.parse(data);
      next = entry.seq + 1;
      out.line(entry, () => eventLine(entry));
    },
  });
  for (;;) {
    const response = await hivekey.stream('GET', '/v1/audit/stream', {
      query: { ...filterOf(filter), from_seq: next },
      headers: { accept: 'text/event-stream' },
    });
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? []) print.feed(decoder.decode(chunk, { stream: true }));
    } catch {
      // The server went away; the next round says so if it stays away.
    }
    print.reset();
  }
}

/** Into a folder of its own beside the target, which then takes its place: a broken export leaves nothing half-written. */
export async function exportTo(
  hivekey: HiveKey,
  folder: string,
  range: { from?: string; to?: string },
): Promise<number> {
  const target = resolve(folder);
  if (existsSync(target) && readdirSync(target).length > 0)
    throw new UsageError(`${folder} is not empty.`, 'Name a new or an empty folder, so that nothing is overwritten.');
  mkdirSync(dirname(target), { recursive: true });
  const draft = mkdtempSync(`${target}.part-`);
  try {
    const response = await hivekey.stream('GET', '/v1/audit/export', {
      query: range,
      headers: { accept: 'application/x-tar' },
    });
    const files = await unpack(response.body, draft);
    rmSync(target, { recursive: true, force: true });
    renameSync(draft, target);
    return files;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

export async function downloadExport(hivekey: HiveKey, folder: string): Promise<void> {
  await exportTo(hivekey, folder, {});
}

const withFilter = (command: Command): Command =>
  command
    .option('--agent <agent>', 'by this agent')
    .option('--owner <email>', 'for which this person was accountable')
    .option('--about <agent>', 'all that it did, and all that was done about it')
    .option('--action <capability>', 'this capability')
    .addOption(new Option('--verdict <verdict>', 'by verdict').choices(['allow', 'deny', 'review']))
    .option('--kind <kind>', 'kind of record, e.g. tool.call or role.changed')
    .option('--reason-class <class>', 'granted, scope, guard, cap, rate, freeze, …')
    .option('--tool <name>', 'calls of this tool')
    .option('--server <namespace>', 'calls of tools of this server')
    .option('--session <id>', 'of this session')
    .option('--run <id>', 'of this run')
    .option('--approval <id>', 'of this approval')
    .option('--from <time>', 'from then on, e.g. 2026-04-01 or 24h (ago)', moment)
    .option('--to <time>', 'until then', moment)
    .option('--q <text>', 'words in the reason')
    .option('--args <text>', 'words in the arguments, as they are recorded')
    .option('--shadow', 'only what guards in shadow would have refused or held');

export function addLogCommands(program: Command): void {
  const logs = withFilter(program.command('logs'))
    .description('the action log: what was done, allowed and refused')
    .option('--limit <n>', 'how many, newest last', wholeNumber, 50)
    .option('--follow', 'then go on as things happen')
    .addHelpText(
      'after',
      '\nExamples:\n  hivekey logs --agent billing-bot --verdict deny --from 24h\n  hivekey logs --follow --json | jq .reason',
    )
    .action(
      online<[], Filter & { limit: number; follow?: boolean }>(
        async ({ out, hivekey }, { limit, follow: goOn, ...filter }) => {
          const events: AuditEvent[] = [];
          for await (const event of hivekey.each<AuditEvent>('/v1/audit/events', {
            ...filterOf(filter),
            limit: Math.min(limit, 200),
            order: 'desc',
          })) {
            if (events.length === limit) break;
            events.push(event);
          }
          events.reverse();
          if (goOn !== true) {
            if (out.json) out.table(events, {}, '');
            else if (events.length === 0) out.note('Nothing on the log matches.');
            else for (const event of events) out.line(event, () => eventLine(event));
            return undefined;
          }
          for (const event of events) out.line(event, () => eventLine(event));
          await follow(out, hivekey, filter, events.at(-1) === undefined ? undefined : (events.at(-1)?.seq ?? 0) + 1);
          return undefined;
        },
      ),
    );
  logs
    .command('get <event>')
    .description('one event, with its trace and how the call ended')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const found = await hivekey.request<unknown>('GET', `/v1/audit/events/${encodeURIComponent(id)}`);
        out.result(found, () => JSON.stringify(found, null, 2));
        return undefined;
      }),
    );
  logs
    .command('proof <event>')
    .description('proof that the event is in the signed log; `hivekey verify FILE` checks it')
    .option('-o, --output <file>', 'where to write it')
    .action(
      online<[string], { output?: string }>(async ({ out, hivekey }, { output }, id) => {
        const proof = await hivekey.request<unknown>('GET', `/v1/audit/events/${encodeURIComponent(id)}/proof`);
        const json = `${JSON.stringify(proof, null, 2)}\n`;
        if (output === undefined) process.stdout.write(json);
        else {
          writeFileSync(output, json);
          out.note(`Written to ${output}. Check it: hivekey verify ${output}`);
        }
        return undefined;
      }),
    );
  logs
    .command('export')
    .description('write the log to a folder that `hivekey verify` checks without a server')
    .option('--from <time>', 'from then on', moment)
    .option('--to <time>', 'until then', moment)
    .requiredOption('-o, --output <folder>', 'a new or empty folder')
    .addHelpText(
      'after',
      '\nExample:\n  hivekey logs export --from 2026-07-01 --to 2026-10-01 -o q3 && hivekey verify q3',
    )
    .action(
      online<[], { from?: string; to?: string; output: string }>(async ({ out, hivekey }, options) => {
        // Options of `logs` itself reach here as well; only these count.
        const { from, to, output } = options;
        const files = await exportTo(hivekey, output, {
          ...(from === undefined ? {} : { from }),
          ...(to === undefined ? {} : { to }),
        });
        out.result({ folder: output, files }, () => `Exported to ${output}. Check it: hivekey verify ${output}`);
        return undefined;
      }),
    );
  addLogQueryCommands<Filter>(logs, withFilter, filterOf);
  addLogCopyCommand(logs);
  for (const what of ['key', 'checkpoint'] as const)
    logs
      .command(what)
      .description({ key: 'the public key that verifiers need', checkpoint: 'the newest signed checkpoint' }[what])
      .action(
        online(async ({ out, hivekey }) => {
          const answer = await hivekey.request<Readonly<Record<string, unknown>>>('GET', `/v1/audit/${what}`);
          out.result(answer, () => text(answer[what]) || JSON.stringify(answer, null, 2));
          return undefined;
        }),
      );
}
