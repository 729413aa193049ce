/** readiness: where each control stands, what failed, and runs; segregation: roles that must not be in one hand. */
import { writeFileSync } from 'node:fs';
import type {
  ControlDeviation,
  ControlResult,
  ControlState,
  CrosswalkRow,
  Deficiency,
  List,
  Readiness,
  ReadinessControl,
  ReadinessRun,
  SegregationSet,
  StoredReadinessRun,
} from '@hivekey/sdk';
import { type Command, Option } from 'commander';
import { type Columns, type Output, printable, when } from '../output.ts';
import { online } from '../run.ts';
import { moment, repeated } from '../values.ts';

const WORDS: Readonly<Record<ControlState, string>> = {
  pass: 'PASS',
  fail: 'FAIL',
  not_enough_data: 'NOT ENOUGH DATA',
  did_not_occur: 'DID NOT OCCUR',
  not_applicable: 'NOT APPLICABLE',
};

const CONTROLS: Columns<ControlResult> = {
  control: ({ id }) => id,
  state: ({ state }) => WORDS[state],
  tested: ({ population }) => String(population),
  deviate: ({ deviating }) => String(deviating),
  title: ({ title }) => title,
  why: ({ reason }) => reason,
};

const DEVIATIONS: Columns<ControlDeviation> = {
  record: ({ record_id: id }) => id,
  what: ({ kind }) => kind,
  found: ({ sentence }) => sentence,
};

const RUNS: Columns<ReadinessRun> = {
  id: ({ id }) => id,
  made: ({ made_at: at }) => when(at),
  from: ({ period_from: from }) => from,
  to: ({ period_to: to }) => to,
  result: ({ headline }) => headline,
};

const DEFICIENCIES: Columns<Deficiency> = {
  id: ({ id }) => id,
  control: ({ control }) => control,
  status: ({ status }) => status,
  severity: ({ severity }) => severity,
  records: ({ record_ids: ids }) => String(ids.length),
  owner: ({ owner }) => owner ?? '–',
  due: ({ due_at: due }) => when(due),
  opened: ({ opened_at: opened }) => when(opened),
};

const CROSSWALK: Columns<CrosswalkRow> = {
  framework: ({ framework, version }) => `${framework} ${version}`,
  id: ({ id }) => id,
  supported: ({ our_feature: feature }) => feature,
};

const SETS: Columns<SegregationSet> = {
  id: ({ id }) => id,
  name: ({ name, ended_at: ended }) => (ended === null ? name : `${name} (over)`),
  roles: ({ roles }) => roles.join(', '),
  accepted: ({ acceptances }) =>
    acceptances
      .flatMap(({ agent, person, ended_at: ended }) => (ended === null ? `${agent} by ${person}` : []))
      .join(', '),
};

interface Period {
  readonly from?: string;
  readonly to?: string;
}

function show(out: Output, state: Omit<Readiness, 'object' | 'id'>): void {
  out.note(`${state.headline}. ${state.period_from} to ${state.period_to}, as of ${state.as_of}.`);
  out.note(state.banner);
  out.table(state.controls, CONTROLS, '');
}

const withPeriod = (command: Command): Command =>
  command
    .option('--from <time>', 'beginning of the period, inclusive', moment)
    .option('--to <time>', 'its end, exclusive', moment);

export function addReadinessCommands(program: Command): void {
  const readiness = program.command('readiness').description("where each control stands: management's self-assessment");
  addStateCommands(readiness);
  addRunCommands(readiness);
  addDeficiencyCommands(readiness);
  addDutyCommands(program.command('segregation').description('roles that must not be in one hand'));
}

function addStateCommands(readiness: Command): void {
  withPeriod(readiness.command('show', { isDefault: true }))
    .description('the newest run; with a period, tested now')
    .action(
      online<[], Period>(async ({ out, hivekey }, { from, to }) => {
        show(out, await hivekey.request<Readiness>('GET', '/v1/readiness', { query: { from, to } }));
        return undefined;
      }),
    );
  withPeriod(readiness.command('control <id>'))
    .description('a control: what it says, how it is tested, and what deviates')
    .action(
      online<[string], Period>(async ({ out, hivekey }, { from, to }, id) => {
        const path = `/v1/readiness/controls/${encodeURIComponent(id)}`;
        const control = await hivekey.request<ReadinessControl>('GET', path, { query: { from, to, limit: 200 } });
        out.note(`${control.id} ${control.title}: ${WORDS[control.state]}. ${printable(control.reason)}`);
        out.note(control.statement);
        out.note(`To pass: ${control.remedy}`);
        out.table(control.deviations, DEVIATIONS, 'No deviation was found.');
        if (control.has_more) out.note(`These are 200 of ${control.deviating}; the API has the rest.`);
        return undefined;
      }),
    );
  readiness
    .command('crosswalk')
    .description('which controls of other frameworks our features support, with their versions')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        const { data } = await hivekey.request<List<CrosswalkRow>>('GET', '/v1/readiness/crosswalk');
        out.table(data, CROSSWALK, '');
        return undefined;
      }),
    );
}

function addRunCommands(readiness: Command): void {
  readiness
    .command('run')
    .description('test all controls of a period; the run is signed, and never changes')
    .requiredOption('--from <time>', 'beginning of the period, inclusive', moment)
    .requiredOption('--to <time>', 'its end, exclusive', moment)
    .action(
      online<[], Required<Period>>(async ({ out, hivekey }, { from, to }) => {
        const made = await hivekey.request<StoredReadinessRun>('POST', '/v1/readiness/runs', { body: { from, to } });
        out.note(`${made.id}, ${made.sha256}`);
        show(out, made.run);
        return undefined;
      }),
    );
  readiness
    .command('runs')
    .description('runs, newest first')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        out.table(await hivekey.all<ReadinessRun>('/v1/readiness/runs'), RUNS, 'There is none yet.');
        return undefined;
      }),
    );
  readiness
    .command('file <run>')
    .description('a run as a file for machines')
    .addOption(new Option('--as <kind>', 'which').choices(['run', 'assessment-results', 'test-results']).default('run'))
    .requiredOption('-o, --output <file>', 'where to')
    .action(
      online<[string], { as: string; output: string }>(async ({ out, hivekey }, { as, output }, id) => {
        const path = `/v1/readiness/runs/${encodeURIComponent(id)}`;
        const response = await hivekey.stream('GET', as === 'run' ? path : `${path}/${as}`);
        writeFileSync(output, Buffer.from(await response.arrayBuffer()));
        out.result({ file: output }, () => `${output} is written.`);
        return undefined;
      }),
    );
}

function addDeficiencyCommands(readiness: Command): void {
  readiness
    .command('deficiencies')
    .description('what failed, newest first')
    .addOption(new Option('--status <status>', 'only these').choices(['open', 'closed']))
    .action(
      online<[], { status?: string }>(async ({ out, hivekey }, { status }) => {
        const query = { ...(status === undefined ? {} : { status }) };
        out.table(await hivekey.all<Deficiency>('/v1/deficiencies', query), DEFICIENCIES, 'There is none.');
        return undefined;
      }),
    );
  readiness
    .command('close <deficiency>')
    .description('close it without a run that passes; the control goes on failing')
    .requiredOption('--reason <text>', 'why; it stands in the register and in the log')
    .action(
      online<[string], { reason: string }>(async ({ out, hivekey }, { reason }, id) => {
        const path = `/v1/deficiencies/${encodeURIComponent(id)}`;
        const closed = await hivekey.request<Deficiency>('PATCH', path, { body: { close: { reason } } });
        out.result(closed, () => `${closed.id} is closed.`);
        return undefined;
      }),
    );
}

function addDutyCommands(segregation: Command): void {
  segregation
    .command('list', { isDefault: true })
    .description('the sets, and who has accepted a conflict')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        const { data } = await hivekey.request<List<SegregationSet>>('GET', '/v1/segregation');
        out.table(data, SETS, 'There are none.');
        return undefined;
      }),
    );
  segregation
    .command('add <name>')
    .description('say which roles must not be in one hand')
    .requiredOption('--role <role>', 'one of them; at least two', repeated)
    .requiredOption('--reason <text>', 'why')
    .action(
      online<[string], { role: readonly string[]; reason: string }>(
        async ({ out, hivekey }, { role, reason }, name) => {
          const body = { name, roles: role, reason };
          const set = await hivekey.request<SegregationSet>('POST', '/v1/segregation', { body });
          out.result(set, () => `${set.id}: no agent wears two of ${set.roles.join(', ')}.`);
          return undefined;
        },
      ),
    );
  segregation
    .command('accept <set> <agent>')
    .description('accept, as a person and for a time, that an agent wears two of them')
    .requiredOption('--until <time>', 'when it ends', moment)
    .requiredOption('--reason <text>', 'why')
    .action(
      online<[string, string], { until: string; reason: string }>(
        async ({ out, hivekey }, { until, reason }, id, agent) => {
          const path = `/v1/segregation/${encodeURIComponent(id)}/acceptances`;
          const set = await hivekey.request<SegregationSet>('POST', path, { body: { agent, reason, until } });
          out.result(set, () => `${agent} is accepted until ${until}.`);
          return undefined;
        },
      ),
    );
  segregation
    .command('end <set>')
    .description('say so no more; what was said stays')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const path = `/v1/segregation/${encodeURIComponent(id)}/end`;
        const set = await hivekey.request<SegregationSet>('POST', path, { body: {} });
        out.result(set, () => `${set.name} is over.`);
        return undefined;
      }),
    );
}
