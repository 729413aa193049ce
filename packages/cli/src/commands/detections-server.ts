/** detections, of a server: which rules run and what they do, live tests, and which tests are due. */
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  Detection,
  DetectionDocument,
  DetectionRule,
  LiveTest,
  RuleTestDuties,
  RuleTestReport,
} from '@hivekey/sdk';
import { type Command, Option } from 'commander';
import { EXIT, UsageError } from '../exit.ts';
import { type Columns, when } from '../output.ts';
import { online, type Run } from '../run.ts';
import { readText } from '../values.ts';

const DETECTIONS: Columns<Detection> = {
  rule: ({ name }) => name,
  title: ({ title }) => title,
  level: ({ level }) => level ?? '',
  state: ({ enabled, problem }) => (problem === null ? (enabled ? 'on' : 'off') : `does not run: ${problem}`),
  does: ({ action }) => (action.kind === 'none' ? 'tells' : action.kind.replaceAll('_', ' ')),
  found: ({ findings_30_days: found }) => `${found} in 30 days`,
  last: ({ last_finding_at: at }) => (at === null ? '' : when(at)),
};

const ASK_EVERY_MS = 500;

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

const pathOf = (rule: string): string => `/v1/detections/${encodeURIComponent(rule)}`;

async function change(
  { hivekey, out }: Run,
  rule: string,
  edit: (document: DetectionDocument) => Partial<DetectionDocument>,
): Promise<undefined> {
  const { document } = await hivekey.request<DetectionRule>('GET', pathOf(rule));
  const changed = await hivekey.request<DetectionRule>('PUT', pathOf(rule), {
    body: { ...document, ...edit(document) },
  });
  out.result(changed, () => `${changed.name} is ${changed.enabled ? 'on' : 'off'}.`);
  return undefined;
}

function addRules(detections: Command): void {
  detections
    .command('list')
    .description('rules: those that are shipped, and the workspace’s own')
    .action(
      online(async ({ out, hivekey }) => {
        out.table(await hivekey.all<Detection>('/v1/detections'), DETECTIONS, 'There is no rule.');
        return undefined;
      }),
    );
  detections
    .command('show <rule>')
    .description('a rule as it is written, with what is set about it')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, rule) => {
        const found = await hivekey.request<DetectionRule>('GET', pathOf(rule));
        out.result(found, () => `${found.rule.trimEnd()}\n\n${JSON.stringify(found.document, null, 2)}`);
        return undefined;
      }),
    );
  detections
    .command('enable <rule>')
    .description('switch a rule on; where changes are reviewed, ask for it with hivekey change draft')
    .action(online<[string], object>((run, _, rule) => change(run, rule, () => ({ enabled: true }))));
  detections
    .command('disable <rule>')
    .description('switch a rule off')
    .action(online<[string], object>((run, _, rule) => change(run, rule, () => ({ enabled: false }))));
}

function addFire(detections: Command): void {
  detections
    .command('fire <rule>')
    .description('test a rule live: marked events through the real path, followed to the sinks and the alert')
    .addOption(new Option('--kind <kind>', 'what is sent').choices(['attack', 'benign']).default('attack'))
    .option('--wait <seconds>', 'how long the sinks are waited for', '300')
    .addHelpText('after', '\nExample:\n  hivekey detections fire D01')
    .action(
      online<[string], { kind: string; wait: string }>(async ({ out, hivekey }, { kind, wait }, rule) => {
        if (!/^[1-9][0-9]*$/.test(wait)) throw new UsageError(`${wait} is no number of seconds.`, 'Write --wait 300.');
        const body = { kind, wait_seconds: Number(wait) };
        let test = await hivekey.request<LiveTest>('POST', `${pathOf(rule)}/live-tests`, { body });
        out.note(`${test.id}: ${plural(test.injected_event_ids.length, 'event')} on the log.`);
        while (test.status === 'injecting' || test.status === 'waiting') {
          await sleep(ASK_EVERY_MS);
          test = await hivekey.request<LiveTest>('GET', `/v1/detections/live-tests/${test.id}`);
        }
        const done = test;
        out.result(done, () => testText(done));
        return done.status === 'passed' ? EXIT.done : EXIT.checkFailed;
      }),
    );
}

function testText(test: LiveTest): string {
  const at = (name: string, time: string | null): string => `  ${name.padEnd(9)} ${time ?? '–'}`;
  return [
    `${test.detection}: ${test.status}${test.failure === null ? '' : ` (${test.failure.replaceAll('_', ' ')})`}`,
    at('injected', test.injected_at),
    at('arrived', test.arrived_at),
    at('alerted', test.alerted_at),
    ...(test.alert_id === null ? [] : [`  alert     ${test.alert_id}`]),
  ].join('\n');
}

function addTests(detections: Command): void {
  detections
    .command('tests')
    .description('which rules the quarter still wants tested')
    .option('--quarter <quarter>', 'such as 2026-Q4')
    .action(
      online<[], { quarter?: string }>(async ({ out, hivekey }, { quarter }) => {
        const query = quarter === undefined ? '' : `?quarter=${encodeURIComponent(quarter)}`;
        const duties = await hivekey.request<RuleTestDuties>('GET', `/v1/detections/test-duties${query}`);
        out.table(
          duties.rules,
          {
            rule: ({ detection }) => detection,
            fired: ({ positive_at: at }) => at ?? '–',
            silent: ({ negative_at: at }) => at ?? '–',
            done: ({ is_done: isDone }) => (isDone ? 'yes' : 'no'),
          },
          'No rule is on.',
        );
        out.note(
          `${duties.quarter}: ${plural(duties.open, 'rule')} to be tested before ${duties.due_at.slice(0, 10)}.`,
        );
        return undefined;
      }),
    );
  detections
    .command('submit <report>')
    .description('submit a report of hivekey detections test; the server signs it')
    .addHelpText(
      'after',
      '\nExample:\n  hivekey detections test --report rule-tests.json && hivekey detections submit rule-tests.json',
    )
    .action(
      online<[string], object>(async ({ out, hivekey }, _, path) => {
        const { report }: { readonly report?: unknown } = readJson(path);
        const stored = await hivekey.request<RuleTestReport>('POST', '/v1/detections/test-reports', { body: report });
        out.result(stored, () => `${stored.id}: ${stored.passed} passed, ${stored.failed} failed.\n${stored.note}`);
        return undefined;
      }),
    );
}

function readJson(path: string): { readonly report?: unknown } {
  try {
    return JSON.parse(readText(path));
  } catch {
    throw new UsageError(`${path} is no report.`, 'Make one: hivekey detections test --report FILE.');
  }
}

/** Into the group of the commands that need no server. */
export function addDetectionServerCommands(program: Command): void {
  const detections =
    program.commands.find((command) => command.name() === 'detections') ?? program.command('detections');
  addRules(detections);
  addFire(detections);
  addTests(detections);
}
