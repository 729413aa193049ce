/** detections: rules tried on their samples, checked, and written for a SIEM. No server is needed. */
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type SigningKey, signingKey, signNote } from '@hivekey/action-log';
import {
  BadSample,
  exportSigma,
  loadRules,
  type Query,
  type Rule,
  type RuleFile,
  type RuleProblem,
  type RuleTest,
  readQueries,
  reportNote,
  SAMPLES,
  TARGETS,
  type Target,
  testReport,
  testRule,
} from '@hivekey/detections';
import { type Command, Option } from 'commander';
import { DocumentError, EXIT, UsageError } from '../exit.ts';
import { paint, printable } from '../output.ts';
import { offline } from '../run.ts';
import { readText } from '../values.ts';

const RULE = 'rule.yaml';
const EXPECTED = 'expected.yaml';
const QUERIES = 'queries.yaml';
const QUERY_FILES: Readonly<Record<Target, string>> = {
  splunk: 'splunk.spl',
  elastic: 'elastic.esql',
  sentinel: 'sentinel.kql',
};

/** Where the shipped rules lie with their samples. */
function shippedFolder(): string {
  return dirname(fileURLToPath(import.meta.resolve('@hivekey/detections/rules/generate.mjs')));
}

/** Folders of rules below `root`: each holds rule.yaml; the root itself where it does. */
function ruleFolders(root: string): readonly string[] {
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new UsageError(`${root} is not a folder.`, 'Name a folder of rules, each in a folder of its own.');
  const folders = existsSync(join(root, RULE))
    ? [root]
    : readdirSync(root)
        .sort()
        .map((name) => join(root, name))
        .filter((path) => existsSync(join(path, RULE)));
  if (folders.length === 0) throw new UsageError(`${root} holds no rules.`, `Each has a folder with ${RULE} in it.`);
  return folders;
}

interface FoundRules {
  readonly rules: readonly Rule[];
  readonly folders: ReadonlyMap<string, string>;
}

/** Throws a DocumentError with every problem of the first file that has one. */
function loadFolder(root: string): FoundRules {
  const folders = ruleFolders(root);
  const files = folders.map((folder): RuleFile => ({ name: join(folder, RULE), text: readText(join(folder, RULE)) }));
  const { rules, problems } = loadRules(files);
  const [first] = problems;
  if (first !== undefined)
    throw new DocumentError(
      first.file,
      problems.filter(({ file }) => file === first.file),
    );
  return { rules, folders: new Map(folders.map((folder) => [join(folder, RULE), folder])) };
}

interface TestFlags {
  readonly report?: string;
  readonly operator?: string;
  readonly key?: string;
}

function tested(rule: Rule, folder: string): RuleTest {
  const [attack, near, benign] = SAMPLES.map((name) => readText(join(folder, `${name}.ndjson`)));
  const samples = { attack: attack ?? '', 'near-miss': near ?? '', benign: benign ?? '' };
  try {
    return testRule(rule, { expected: readText(join(folder, EXPECTED)), samples }, () => performance.now());
  } catch (error) {
    if (error instanceof BadSample)
      throw new UsageError(
        `A sample in ${folder} cannot be read: ${error.message}.`,
        'Write lines of entries.jsonl of an export.',
      );
    throw error;
  }
}

function testText({ ref, samples, result, failures, duration_ms: ms }: RuleTest): string {
  const mark = result === 'passed' ? paint('green', '✓') : paint('red', '✗');
  const fired = samples.attack.fired.length;
  const head = `${mark} ${ref}  fired ${fired} time${fired === 1 ? '' : 's'} on its attack, ${samples['near-miss'].fired.length + samples.benign.fired.length} times on what is none  ${paint('dim', `${ms} ms`)}`;
  return [head, ...failures.map((each) => `    ${printable(each)}`)].join('\n');
}

/** `PRIVATE+KEY+<name>+<8 hex digits>+<base64>`, as C2SP signed-note tools write it. */
function readSigner(path: string): SigningKey {
  const found = /^PRIVATE\+KEY\+([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(readText(path).trim());
  const [, name = '', id, text = ''] = found ?? [];
  const data = Buffer.from(text, 'base64');
  const key = data.length === 33 && data[0] === 1 ? signingKey(name, data.subarray(1)) : undefined;
  if (key === undefined || key.verifier.id !== id)
    throw new UsageError(`${path} holds no signing key.`, 'It is one line: PRIVATE+KEY+name+id+base64, of Ed25519.');
  return key;
}

function problemText({ file, line, column, message, remedy }: RuleProblem): string {
  return `${file}:${line}:${column} ${message}. ${remedy}`;
}

function addTest(detections: Command): void {
  detections
    .command('test [folder]')
    .description('run rules on their attack, near miss and benign samples (default: the rules that are shipped)')
    .option('--report <file>', 'write the report on it; - for standard output')
    .option('--operator <name>', 'who runs it, as the report says (default: the user of this machine)')
    .option('--key <file>', 'sign the report with this key (PRIVATE+KEY+…)')
    .addHelpText(
      'after',
      '\nExamples:\n  hivekey detections test\n  hivekey detections test rules/ --report rule-tests.json --operator dana@acme.example',
    )
    .action(
      offline<[string | undefined], TestFlags>(async (out, flags, folder) => {
        const { rules, folders } = loadFolder(folder ?? shippedFolder());
        const tests = rules.map((rule) => tested(rule, folders.get(rule.file) ?? ''));
        const report = testReport(tests, flags.operator ?? userInfo().username, new Date().toISOString());
        const note = flags.key === undefined ? undefined : signNote(reportNote(report), [readSigner(flags.key)]);
        const signed = { report, ...(note === undefined ? {} : { note }) };
        const text = `${JSON.stringify(signed, null, 2)}\n`;
        if (flags.report === '-') process.stdout.write(text);
        else {
          if (flags.report !== undefined) writeFileSync(flags.report, text);
          out.result(signed, () =>
            [...tests.map(testText), '', `${report.passed} passed, ${report.failed} failed`].join('\n'),
          );
        }
        return report.failed === 0 ? EXIT.done : EXIT.checkFailed;
      }),
    );
}

function addLint(detections: Command): void {
  detections
    .command('lint <files...>')
    .description('problems of rule files with line and column: also fields that no record has')
    .addHelpText('after', '\nExample:\n  hivekey detections lint rules/*.yaml')
    .action(
      offline<[string[]], object>(async (out, _, paths) => {
        const files = paths.map((path): RuleFile => ({ name: path, text: readText(path) }));
        const { rules, problems } = loadRules(files);
        const found = rules.map(({ file, document: { ref, title, level, form } }) => ({
          file,
          ref,
          title,
          level,
          form,
        }));
        out.result({ rules: found, problems }, () =>
          [
            ...problems.map(problemText),
            `${found.length} rule${found.length === 1 ? '' : 's'} can run, ${problems.length} problems`,
          ].join('\n'),
        );
        return problems.length === 0 ? EXIT.done : EXIT.checkFailed;
      }),
    );
}

interface ExportFlags {
  readonly to: Target;
  readonly out?: string;
}

/** File name → text. */
function exportedFiles(folder: string, target: Target): ReadonlyMap<string, string> {
  const name = basename(folder);
  const files = new Map<string, string>();
  const sigma = exportSigma(readText(join(folder, RULE)), target);
  if (sigma !== undefined) files.set(`${name}.yml`, sigma);
  const queries = existsSync(join(folder, QUERIES)) ? readQueries(readText(join(folder, QUERIES))) : [];
  for (const query of queries)
    if (query.target === target) files.set(`${name}.${QUERY_FILES[target]}`, queryText(name, query));
  return files;
}

function queryText(name: string, { target, query, weaker, fields }: Query): string {
  const mark = target === 'splunk' ? '```' : '//';
  const lines = [
    `${name}. It has not run in a SIEM: try it on the attack sample first.`,
    `Weaker than the rule: ${weaker}`,
    `Needs: ${fields.join(', ')}`,
  ];
  const head =
    target === 'splunk' ? `${mark} ${lines.join(' ')} ${mark}` : lines.map((line) => `${mark} ${line}`).join('\n');
  return `${head}\n${query}`;
}

function addExport(detections: Command): void {
  detections
    .command('export [folder]')
    .description(
      'queries written by hand, and plain Sigma with the field names of a SIEM (default: the rules that are shipped)',
    )
    .addOption(new Option('--to <siem>', 'which').choices([...TARGETS]).makeOptionMandatory())
    .option('--out <folder>', 'write files there in place of printing them')
    .addHelpText('after', '\nExample:\n  hivekey detections export --to splunk --out splunk-rules')
    .action(
      offline<[string | undefined], ExportFlags>(async (out, { to, out: into }, folder) => {
        const files = ruleFolders(folder ?? shippedFolder()).flatMap((each) => [...exportedFiles(each, to)]);
        if (into !== undefined) {
          mkdirSync(into, { recursive: true });
          for (const [name, text] of files) writeFileSync(join(into, name), text);
        }
        const names = files.map(([name]) => name);
        out.result(into === undefined ? { files: Object.fromEntries(files) } : { folder: into, files: names }, () =>
          into === undefined
            ? files.map(([name, text]) => `# ${name}\n${text}`).join('\n')
            : `${names.length} files in ${into}.`,
        );
        return EXIT.done;
      }),
    );
}

/** The group, for the commands that need no server; those of the server are added to the same. */
export function addDetectionRuleCommands(program: Command): void {
  const existing = program.commands.find((command) => command.name() === 'detections');
  const detections =
    existing ?? program.command('detections').description('detection rules: what the log is watched for');
  addTest(detections);
  addLint(detections);
  addExport(detections);
}
