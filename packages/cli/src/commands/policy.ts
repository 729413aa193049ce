/** policy: test, check and try rules before they bind anyone. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type LintReport, lintTexts, type PolicyTestReport, parsePolicyFile, runPolicyTests } from '@hivekey/policy';
import type { Decision, EvaluatedDecision } from '@hivekey/sdk';
import type { Command } from 'commander';
import { filesOf } from '../documents.ts';
import { EXIT } from '../exit.ts';
import { paint, verdictLabel } from '../output.ts';
import { offline, online } from '../run.ts';
import { jsonArgument, moment, readText, repeated } from '../values.ts';
import { addExportCommand } from './policy-code.ts';
import { addPolicyTestCommands } from './policy-tests.ts';
import { addReplayCommand } from './replay.ts';

const TEST_FILE = /\.(ya?ml|json)$/i;

/** Every file below the paths. */
function testFiles(paths: readonly string[]): { path: string; text: string }[] {
  return paths.flatMap((path) => {
    if (path === '-' || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
      return [{ path, text: readText(path) }];
    return testFiles(
      readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() || TEST_FILE.test(entry.name))
        .map(({ name }) => join(path, name))
        .sort(),
    );
  });
}

/** A file that a test refers to, relative to the test. */
function readReference(reference: string, from: string): string | undefined {
  try {
    return readFileSync(resolve(dirname(from), reference), 'utf8');
  } catch {
    return undefined;
  }
}

function reportText({ files, passed, failed }: PolicyTestReport): string {
  const lines = files.flatMap(({ path, problems, cases }) => [
    ...problems.map(({ file, line, column, message, remedy }) => {
      const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
      return `${paint('red', '✗')} ${place} ${message}. ${remedy}`;
    }),
    ...cases.flatMap(({ name, line, ok, differences }) =>
      ok
        ? [`${paint('green', '✓')} ${name}`]
        : [
            `${paint('red', '✗')} ${name} ${paint('dim', `${path}${line === undefined ? '' : `:${line}`}`)}`,
            ...differences.map((each) => `    ${each}`),
          ],
    ),
  ]);
  return [...lines, `${passed} passed, ${failed} failed`].join('\n');
}

const LEVELS = { error: 'red', warning: 'yellow', note: 'dim' } as const;

function lintText(report: LintReport): string {
  if (!report.ok)
    return report.problems
      .map(({ file, line, column, message, remedy }) => `${file}:${line ?? 1}:${column ?? 1} ${message}. ${remedy}`)
      .join('\n');
  const lines = report.findings.map(({ file, line, column, level, code, origin, guard, message, remedy }) => {
    const rule = guard === undefined ? origin : `${origin}/${guard}`;
    return `${file}:${line ?? 1}:${column ?? 1} ${paint(LEVELS[level], level)} ${code} ${rule}: ${message}. ${remedy}`;
  });
  const count = (level: keyof typeof LEVELS) => report.findings.filter((each) => each.level === level).length;
  const total = `${count('error')} errors, ${count('warning')} warnings, ${count('note')} notes`;
  return [...lines, lines.length === 0 ? 'Nothing was found.' : total].join('\n');
}

function decisionText(decision: Decision): string {
  const { verdict, reason_class: reasonClass, reason, trace, remaining, retry_after_seconds: retry } = decision;
  return [
    `${verdictLabel(verdict, reasonClass)}  ${reason}`,
    ...trace.map(
      ({ rule, origin, result, sentence, detail }) =>
        `  ${rule} (${origin}) ${verdictLabel(result, undefined)}  ${sentence} ${paint('dim', detail)}`,
    ),
    ...(remaining === null ? [] : [`  left: ${remaining}`]),
    ...(retry === null ? [] : [`  fits again in ${retry} s`]),
    paint('dim', `  policy revision ${decision.policy_revision} · ${decision.policy}`),
  ].join('\n');
}

export function addPolicyCommands(program: Command): void {
  const policy = program.command('policy').description('test, check and try rules before they bind anyone');
  policy
    .command('test <path...>')
    .description('run behaviour cases against the role files they name; no server needed; exit 3 if one fails')
    .addHelpText('after', '\nExample:\n  hivekey policy test examples/policy-as-code/tests')
    .action(
      offline<[string[]], object>(async (out, _, paths) => {
        const report = runPolicyTests(testFiles(paths), readReference);
        out.result(report, () => reportText(report));
        return report.ok ? EXIT.done : EXIT.checkFailed;
      }),
    );
  policy
    .command('check')
    .description('check policy files; no server needed; exit 3 if something is wrong')
    .requiredOption('-f, --file <path>', 'file, folder or -; repeatable', repeated)
    .action(
      offline<[], { file: string[] }>(async (out, { file }) => {
        const problems = file.flatMap(filesOf).flatMap((path) => {
          const parsed = parsePolicyFile(readText(path));
          return parsed.ok ? [] : parsed.problems.map((problem) => ({ ...problem, file: path }));
        });
        out.result({ ok: problems.length === 0, problems }, () =>
          problems.length === 0
            ? 'Nothing is wrong.'
            : problems
                .map(
                  ({ file: path, line, column, message, remedy }) =>
                    `${path}:${line ?? 1}:${column ?? 1} ${message}. ${remedy}`,
                )
                .join('\n'),
        );
        return problems.length === 0 ? EXIT.done : EXIT.checkFailed;
      }),
    );
  policy
    .command('lint')
    .description('rules that are valid and do not do what they seem to; no server needed; exit 3 on errors')
    .requiredOption('-f, --file <path>', 'file, folder or -; repeatable; all of them are seen together', repeated)
    .option('--strict', 'exit 3 on warnings, too')
    .addHelpText(
      'after',
      '\nExample:\n  hivekey policy lint -f examples/policy-as-code/capabilities -f examples/policy-as-code/roles --strict',
    )
    .action(
      offline<[], { file: string[]; strict?: true }>(async (out, { file, strict }) => {
        const report = lintTexts(file.flatMap(filesOf).map((name) => ({ name, text: readText(name) })));
        out.result(report, () => lintText(report));
        const fails = (level: string) => level === 'error' || (strict === true && level === 'warning');
        const isClean = report.ok && !report.findings.some(({ level }) => fails(level));
        return isClean ? EXIT.done : EXIT.checkFailed;
      }),
    );
  addPolicyTestCommands(policy);
  addReplayCommand(policy);
  addExportCommand(policy);
  policy
    .command('evaluate <agent> <action>')
    .description('what would be decided now; nothing runs and nothing is counted')
    .option('--arguments <json>', 'arguments as JSON, or @FILE', jsonArgument, {})
    .option('--policy <revision>', 'under a policy that was in force, by revision or hash')
    .option('--at <time>', 'under the policy, and with the roles, of then', moment)
    .addHelpText(
      'after',
      `\nExample:\n  hivekey policy evaluate billing-bot payments.pay --arguments '{"amount": 540, "to": "vendor@acme.example"}'`,
    )
    .action(
      online<[string, string], { arguments: object; policy?: string; at?: string }>(
        async ({ out, hivekey }, { arguments: args, policy: under, at }, agent, action) => {
          const then = at === undefined ? {} : { at: Math.floor(Date.parse(at) / 1000) };
          const decision = await hivekey.request<EvaluatedDecision>('POST', '/v1/policies/evaluate', {
            body: { agent, action, arguments: args, ...(under === undefined ? {} : { policy: under }), ...then },
          });
          const { as_at: asAt } = decision;
          if (asAt !== undefined) out.note(`As at revision ${asAt.revision}, without ${asAt.left_out.join(', ')}.`);
          out.result(decision, () => decisionText(decision));
          return undefined;
        },
      ),
    );
  policy
    .command('get [revision]')
    .description('the policy in force, or at any past revision or hash')
    .action(
      online<[string | undefined], object>(async ({ out, hivekey }, _, revision) => {
        const found = await hivekey.request<unknown>(
          'GET',
          `/v1/policies/${encodeURIComponent(revision ?? 'current')}`,
        );
        out.result(found, () => JSON.stringify(found, null, 2));
        return undefined;
      }),
    );
  policy
    .command('schema <name>')
    .description('JSON Schema of role, guards, capability, freeze, sources or tests files, for editors')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const schema = await hivekey.request<unknown>('GET', `/v1/policies/schemas/${encodeURIComponent(name)}`);
        out.result(schema, () => JSON.stringify(schema, null, 2));
        return undefined;
      }),
    );
}
