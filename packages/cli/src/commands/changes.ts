/** change: drafting, reviewing and activating changes of what decides. */
import type { Change, ChangeSettings, ChangeSummary, Json } from '@hivekey/sdk';
import type { Command } from 'commander';
import { isConfirmed } from '../confirm.ts';
import { UsageError } from '../exit.ts';
import { type Columns, paint, printable, when } from '../output.ts';
import { online, type Run } from '../run.ts';
import { moment, readText } from '../values.ts';

const CHANGES: Columns<ChangeSummary> = {
  change: ({ name }) => name,
  status: ({ status, emergency_review }) =>
    emergency_review === null ? status : `${status} (review ${emergency_review})`,
  class: (change) => change.class,
  risk: ({ risk }) => risk ?? '–',
  title: ({ title }) => title,
  author: ({ author }) => author,
  objects: ({ objects }) => objects.map(nameOf).join(', '),
  since: ({ updated_at }) => when(updated_at),
};

function nameOf({ type, id }: { readonly type: string; readonly id: string }): string {
  return id === '*' ? type : `${type} ${id}`;
}

function missingText({ people, groups }: NonNullable<Change['missing']>): string {
  const who = people === 1 ? '1 person' : `${people} people`;
  return groups.length === 0 ? who : `${who} (${groups.join(', ')})`;
}

/** What reviewers see of the preview here; the console shows all of it. */
interface Preview {
  readonly state: 'running' | 'done' | 'failed';
  readonly document: { readonly summary: readonly string[] };
}

/** What people wrote cannot move the cursor or hide in the terminal. */
function wholeText(change: Change, preview: Preview | undefined): string {
  const { name, title, status, risk, reasons, author, authors, operations, reviews, missing, preview: seen } = change;
  const lines = [
    `${name} · ${status} · ${change.class}${risk === null ? '' : ` · ${risk} risk`}`,
    title,
    ...(change.justification === '' ? [] : [`why         ${change.justification}`]),
    ...(change.ticket === null ? [] : [`ticket      ${change.ticket}`]),
    `author      ${[author, ...authors.filter((each) => each !== author)].join(', ')}`,
    ...(change.source === null ? [] : [`commit      ${change.source.commit} of ${change.source.repository}`]),
    ...reasons.map((reason) => `risk        ${reason}`),
    ...(preview?.document.summary ?? []).map((sentence) => `does        ${sentence}`),
    ...(preview?.state === 'running' ? ['does        the log is still being replayed'] : []),
    ...operations.flatMap((operation) => [
      `${operation.document === null ? 'removes' : operation.base === null ? 'adds   ' : 'changes'}     ${nameOf(operation)}`,
      ...(operation.document === null ? [] : JSON.stringify(operation.document, null, 2).split('\n')).map(
        (line) => `  ${line}`,
      ),
    ]),
    ...(change.activate_at === null ? [] : [`at          ${when(change.activate_at)}`]),
    ...(missing === null ? [] : [`missing     ${missingText(missing)}`]),
    ...reviews.map(
      ({ person, decision, at, comment, counts }) =>
        `${decision === 'approve' ? 'approved' : 'rejected'}    ${person} · ${when(at)}${counts ? '' : ' · counts no longer'}${comment === '' ? '' : ` · ${comment}`}`,
    ),
    ...(change.ended_code === null ? [] : [`because     ${change.ended_code}: ${change.ended_reason ?? ''}`]),
    `you         ${change.you.approve === null ? 'may approve' : `may not approve (${change.you.approve})`}`,
    `content     ${change.content_hash}`,
    ...(seen?.hash === null || seen === null ? [] : [`preview     ${seen.hash}`]),
  ];
  return lines.map((line, i) => (i === 0 ? paint('bold', printable(line)) : printable(line))).join('\n');
}

const pathOf = (id: string, act = ''): string => `/v1/changes/${encodeURIComponent(id)}${act}`;

async function read({ hivekey }: Run, id: string) {
  const change = await hivekey.request<Change>('GET', pathOf(id));
  const preview = change.preview === null ? undefined : await hivekey.request<Preview>('GET', pathOf(id, '/preview'));
  return { change, preview };
}

async function act({ out, hivekey }: Run, id: string, what: string, body: object = {}): Promise<undefined> {
  const change = await hivekey.request<Change>('POST', pathOf(id, `/${what}`), { body });
  out.result(change, () => stateText(change));
  return undefined;
}

function stateText({ name, status, missing, emergency_review: review, activate_at: at }: Change): string {
  if (missing !== null) return `${name} is ${status}; missing ${missingText(missing)}.`;
  if (status === 'scheduled' && at !== null) return `${name} is scheduled for ${when(at)}.`;
  return review === null ? `${name} is ${status}.` : `${name} is ${status}; its review is ${review}.`;
}

function jsonOf(path: string): Json {
  try {
    return JSON.parse(readText(path));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError(`${path} is not JSON: ${error.message}.`, 'Write {"title": …, "operations": […]}.');
  }
}

interface Listed {
  readonly all?: boolean;
  readonly waiting?: boolean;
  readonly status?: string;
  readonly class?: string;
  readonly author?: string;
  readonly type?: string;
  readonly object?: string;
}

interface Edited {
  readonly file?: string;
  readonly title?: string;
  readonly why?: string;
  readonly ticket?: string;
  readonly at?: string;
  readonly emergency?: boolean;
}

function bodyOf({ file, title, why, ticket, at, emergency }: Edited): object {
  const body = file === undefined ? {} : jsonOf(file);
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new UsageError('A change is a JSON object.', 'Write {"title": …, "operations": […]}.');
  return {
    ...body,
    ...(title === undefined ? {} : { title }),
    ...(why === undefined ? {} : { justification: why }),
    ...(ticket === undefined ? {} : { ticket }),
    ...(at === undefined ? {} : { activate_at: at === 'none' ? null : Math.floor(Date.parse(moment(at)) / 1000) }),
    ...(emergency === true ? { class: 'emergency' } : {}),
  };
}

function withContent(command: Command): Command {
  return command
    .option('-f, --file <path>', 'JSON of the change: {title, operations: [{type, id, document}], …}, or -')
    .option('--title <text>', 'in one line, what it is')
    .option('--why <text>', 'the reason, for reviewers')
    .option('--ticket <id>', 'where it was asked for')
    .option('--at <time>', 'when it is to be in force; none: whenever somebody activates it')
    .option('--emergency', 'in force at once by two people, or reviewed afterwards');
}

export function addChangeCommands(program: Command): void {
  const change = program
    .command('change')
    .alias('changes')
    .description('changes of what decides: draft, review, activate, roll back');
  change
    .command('list')
    .description('changes that are not over; --all for everything')
    .option('--all', 'also what is over')
    .option('--waiting', 'what waits for a review')
    .option('--status <status>', 'draft, submitted, approved, scheduled, activated, …')
    .option('--class <class>', 'normal, standard, emergency, rollback, direct')
    .option('--author <email>', 'of one author')
    .option('--type <type>', 'of objects of one type: role, freeze, …')
    .option('--object <id>', 'of one object')
    .action(
      online<[], Listed>(async ({ out, hivekey }, { all, waiting, status, author, type, object, ...more }) => {
        const query = {
          status,
          class: more.class,
          author,
          type,
          object,
          waiting: waiting === true ? 'true' : undefined,
        };
        const changes = await hivekey.all<ChangeSummary>('/v1/changes', query);
        const isOpen = (each: ChangeSummary) =>
          ['draft', 'submitted', 'approved', 'scheduled'].includes(each.status) ||
          ['due', 'overdue'].includes(each.emergency_review ?? '');
        const shown = all === true || status !== undefined ? changes : changes.filter(isOpen);
        out.table(shown, CHANGES, 'No change is open.');
        return undefined;
      }),
    );
  change
    .command('show <change>')
    .description('what is asked, what it does, who said what')
    .action(
      online<[string], object>(async (run, _, id) => {
        const { change: found, preview } = await read(run, id);
        run.out.result(found, () => wholeText(found, preview));
        return undefined;
      }),
    );
  withContent(change.command('draft').description('draft a change, with a key of your own'))
    .addHelpText('after', '\nExample:\n  hivekey change draft --title "Let support close tickets" -f change.json')
    .action(
      online<[], Edited>(async ({ out, hivekey }, edited) => {
        const drafted = await hivekey.request<Change>('POST', '/v1/changes', { body: bodyOf(edited) });
        out.result(drafted, () => `${drafted.name} is drafted. Submit it: hivekey change submit ${drafted.name}`);
        return undefined;
      }),
    );
  withContent(change.command('edit <change>').description('edit a draft; whoever does is an author of it')).action(
    online<[string], Edited>(async ({ out, hivekey }, edited, id) => {
      const draft = await hivekey.request<Change>('PUT', pathOf(id), { body: bodyOf(edited) });
      out.result(draft, () => `${draft.name} is edited.`);
      return undefined;
    }),
  );
  change
    .command('submit <change>')
    .description('check it, make its preview, and ask reviewers; nothing of it changes after that')
    .action(online<[string], object>((run, _, id) => act(run, id, 'submit')));
  change
    .command('approve <change>')
    .description('show the change and approve it, with a key of your own')
    .option('--comment <text>', 'it stands in the log')
    .option('--content-hash <hash>', 'approve what was read before, without asking')
    .option('--preview-hash <hash>', 'of the preview that was read')
    .action(
      online<[string], { comment?: string; contentHash?: string; previewHash?: string }>(
        async (run, { comment, contentHash, previewHash }, id) => {
          const said = comment === undefined ? {} : { comment };
          if (contentHash !== undefined && previewHash !== undefined)
            return act(run, id, 'approve', { content_hash: contentHash, preview_hash: previewHash, ...said });
          const { change: found, preview } = await read(run, id);
          run.out.note(wholeText(found, preview));
          const otherwise = 'Pass what was read: --content-hash sha256:… --preview-hash sha256:…';
          if (!(await isConfirmed('Approve this change as it is?', otherwise))) return 1;
          const hashes = { content_hash: found.content_hash, preview_hash: found.preview?.hash };
          return act(run, id, 'approve', { ...hashes, ...said });
        },
      ),
    );
  change
    .command('reject <change>')
    .description('reject it; of an emergency in force, have it rolled back')
    .option('--comment <text>', 'why')
    .action(
      online<[string], { comment?: string }>((run, { comment }, id) =>
        act(run, id, 'reject', comment === undefined ? {} : { comment }),
      ),
    );
  change
    .command('activate <change>')
    .description('put it in force: all of it, or nothing')
    .action(online<[string], object>((run, _, id) => act(run, id, 'activate')));
  change
    .command('withdraw <change>')
    .description('withdraw it, as its author or an administrator')
    .option('--reason <text>', 'why')
    .action(
      online<[string], { reason?: string }>((run, { reason }, id) =>
        act(run, id, 'withdraw', reason === undefined ? {} : { reason }),
      ),
    );
  change
    .command('rollback <change>')
    .description('draft and submit what puts back what it replaced')
    .option('--reason <text>', 'why')
    .action(
      online<[string], { reason?: string }>((run, { reason }, id) =>
        act(run, id, 'rollback', reason === undefined ? {} : { reason }),
      ),
    );
  change
    .command('comment <change> <text>')
    .description('say something about it')
    .action(
      online<[string, string], object>(async ({ out, hivekey }, _, id, text) => {
        const comment = await hivekey.request<object>('POST', pathOf(id, '/comments'), { body: { body: text } });
        out.result(comment, () => 'Said.');
        return undefined;
      }),
    );
  change
    .command('settings')
    .description('whether and how changes are reviewed; --file writes all of it')
    .option('-f, --file <path>', 'JSON as --json prints it, or -')
    .action(
      online<[], { file?: string }>(async ({ out, hivekey }, { file }) => {
        const path = '/v1/change-settings';
        const settings =
          file === undefined
            ? await hivekey.request<ChangeSettings>('GET', path)
            : await hivekey.request<ChangeSettings>('PUT', path, { body: documentIn(jsonOf(file)) });
        out.result(settings, () => settingsText(settings));
        return undefined;
      }),
    );
}

/** Without what the server adds, so that what was printed can be edited and sent. */
function documentIn(settings: Json): Json {
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) return settings;
  const added = ['object', 'hash', 'author', 'updated_at'];
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !added.includes(name)));
}

function settingsText({ mode, types, authority, emergency, rollback, when_frozen, standard }: ChangeSettings): string {
  return [
    `changes     ${mode === 'direct' ? 'are made directly' : `of ${types?.join(', ') ?? 'everything'} are reviewed`}`,
    ...Object.entries(authority.normal).map(([risk, requirement]) => `${risk.padEnd(11)} ${missingText(requirement)}`),
    `emergency   ${missingText(authority.emergency)} beside the author${emergency.alone ? '; or the author alone, reviewed within ' : ''}${emergency.alone ? `${emergency.review_within_minutes} minutes` : ''}`,
    `rollback    ${rollback}`,
    `in freezes  scheduled changes ${when_frozen}`,
    `needs none  ${standard.map(({ name }) => name).join(', ') || 'nothing'}`,
  ].join('\n');
}
