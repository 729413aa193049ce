/** policy replay: what a policy would have made of the calls on the log. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Capability, type Freeze, type Guard, type PolicySet, type Role, readPolicyTexts } from '@hivekey/policy';
import { HiveKey } from '@hivekey/sdk';
import type { Command } from 'commander';
import { filesOf } from '../documents.ts';
import { DocumentError, EXIT, UsageError } from '../exit.ts';
import { resolveLogin } from '../login.ts';
import { paint, printable, verdictLabel } from '../output.ts';
import { type ReplayReport, replayFolder } from '../replay.ts';
import { offline } from '../run.ts';
import { moment, readText, repeated, wholeNumber } from '../values.ts';
import { exportTo } from './logs.ts';
import { readKey } from './verify.ts';

interface Flags {
  readonly file?: readonly string[];
  readonly log?: string;
  readonly since?: string;
  readonly roleRevision?: readonly string[];
  readonly policy?: string;
  readonly key?: string;
  readonly limit: number;
  readonly failOnChange?: true;
  readonly allowUnreplayable?: true;
  readonly url?: string;
}

/** `GET /v1/policies/:revision` */
interface PolicySnapshot {
  readonly revision: number;
  readonly roles: readonly Role[];
  readonly workspace_guards: readonly Guard[];
  readonly capabilities: readonly Capability[];
  readonly freezes: readonly Freeze[];
  readonly sources: PolicySet['sources'] | null;
}

export function connect(url: string | undefined): HiveKey {
  const login = resolveLogin(url);
  return new HiveKey({ url: login.url, key: login.key, userAgent: 'hivekey-cli' });
}

/** The policy of the server, at a revision, with single roles at others. */
export async function serverPolicy(
  hivekey: HiveKey,
  { policy, roleRevision = [] }: Pick<Flags, 'policy' | 'roleRevision'>,
): Promise<PolicySet> {
  const at = encodeURIComponent(policy ?? 'current');
  const {
    workspace_guards: workspaceGuards,
    sources,
    ...found
  } = await hivekey.request<PolicySnapshot>('GET', `/v1/policies/${at}`);
  const { revision, capabilities, freezes } = found;
  const set: PolicySet = {
    revision,
    roles: found.roles,
    workspaceGuards,
    capabilities,
    freezes,
    ...(sources === null || sources === undefined ? {} : { sources }),
  };
  if (roleRevision.length === 0) return set;
  const texts = await Promise.all(
    roleRevision.map(async (named) => {
      const [, name = '', number = ''] = /^(.+)@([1-9][0-9]*)$/.exec(named) ?? [];
      if (name === '')
        throw new UsageError(`${named} names no revision of a role.`, 'Write NAME@REVISION, such as billing@4.');
      const path = `/v1/roles/${encodeURIComponent(name)}?revision=${number}`;
      const { document } = await hivekey.request<{ readonly document: object }>('GET', path);
      return { name: named, text: JSON.stringify(document) };
    }),
  );
  return joined(texts, set);
}

export function joined(
  texts: readonly { readonly name: string; readonly text: string }[],
  beside?: PolicySet,
): PolicySet {
  const read = readPolicyTexts(texts, beside);
  if (read.ok) return read.set;
  const [first] = read.problems;
  throw new DocumentError(
    first?.file ?? '',
    read.problems.filter(({ file }) => file === first?.file),
  );
}

/** How far back calls have a say in those of now. */
function longestWindowSeconds({ roles, workspaceGuards }: PolicySet): number {
  const guards = [...workspaceGuards, ...roles.flatMap((role) => role.guards)];
  return Math.max(0, ...guards.map(({ when }) => ('kind' in when ? when.windowSeconds : 0)));
}

function reportText({ log, policy, calls, same, changed, unreplayable, ...report }: ReplayReport): string {
  const { by_rule: byRule, unreplayable_by: unreplayableBy, changes } = report;
  const rows = changes.map(({ seq, ts, agent, action, before, after }) => {
    if ('unreplayable' in after) return '';
    const to = verdictLabel(after.verdict, undefined);
    const why = after.rule ?? after.reason;
    return `${paint('dim', `${seq}`)}  ${ts}  ${printable(agent)}  ${printable(action)}  ${verdictLabel(before.verdict, undefined)} → ${to}  ${printable(why)}`;
  });
  return [
    ...rows,
    ...(changed > changes.length ? [`… and ${changed - changes.length} more`] : []),
    ...(byRule.length === 0 ? [] : ['', 'Changes by rule:']),
    ...byRule.map((each) => `  ${each.calls}  ${each.before} → ${each.after}  ${printable(each.rule ?? 'no rule')}`),
    ...(unreplayableBy.length === 0 ? [] : ['', 'Cannot be replayed:']),
    ...unreplayableBy.map(({ calls: count, why, detail }) => `  ${count}  ${why}: ${printable(detail)}`),
    '',
    `${calls} calls: ${same} the same, ${changed} changed, ${unreplayable} cannot be replayed`,
    paint(
      'dim',
      `log     ${printable(log.origin)} ${log.first} to ${log.last}, root ${log.root}${log.key_trusted ? '' : ' (key brought along)'}`,
    ),
    paint('dim', `policy  ${policy}`),
  ].join('\n');
}

/** The export of the time that is asked about, and of what still had a say then. */
async function withLog<T>(flags: Flags, set: PolicySet, work: (folder: string) => Promise<T>): Promise<T> {
  if (flags.log !== undefined) return work(flags.log);
  const folder = mkdtempSync(join(tmpdir(), 'hivekey-replay-'));
  const before = (longestWindowSeconds(set) + 60) * 1_000;
  const from = flags.since === undefined ? {} : { from: new Date(Date.parse(flags.since) - before).toISOString() };
  try {
    await exportTo(connect(flags.url), join(folder, 'export'), from);
    return await work(join(folder, 'export'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function addReplayCommand(policy: Command): void {
  policy
    .command('replay')
    .description('what a policy would have decided of the calls on the log, and which would change')
    .option('--since <time>', 'calls from then on, e.g. 30d; earlier ones only fill the windows', moment)
    .option('-f, --file <path>', 'documents that take the place of those of the policy in force; repeatable', repeated)
    .option('--role-revision <name@n>', 'a revision of a role; repeatable', repeated)
    .option('--policy <revision>', 'another policy than the one in force: a revision or a hash')
    .option('--log <folder>', 'an export instead of the log of the server; then -f is the whole policy')
    .option('--key <key>', 'verifier key of the export, or a file that holds it')
    .option('--limit <n>', 'most changes that are listed', wholeNumber, 100)
    .option('--fail-on-change', 'exit 3 if a verdict changes or cannot be replayed')
    .option('--allow-unreplayable', 'with --fail-on-change: not for what cannot be replayed')
    .addHelpText(
      'after',
      '\nExamples:\n  hivekey policy replay --since 30d -f billing.yaml\n  hivekey policy replay --log audit --key hivekey.pub -f policy --fail-on-change',
    )
    .action(
      offline<[], Flags>(async (out, flags) => {
        const isOffline = flags.log !== undefined && flags.policy === undefined && flags.roleRevision === undefined;
        if (isOffline && flags.file === undefined)
          throw new UsageError('There is no policy to replay.', 'Name its documents with -f.');
        const beside = isOffline ? undefined : await serverPolicy(connect(flags.url), flags);
        const texts = (flags.file ?? []).flatMap(filesOf).map((name) => ({ name, text: readText(name) }));
        const set = joined(texts, beside);
        const report = await withLog(flags, set, (folder) =>
          replayFolder({ folder, set, since: flags.since, key: readKey(flags.key), limit: flags.limit }),
        );
        out.result(report, () => reportText(report));
        const isBroken = report.changed > 0 || (report.unreplayable > 0 && flags.allowUnreplayable !== true);
        return flags.failOnChange === true && isBroken ? EXIT.checkFailed : EXIT.done;
      }),
    );
}
