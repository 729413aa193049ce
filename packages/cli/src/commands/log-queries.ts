/** logs …: questions that are more than a list. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AgentActivity, LogFacet, LogHistogram, LogPreset, LogQuery } from '@hivekey/sdk';
import { type Command, Option } from 'commander';
import { UsageError } from '../exit.ts';
import { type Columns, paint, printable, span, when } from '../output.ts';
import { online } from '../run.ts';
import { moment, wholeNumber } from '../values.ts';

const QUERIES: Columns<LogQuery> = {
  id: ({ id }) => id,
  name: ({ name }) => printable(name),
  selects: ({ filter, last_seconds }) =>
    printable(
      [
        ...Object.entries(filter).map(([field, value]) => `${field}=${value}`),
        ...(last_seconds === null ? [] : [`last ${span(last_seconds)}`]),
      ].join(' '),
    ),
  whose: ({ shared, owner }) => (shared ? `shared by ${owner}` : 'mine'),
};

const PRESETS: Columns<LogPreset> = {
  name: ({ name }) => name,
  what: ({ description }) => description,
  needs: ({ needs }) => needs.join(', ') || '–',
};

const FACETS = ['agent', 'owner', 'action', 'server', 'reason_class', 'kind', 'verdict', 'tool', 'outcome'] as const;
const WIDTH = 40;

/** `filter`: adds the options that select events; `selected` reads them. */
export function addLogQueryCommands<Filter>(
  logs: Command,
  withFilter: (command: Command) => Command,
  selected: (filter: Filter) => Readonly<Record<string, string | boolean | undefined>>,
): void {
  withFilter(logs.command('histogram'))
    .description('how many entries there are over time, by verdict')
    .addOption(new Option('--bucket <length>', 'of the bars').choices(['minute', 'hour', 'day']))
    .action(
      online<[], Filter & { bucket?: string }>(async ({ out, hivekey }, options) => {
        const query = { ...selected(options), bucket: options.bucket };
        const histogram = await hivekey.request<LogHistogram>('GET', '/v1/audit/histogram', { query });
        const most = Math.max(1, ...histogram.buckets.map(({ total }) => total));
        out.result(histogram, () =>
          [
            ...histogram.buckets.map(({ at, total, deny, review }) => {
              const bar = '█'.repeat(Math.max(1, Math.round((total / most) * WIDTH)));
              const more = [deny > 0 ? `${deny} denied` : '', review > 0 ? `${review} held` : ''].filter(
                (each) => each !== '',
              );
              return `${paint('dim', when(at))}  ${bar} ${total}${more.length === 0 ? '' : ` (${more.join(', ')})`}`;
            }),
            `${histogram.total} in all`,
          ].join('\n'),
        );
        return undefined;
      }),
    );
  withFilter(logs.command('top <by>'))
    .description(`the most frequent values: ${FACETS.join(', ')}`)
    .option('--limit <n>', 'how many', wholeNumber, 10)
    .action(
      online<[string], Filter & { limit: number }>(async ({ out, hivekey }, options, by) => {
        const query = { ...selected(options), by, limit: options.limit };
        const facet = await hivekey.request<LogFacet>('GET', '/v1/audit/facets', { query });
        out.result(facet, () =>
          [
            ...facet.top.map(({ value, name, n }) => `${String(n).padStart(12)}  ${printable(name ?? value)}`),
            `${facet.values} different ones`,
          ].join('\n'),
        );
        return undefined;
      }),
    );
  logs
    .command('activity <agent>')
    .description('everything an agent did, in numbers; the last 90 days when nothing is said')
    .option('--from <time>', 'from then on', moment)
    .option('--to <time>', 'until then', moment)
    .action(
      online<[string], { from?: string; to?: string }>(async ({ out, hivekey }, { from, to }, agent) => {
        const query = { agent, from, to };
        const activity = await hivekey.request<AgentActivity>('GET', '/v1/audit/activity', { query });
        out.result(activity, () => activityText(activity));
        return undefined;
      }),
    );
  withFilter(logs.command('table'))
    .description('what a query selects, as a file; `logs export` is what can be verified')
    .addOption(new Option('--format <format>').choices(['csv', 'jsonl', 'parquet']).default('csv'))
    .requiredOption('-o, --output <file>', 'where to write it')
    .action(
      online<[], Filter & { format: string; output: string }>(async ({ out, hivekey }, options) => {
        const { format, output } = options;
        const query = { ...selected(options), format };
        const { body } = await hivekey.stream('GET', '/v1/audit/events/export', { query });
        if (body === null) throw new UsageError('The server sent nothing.', 'Try again.');
        await pipeline(Readable.fromWeb(body), createWriteStream(output));
        out.note(`Written to ${output}.`);
        return undefined;
      }),
    );
  const queries = logs.command('queries').description('queries that are kept');
  queries
    .command('list')
    .description('one’s own and shared ones')
    .action(
      online(async ({ out, hivekey }) => {
        out.table(await hivekey.all<LogQuery>('/v1/audit/queries'), QUERIES, 'There are none.');
        return undefined;
      }),
    );
  queries
    .command('presets')
    .description('queries that everybody has')
    .action(
      online(async ({ out, hivekey }) => {
        out.table(await hivekey.all<LogPreset>('/v1/audit/presets'), PRESETS, 'There are none.');
        return undefined;
      }),
    );
  withFilter(queries.command('save <name>'))
    .description('keep what the options select')
    .option('--shared', 'everybody sees it')
    .action(
      online<[string], Filter & { shared?: true }>(async ({ out, hivekey }, options, name) => {
        const filter = Object.fromEntries(
          Object.entries(selected(options)).flatMap(([field, value]) =>
            value === undefined ? [] : [[field, String(value)]],
          ),
        );
        const body = { name, filter, shared: options.shared === true };
        const saved = await hivekey.request<LogQuery>('POST', '/v1/audit/queries', { body });
        out.result(saved, () => `${saved.name} is kept · ${saved.id}`);
        return undefined;
      }),
    );
  queries
    .command('remove <id>')
    .description('one of your own; an administrator, also a shared one')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        await hivekey.request('DELETE', `/v1/audit/queries/${encodeURIComponent(id)}`);
        out.result({ id }, () => `${id} is removed.`);
        return undefined;
      }),
    );
}

function activityText({
  agent,
  from,
  to,
  entries,
  kinds,
  verdicts,
  calls,
  complete,
  checkpoint,
}: AgentActivity): string {
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, n]) => `${n} ${name}`)
      .join(', ');
  return [
    paint('bold', `${agent} · ${when(from)} – ${when(to)}`),
    `entries    ${entries}: ${list(kinds)}`,
    `calls      ${list(verdicts) || 'none'}`,
    ...(complete ? [] : ['           too many to look at each: ask for a shorter time']),
    ...(calls === null
      ? []
      : [
          `numbers    ${calls.first_seq} – ${calls.last_seq}, ${calls.missing} missing`,
          `spent      ${list(calls.units) || 'nothing'} (money in minor units)`,
          `owners     ${calls.owners.map(({ owner }) => owner).join(', ')}`,
          ...calls.actions
            .slice(0, 20)
            .map(
              ({ action, allow, deny, review }) =>
                `           ${action}: ${allow} allowed, ${deny} denied, ${review} held`,
            ),
        ]),
    ...(checkpoint === null ? [] : [`signed     ${checkpoint.tree_size} entries, ${when(checkpoint.at)}`]),
  ].join('\n');
}
