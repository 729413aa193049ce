/** drift: what was edited past HiveKey; objects: what is under change control, now and at any instant. */
import type { Drift, DriftFinding, ObjectVersion, ObjectVersionSummary } from '@hivekey/sdk';
import type { Command } from 'commander';
import { EXIT } from '../exit.ts';
import { type Columns, when } from '../output.ts';
import { online } from '../run.ts';
import { moment, wholeNumber } from '../values.ts';

const FINDINGS: Columns<DriftFinding> = {
  what: ({ what }) => what,
  object: ({ object_type, object_id }) => `${object_type} ${object_id}`,
  approved: ({ expected }) => shortHash(expected),
  found: ({ found }) => shortHash(found),
  holds: ({ holds }) => holds,
  since: ({ found_at }) => when(found_at),
};

const OBJECTS: Columns<ObjectVersionSummary> = {
  type: ({ type }) => type,
  id: ({ id }) => id,
  version: ({ version, sha256 }) => (sha256 === null ? `${version}, removed` : String(version)),
  basis: ({ basis, change }) => change ?? basis,
  author: ({ author }) => author,
  since: ({ activated_at }) => when(activated_at),
};

function shortHash(text: string): string {
  return text.startsWith('sha256:') ? text.slice(7, 19) : text;
}

function pathOf(type: string, id: string): string {
  return `/v1/objects/${encodeURIComponent(type)}/${encodeURIComponent(id)}`;
}

/** The second of the epoch that is asked for. */
function secondOf(at: string | undefined): { readonly at?: number } {
  return at === undefined ? {} : { at: Math.floor(Date.parse(at) / 1000) };
}

export function addDriftCommands(program: Command): void {
  const drift = program.command('drift').description('what was edited past HiveKey');
  drift
    .command('show', { isDefault: true })
    .description('what differs from what was approved; exit 3 where something does')
    .option('--check', 'look now')
    .action(
      online<[], { check?: true }>(async ({ out, hivekey }, { check }) => {
        const { found, objects } = await (check === undefined
          ? hivekey.request<Drift>('GET', '/v1/drift')
          : hivekey.request<Drift>('POST', '/v1/drift/check', { body: {} }));
        out.table(found, FINDINGS, `Nothing differs, in ${objects} objects.`);
        return found.length === 0 ? EXIT.done : EXIT.checkFailed;
      }),
    );
  drift
    .command('restore')
    .description('put back what was approved, all of it at once')
    .requiredOption('--reason <text>', 'why')
    .action(
      online<[], { reason: string }>(async ({ out, hivekey }, { reason }) => {
        const done = await hivekey.request<Drift & { readonly restored: number }>('POST', '/v1/drift/restore', {
          body: { reason },
        });
        const { restored, found } = done;
        out.result(done, () => `${restored} objects were put back; ${found.length} findings are left.`);
        return found.length === 0 ? EXIT.done : EXIT.checkFailed;
      }),
    );

  const objects = program.command('objects').description('what is under change control, now or at an instant');
  objects
    .command('list', { isDefault: true })
    .description('each at its newest version, or as it was')
    .option('--type <type>', 'of one type')
    .option('--at <time>', 'as they were then', moment)
    .action(
      online<[], { type?: string; at?: string }>(async ({ out, hivekey }, { type, at }) => {
        const query = { ...(type === undefined ? {} : { type }), ...secondOf(at) };
        out.table(await hivekey.all<ObjectVersionSummary>('/v1/objects', query), OBJECTS, 'There are none.');
        return undefined;
      }),
    );
  objects
    .command('get <type> <id>')
    .description('an object with its document')
    .option('--at-version <n>', 'at this version', wholeNumber)
    .option('--at <time>', 'as it was then', moment)
    .action(
      online<[string, string], { atVersion?: number; at?: string }>(
        async ({ out, hivekey }, { atVersion: version, at }, type, id) => {
          const query = { ...(version === undefined ? {} : { version }), ...secondOf(at) };
          const found = await hivekey.request<ObjectVersion>('GET', pathOf(type, id), { query });
          out.result(found, () => JSON.stringify(found, null, 2));
          return undefined;
        },
      ),
    );
  objects
    .command('versions <type> <id>')
    .description('all of its versions, newest first')
    .action(
      online<[string, string], object>(async ({ out, hivekey }, _, type, id) => {
        const found = await hivekey.all<ObjectVersion>(`${pathOf(type, id)}/versions`);
        out.table(found, OBJECTS, 'There are none.');
        return undefined;
      }),
    );
}
