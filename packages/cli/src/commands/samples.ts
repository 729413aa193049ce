/** samples: draws from a population of evidence, and the evidence of each row. */
import { writeFileSync } from 'node:fs';
import type { EvidencePack, Sample, SampleItem } from '@hivekey/sdk';
import { type Command, Option } from 'commander';
import { type Columns, paint, printable } from '../output.ts';
import { online } from '../run.ts';
import { moment, pair, wholeNumber } from '../values.ts';

const SAMPLES: Columns<Sample> = {
  id: ({ id }) => id,
  population: ({ report, table }) => `${report}/${table}`,
  period: ({ from, to }) => `${from.slice(0, 10)} – ${to.slice(0, 10)}`,
  method: ({ method, stratify_by: by }) => (by === null ? method : `${method} by ${by}`),
  drawn: ({ count, population }) => `${count ?? '–'} of ${population.count}`,
  draw: ({ draw }) => `#${draw}`,
  seed: ({ seed }) => seed,
  by: ({ requested_by: by }) => printable(by),
  at: ({ requested_at: at }) => at,
};

const ITEMS: Columns<SampleItem> = {
  n: ({ n }) => String(n),
  unit: ({ unit_id: id }) => id,
  rank: ({ rank }) => rank.slice(0, 12),
  stratum: ({ stratum }) => stratum,
  row: ({ row }) =>
    printable(
      ['occurred_at', 'verdict', 'capability', 'target', 'name', 'decision']
        .flatMap((name) => (typeof row[name] === 'string' && row[name] !== '' ? [row[name]] : []))
        .join(' · '),
    ),
};

const pathOf = (id: string, rest = ''): string => `/v1/samples/${encodeURIComponent(id)}${rest}`;

function textOf(sample: Sample): string {
  const lines = [
    `${sample.id} · ${sample.report}/${sample.table} · ${sample.from} to ${sample.to}`,
    `population  ${sample.population.count} rows, sha256 ${sample.population.sha256}`,
    `method      ${sample.method}, ${sample.size} rows, seed ${sample.seed}`,
    ...sample.strata.map(({ stratum, population, drawn }) => `stratum     ${stratum}: ${drawn} of ${population}`),
    `draw        #${sample.draw} of this table and period`,
    `requested   ${sample.requested_at} by ${sample.requested_by} (${sample.requested_event_id})`,
    `drawn       ${sample.drawn_at ?? 'broke off'}${sample.count === null ? '' : `: ${sample.count} rows, list sha256 ${sample.list_sha256}`}`,
  ];
  return lines.map((line, at) => (at === 0 ? paint('bold', printable(line)) : printable(line))).join('\n');
}

interface DrawOptions {
  readonly table?: string;
  readonly from: string;
  readonly to: string;
  readonly where?: Readonly<Record<string, string>>;
  readonly method: string;
  readonly by?: string;
  readonly amount?: string;
  readonly currency?: string;
  readonly size: number;
  readonly seed: string;
  readonly reason?: string;
}

export function addSampleCommands(program: Command): void {
  const samples = program
    .command('samples')
    .description('samples: rows drawn from evidence, which anybody can draw again');
  samples
    .command('list')
    .description('newest first')
    .option('--report <report>', 'of this report')
    .action(
      online<[], { report?: string }>(async ({ out, hivekey }, { report }) => {
        out.table(await hivekey.all<Sample>('/v1/samples', { report }), SAMPLES, 'There are none.');
        return undefined;
      }),
    );
  samples
    .command('draw <report>')
    .description('ask for a sample; it cannot be taken back')
    .option('--table <table>', 'table of the report; its first one')
    .requiredOption('--from <time>', 'inclusive', moment)
    .requiredOption('--to <time>', 'exclusive', moment)
    .option('--where <name=value>', 'narrows the population, such as kind=tool.call', pair)
    .addOption(
      new Option('--method <method>', 'how').choices(['random', 'stratified', 'monetary_unit']).default('random'),
    )
    .option('--by <column>', 'strata: verdict, agent_id, day, …')
    .option('--amount <column>', 'money: the column; amount_minor')
    .option('--currency <code>', 'money: which')
    .requiredOption('--size <n>', 'how many rows', wholeNumber)
    .requiredOption('--seed <seed>', '8 to 128 letters, digits, . _ -')
    .option('--reason <words>', 'why')
    .action(
      online<[string], DrawOptions>(async ({ out, hivekey }, { by, where: parameters, ...options }, report) => {
        const { table, from, to, method, amount, currency, size, seed, reason } = options;
        const body = {
          report,
          table,
          from,
          to,
          parameters,
          method,
          stratify_by: by,
          amount,
          currency,
          size,
          seed,
          reason,
        };
        const sample = await hivekey.request<Sample>('POST', '/v1/samples', { body });
        out.result(sample, () => textOf(sample));
        return undefined;
      }),
    );
  samples
    .command('show <sample>')
    .description('a sample, and what was drawn')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const sample = await hivekey.request<Sample>('GET', pathOf(id));
        out.result(sample, () => textOf(sample));
        return undefined;
      }),
    );
  samples
    .command('items <sample>')
    .description('the rows that were drawn')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        out.table(await hivekey.all<SampleItem>(pathOf(id, '/items')), ITEMS, 'Nothing was drawn.');
        return undefined;
      }),
    );
  samples
    .command('pack <sample> <n>')
    .description('the evidence of one row, as JSON')
    .option('-o, --output <file>', 'write it there')
    .action(
      online<[string, string], { output?: string }>(async ({ out, hivekey }, { output }, id, n) => {
        const pack = await hivekey.request<EvidencePack>('GET', pathOf(id, `/items/${encodeURIComponent(n)}/pack`));
        const text = `${JSON.stringify(pack, null, 2)}\n`;
        if (output !== undefined) writeFileSync(output, text);
        out.result(pack, () =>
          output === undefined
            ? printable(text)
            : `${output}: ${pack.no_record.length === 0 ? 'complete' : `no record of ${pack.no_record.join('; ')}`}`,
        );
        return undefined;
      }),
    );
}
