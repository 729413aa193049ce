/** plan, apply, policy export: a folder of policy files in Git, as changes that are reviewed. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type HiveKey,
  HiveKeyError,
  type List,
  type PolicyApplication,
  type PolicyCode,
  type PolicyObject,
  type PolicyPlan,
} from '@hivekey/sdk';
import type { Command } from 'commander';
import { EXIT, exitCodeOf, explain, UsageError } from '../exit.ts';
import { exportTo } from '../policy-code/export.ts';
import { KINDS, kindNamed } from '../policy-code/kinds.ts';
import { type LoadedFolder, loadFolder, sendFolder, sourceOf } from '../policy-code/load.ts';
import { driftText, planText } from '../policy-code/texts.ts';
import { connect, offline, online, type Run } from '../run.ts';
import { duration, repeated } from '../values.ts';

/** Of plan alone: as `terraform plan -detailed-exitcode` has it. */
const CHANGES = 2;

interface PlanOptions {
  readonly out?: string;
  readonly post?: true;
  readonly drift?: true;
  readonly allowDirty?: true;
  readonly title?: string;
  readonly reason?: string;
  readonly ticket?: string;
}

/** 2 says that something would change: a file that cannot be read, or a key that is not there, must not look like that. */
async function exitAsPlan(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    process.stderr.write(`hivekey: ${explain(error)}`);
    const code = exitCodeOf(error);
    return code === EXIT.usage ? EXIT.failed : code;
  }
}

async function plan(run: Run, options: PlanOptions, path: string): Promise<number> {
  const { out, hivekey } = run;
  if (options.drift === true) return showDrift(run);
  const loaded = await loadFolder(path, hivekey.url);
  const planned = await (options.post === true
    ? post(hivekey, loaded, options)
    : sendFolder<PolicyPlan>(hivekey, 'plan', loaded.folder));
  const shown = { ...planned, git: loaded.git, tests: loaded.tests ?? null };
  if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify(shown, null, 2)}\n`);
  out.result(shown, () => planText(planned, loaded));
  if (options.post === true && planned.change !== null)
    out.note(`Read it and decide: ${hivekey.url}/changes/${planned.change.id}`);
  return planned.operations.length === 0 ? EXIT.done : CHANGES;
}

function post(hivekey: HiveKey, loaded: LoadedFolder, options: PlanOptions): Promise<PolicyPlan> {
  const { title, reason, ticket, allowDirty } = options;
  return sendFolder<PolicyPlan>(hivekey, 'changes', loaded.folder, {
    source: sourceOf(loaded, allowDirty === true),
    ...(title === undefined ? {} : { title }),
    ...(reason === undefined ? {} : { justification: reason }),
    ...(ticket === undefined ? {} : { ticket }),
  });
}

async function showDrift({ out, hivekey }: Run): Promise<number> {
  const state = await hivekey.request<PolicyCode>('GET', '/v1/policy-code');
  out.result(state, () => driftText(state));
  return state.drifted ? EXIT.checkFailed : EXIT.done;
}

interface ApplyOptions {
  readonly allowDirty?: true;
  readonly plan?: string;
  readonly wait?: number;
}

const POLL_MS = 2_000;
/** What a later attempt may find otherwise: somebody has to approve. */
const WAITING = 'policy_code_waiting';

async function apply(
  { out, hivekey }: Run,
  { allowDirty, plan: file, wait = 0 }: ApplyOptions,
  path: string,
): Promise<number> {
  const loaded = await loadFolder(path, hivekey.url);
  const planned = await sendFolder<PolicyPlan>(hivekey, 'plan', loaded.folder);
  out.note(planText(planned, loaded));
  // What was shown is what is put in force, or nothing is.
  const digest = file === undefined ? planned.digest : digestOfPlan(file);
  const more = { source: sourceOf(loaded, allowDirty === true), digest };
  const deadline = Date.now() + wait * 1_000;
  for (let told = false; ; told = true) {
    try {
      const applied = await sendFolder<PolicyApplication>(hivekey, 'apply', loaded.folder, more);
      out.result(applied, () => appliedText(applied));
      return EXIT.done;
    } catch (error) {
      const isWaiting = error instanceof HiveKeyError && error.code === WAITING;
      if (!isWaiting || Date.now() + POLL_MS > deadline) throw error;
      if (!told) out.note(`${error.message} Waiting.`);
      await sleep(POLL_MS);
    }
  }
}

function appliedText({ change, operations }: PolicyApplication): string {
  if (change === null) return 'No changes: everything is live as the folder has it.';
  return `${change} is in force: ${operations} ${operations === 1 ? 'object' : 'objects'} as the folder has them.`;
}

/** Of a file that `plan --out` wrote. */
function digestOfPlan(path: string): string {
  let digest: unknown;
  try {
    ({ digest } = JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // told below
  }
  if (typeof digest === 'string') return digest;
  throw new UsageError(`${path} is no plan.`, 'Write one with hivekey plan --out FILE.');
}

async function exportFolder(
  { out, hivekey }: Run,
  { kind: names = [] }: { kind?: readonly string[] },
  path: string,
): Promise<number> {
  const types = names.map((name) => {
    const kind = kindNamed(name);
    if (kind !== undefined) return kind.type;
    throw new UsageError(
      `${name} is not a kind of document.`,
      `Name some of ${KINDS.map((each) => each.kind).join(', ')}.`,
    );
  });
  const written = await exportTo(path, types, {
    url: hivekey.url,
    objects: async (wanted) =>
      (
        await hivekey.request<List<PolicyObject>>('GET', '/v1/policy-code/objects', {
          query: { types: wanted.join(',') },
        })
      ).data,
    plan: (folder) => sendFolder<PolicyPlan>(hivekey, 'plan', folder),
  });
  for (const [file, text] of written) {
    const target = join(path, file);
    if (text === null) rmSync(target);
    else {
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, text);
    }
  }
  const files = written.map(([file, text]) => ({ file, change: text === null ? 'removed' : 'written' }));
  out.table(files, { file: ({ file }) => file, '': ({ change }) => change }, 'Every file says what is live.');
  return EXIT.done;
}

export function addPolicyCodeCommands(program: Command): void {
  program
    .command('plan')
    .argument('[folder]', 'of policy files', '.')
    .description('what a folder of policy files would change; exit 0 nothing, 2 something, 1 it cannot be told')
    .option('--post', 'ask for it: a change that names the commit, submitted for review')
    .option('--title <text>', 'of the change')
    .option('--reason <text>', 'of the change')
    .option('--ticket <id>', 'of the change')
    .option('--allow-dirty', 'post files that are not as committed; the change names no commit')
    .option('--out <file>', 'write the plan as JSON')
    .option('--drift', 'what differs here from what was last applied from Git; exit 3 if something does')
    .addHelpText(
      'after',
      '\nExamples:\n  hivekey plan policy\n  hivekey plan policy --post --reason "refunds, as agreed"\n  hivekey plan --drift',
    )
    .action(
      offline<[string], PlanOptions>((out, options, path) =>
        exitAsPlan(() => plan({ out, hivekey: connect(options.url) }, options, path)),
      ),
    );
  program
    .command('apply')
    .argument('[folder]', 'of policy files', '.')
    .description('put a folder of policy files in force: with the approved change of exactly this content')
    .option('--wait <duration>', 'for it to be approved, e.g. 2h', duration)
    .option('--plan <file>', 'only what this plan says')
    .option('--allow-dirty', 'also of files that are not as committed')
    .addHelpText('after', '\nExamples:\n  hivekey apply policy\n  hivekey apply policy --wait 2h')
    .action(online<[string], ApplyOptions>(apply));
}

/** policy export */
export function addExportCommand(policy: Command): void {
  policy
    .command('export <folder>')
    .description('live objects as files that plan takes; files that say the same already stay as they are')
    .option('--kind <kind>', 'only this kind of document, e.g. Role; repeatable', repeated)
    .addHelpText('after', '\nExample:\n  hivekey policy export policy --kind Role --kind Capability')
    .action(online<[string], { kind?: readonly string[] }>(exportFolder));
}
