/** freeze: change freezes, and lifting them in an emergency. */
import { parseFreezeFile } from '@hivekey/policy';
import type { Freeze, FreezeOverride } from '@hivekey/sdk';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { filesOf } from '../documents.ts';
import { DocumentError } from '../exit.ts';
import { type Columns, paint, when } from '../output.ts';
import { online } from '../run.ts';
import { readText, repeated, wholeNumber } from '../values.ts';

const FREEZES: Columns<Freeze> = {
  name: ({ name }) => name,
  now: ({ in_force, override, until, next }) => {
    if (in_force) return paint('red', `in force until ${when(until)}`);
    if (override !== null) return paint('yellow', `lifted until ${when(override.ends_at)}`);
    return next === null ? 'over' : `from ${when(next)}`;
  },
  by: ({ author }) => author,
  what: ({ sentence }) => sentence,
};

const OVERRIDES: Columns<FreezeOverride> = {
  id: ({ id }) => id,
  status: ({ status }) => status,
  asked: ({ requested_by, requested_by_person, requested_at }) =>
    `${requested_by_person ?? requested_by}, ${when(requested_at)}`,
  agreed: ({ approved_by, approved_by_person }) => approved_by_person ?? approved_by ?? '–',
  until: ({ ends_at }) => when(ends_at),
  reason: ({ reason }) => reason,
};

const addressOf = (name: string, ...rest: readonly string[]): string =>
  ['/v1/freezes', name, ...rest].map((part, i) => (i === 0 ? part : encodeURIComponent(part))).join('/');

export function addFreezeCommands(program: Command): void {
  const freeze = program.command('freeze').description('change freezes: when nothing that matters may change');
  freeze
    .command('apply')
    .description('write or change freezes from files')
    .requiredOption('-f, --file <path>', 'file, folder or -; repeatable', repeated)
    .addHelpText('after', '\nExample:\n  hivekey freeze apply -f examples/policy-as-code/freezes/year-end.yaml')
    .action(
      online<[], { file: string[] }>(async ({ out, hivekey }, { file }) => {
        const documents = file.flatMap(filesOf).flatMap((path) => {
          const parsed = parseFreezeFile(readText(path));
          if (parsed.ok) return parsed.value;
          throw new DocumentError(path, parsed.problems);
        });
        for (const document of documents) {
          const applied = await hivekey.request<Freeze>('PUT', addressOf(document.metadata.name), { body: document });
          out.line(applied, () => `Freeze ${applied.name} ${applied.change ?? 'applied'} · ${applied.sentence}`);
        }
        return undefined;
      }),
    );
  freeze
    .command('list')
    .description('all freezes, and whether they are in force')
    .action(
      online(async ({ out, hivekey }) => {
        const freezes = await hivekey.all<Freeze>('/v1/freezes');
        out.table(freezes, FREEZES, 'There are no freezes. Apply one: hivekey freeze apply -f FILE');
        return undefined;
      }),
    );
  freeze
    .command('get <name>')
    .description('a freeze as the file it can be applied from')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const found = await hivekey.request<Freeze>('GET', addressOf(name));
        out.result(found, () => `${paint('dim', `# ${found.sentence}`)}\n${stringify(found.document).trimEnd()}`);
        return undefined;
      }),
    );
  freeze
    .command('remove <name>')
    .description('remove a freeze that is not in force')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const removed = await hivekey.request<Freeze>('DELETE', addressOf(name));
        out.result(removed, () => `Freeze ${removed.name} is removed.`);
        return undefined;
      }),
    );
  freeze
    .command('override <name>')
    .description('ask for a freeze to be lifted for a time; another person has to agree')
    .requiredOption('--minutes <n>', 'for how long, from when it is agreed; at most 1440', wholeNumber)
    .requiredOption('--reason <text>', 'why; it stands in the log')
    .action(
      online<[string], { minutes: number; reason: string }>(async ({ out, hivekey }, { minutes, reason }, name) => {
        const asked = await hivekey.request<FreezeOverride>('POST', addressOf(name, 'overrides'), {
          body: { minutes, reason },
        });
        out.result(asked, () => `Override ${asked.id} is asked for. Nothing is lifted yet.`);
        out.note(`Another person agrees with: hivekey freeze approve ${name} ${asked.id}`);
        return undefined;
      }),
    );
  freeze
    .command('overrides <name>')
    .description('who lifted it, when and why')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const overrides = await hivekey.all<FreezeOverride>(addressOf(name, 'overrides'));
        out.table(overrides, OVERRIDES, 'It was never lifted.');
        return undefined;
      }),
    );
  freeze
    .command('approve <name> <override>')
    .description('agree to an override that another person asked for')
    .action(
      online<[string, string], object>(async ({ out, hivekey }, _, name, id) => {
        const lifted = await hivekey.request<FreezeOverride>('POST', addressOf(name, 'overrides', id, 'approve'));
        out.result(lifted, () => `Freeze ${lifted.freeze} is lifted until ${when(lifted.ends_at)}.`);
        return undefined;
      }),
    );
  freeze
    .command('end <name> <override>')
    .description('end an override early, or withdraw it')
    .action(
      online<[string, string], object>(async ({ out, hivekey }, _, name, id) => {
        const ended = await hivekey.request<FreezeOverride>('POST', addressOf(name, 'overrides', id, 'end'));
        out.result(ended, () => `Override ${ended.id} is over.`);
        return undefined;
      }),
    );
}
