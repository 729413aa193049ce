/** tie-outs: the log held against what tools themselves say was done. */
import { basename } from 'node:path';
import type { TieOut, TieOutCoverage, TieOutDifference } from '@hivekey/sdk';
import { type Command, Option } from 'commander';
import { UsageError } from '../exit.ts';
import { type Columns, paint, printable } from '../output.ts';
import { online } from '../run.ts';
import { jsonArgument, moment, readText, repeated } from '../values.ts';

const KINDS = ['csv', 'stripe_csv', 'sendgrid_csv', 'postmark_csv', 'stripe', 'sendgrid', 'postmark'] as const;

const TIE_OUTS: Columns<TieOut> = {
  id: ({ id }) => id,
  tool: ({ tool }) => tool,
  period: ({ from, to }) => `${from.slice(0, 10)} – ${to.slice(0, 10)}`,
  here: ({ ours }) => String(ours.count),
  there: ({ theirs }) => String(theirs.count),
  state: ({ state, differences, explained }) =>
    differences === 0 ? state : `${state}: ${explained} of ${differences} explained`,
  source: ({ source }) => printable(String(source.kind)),
  imported: ({ imported_at: at }) => at,
};

const DIFFERENCES: Columns<TieOutDifference> = {
  id: ({ id }) => id,
  kind: ({ kind }) => kind.replaceAll('_', ' '),
  reference: ({ reference }) => printable(reference ?? '–'),
  here: ({ ours_minor: minor, ours_count: count }) => String(minor ?? count ?? '–'),
  there: ({ theirs_minor: minor, theirs_count: count }) => String(minor ?? count ?? '–'),
  currency: ({ currency }) => currency ?? '',
  what: ({ words }) => printable(words),
  why: ({ explanations }) => printable(explanations.map(({ explanation }) => explanation).join('; ')),
};

const COVERAGE: Columns<TieOutCoverage> = {
  tool: ({ tool }) => tool,
  moves: ({ moves }) => moves.join(', '),
  calls: ({ calls }) => String(calls),
  state: ({ state }) => state,
  covered: ({ is_covered: isCovered, covered_through: through }) =>
    isCovered ? 'all' : through === null ? 'no' : `until ${through}`,
};

const pathOf = (id: string, rest = ''): string => `/v1/tie-outs/${encodeURIComponent(id)}${rest}`;

function textOf(tieOut: TieOut): string {
  const sums = (of: TieOut['ours']) =>
    Object.entries(of.sums)
      .map(([currency, minor]) => `${minor} ${currency}`)
      .join(', ');
  const lines = [
    `${tieOut.id} · ${tieOut.tool} · ${tieOut.state}`,
    `period      ${tieOut.from} to ${tieOut.to}`,
    `list        ${tieOut.rows} rows, ${tieOut.rows_counted} count, sha256 ${tieOut.sha256}`,
    ...Object.entries(tieOut.left_out).map(([why, count]) => `left out    ${count}: ${why}`),
    `here        ${tieOut.ours.count} ${sums(tieOut.ours)}`,
    `there       ${tieOut.theirs.count} ${sums(tieOut.theirs)}`,
    `compared    by ${tieOut.compared_by}: ${tieOut.matched} pairs, ${tieOut.differences} differences, ${tieOut.explained} explained`,
    `imported    ${tieOut.imported_at} by ${tieOut.imported_by} (${tieOut.event_id})`,
  ];
  return lines.map((line, at) => (at === 0 ? paint('bold', printable(line)) : printable(line))).join('\n');
}

interface ImportOptions {
  readonly from: string;
  readonly to: string;
  readonly kind: (typeof KINDS)[number];
  readonly file?: string;
  readonly mapping?: string;
  readonly credential?: string;
  readonly address?: string;
  readonly capability?: readonly string[];
  readonly reason?: string;
}

function sourceOf({ kind, file, mapping, credential, address }: ImportOptions): object {
  if (kind === 'csv' || kind.endsWith('_csv')) {
    if (file === undefined) throw new UsageError('Name the file.', 'E.g. --kind stripe_csv --file balance.csv');
    const content = readText(file);
    const common = { kind, file: basename(file), content };
    if (kind !== 'csv') return common;
    if (mapping === undefined)
      throw new UsageError('Say which column has what.', `E.g. --mapping '{"time":"when","reference":"ref"}'`);
    return { ...common, mapping: jsonArgument(mapping) };
  }
  if (credential === undefined) throw new UsageError('Name the credential.', 'E.g. --credential vault://stripe-read');
  return { kind, credential, url: address };
}

export function addTieOutCommands(program: Command): void {
  const tieOuts = program.command('tie-outs').description('tie-outs: the log against the tools’ own lists');
  tieOuts
    .command('list')
    .description('newest first')
    .option('--tool <tool>', 'of this tool')
    .action(
      online<[], { tool?: string }>(async ({ out, hivekey }, { tool }) => {
        out.table(await hivekey.all<TieOut>('/v1/tie-outs', { tool }), TIE_OUTS, 'There are none.');
        return undefined;
      }),
    );
  tieOuts
    .command('import <tool>')
    .description('import its own list, and compare')
    .requiredOption('--from <time>', 'inclusive', moment)
    .requiredOption('--to <time>', 'exclusive', moment)
    .addOption(new Option('--kind <kind>', 'form of the list').choices(KINDS).makeOptionMandatory())
    .option('--file <file>', 'of a CSV')
    .option('--mapping <json>', 'of csv: which column has what')
    .option('--credential <reference>', 'of an API, such as vault://stripe-read')
    .option('--address <url>', 'of an API that is elsewhere')
    .option('--capability <name>', 'only this one; again for more', repeated)
    .option('--reason <words>', 'why')
    .action(
      online<[string], ImportOptions>(async ({ out, hivekey }, options, tool) => {
        const { from, to, capability: capabilities, reason } = options;
        const body = { tool, from, to, capabilities, reason, source: sourceOf(options) };
        const made = await hivekey.request<TieOut>('POST', '/v1/tie-outs', { body });
        out.result(made, () => textOf(made));
        return made.state === 'different' ? 1 : undefined;
      }),
    );
  tieOuts
    .command('show <tie-out>')
    .description('a comparison')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const tieOut = await hivekey.request<TieOut>('GET', pathOf(id));
        out.result(tieOut, () => textOf(tieOut));
        return undefined;
      }),
    );
  tieOuts
    .command('differences <tie-out>')
    .description('what differs, one by one')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        out.table(await hivekey.all<TieOutDifference>(pathOf(id, '/differences')), DIFFERENCES, 'Nothing differs.');
        return undefined;
      }),
    );
  tieOuts
    .command('explain <tie-out> <difference> <words>')
    .description('say why a difference is there; it stays')
    .action(
      online<[string, string, string], object>(async ({ out, hivekey }, _, id, difference, explanation) => {
        const path = pathOf(id, `/differences/${encodeURIComponent(difference)}/explain`);
        const found = await hivekey.request<TieOutDifference>('POST', path, { body: { explanation } });
        out.result(found, () => `${found.id} is explained.`);
        return undefined;
      }),
    );
  tieOuts
    .command('coverage')
    .description('tools that moved money or data, and whether they were compared')
    .requiredOption('--from <time>', 'inclusive', moment)
    .requiredOption('--to <time>', 'exclusive', moment)
    .action(
      online<[], { from: string; to: string }>(async ({ out, hivekey }, { from, to }) => {
        const found = await hivekey.request<{ readonly data: readonly TieOutCoverage[] }>(
          'GET',
          '/v1/tie-outs/coverage',
          {
            query: { from, to },
          },
        );
        out.table(found.data, COVERAGE, 'No tool moved anything.');
        return undefined;
      }),
    );
}
