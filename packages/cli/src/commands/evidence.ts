/** evidence: bundles for an auditor: made, listed, taken, and checked with no server. */
import { createHash } from 'node:crypto';
import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BundleReport, verifyBundle } from '@hivekey/evidence';
import { type EvidenceBundle, type EvidenceKey, type HiveKey, HiveKeyError } from '@hivekey/sdk';
import { type Command, InvalidArgumentError } from 'commander';
import { openBundle } from '../bundle-folder.ts';
import { EXIT, UsageError } from '../exit.ts';
import { type Columns, type Output, paint, printable, when } from '../output.ts';
import { offline, online } from '../run.ts';
import { moment, repeated, wholeNumber } from '../values.ts';

const LOOK_EVERY_MS = 1_000;

const BUNDLES: Columns<EvidenceBundle> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  status: ({ status, failure, step }) => failure?.code ?? (step === '' ? status : `${status}: ${step}`),
  'as of': ({ as_of }) => as_of ?? '',
  files: ({ files }) => String(files ?? ''),
  bytes: ({ bytes }) => String(bytes ?? ''),
  'dispose after': ({ dispose_at }) => when(dispose_at),
};

interface ExportFlags {
  readonly from: string;
  readonly to: string;
  readonly include?: readonly string[];
  readonly reason?: string;
  readonly retainDays?: number;
  readonly output?: string;
}

async function exportBundle(out: Output, hivekey: HiveKey, flags: ExportFlags): Promise<number> {
  const { from, to, include, reason, retainDays, output } = flags;
  let bundle = await hivekey.request<EvidenceBundle>('POST', '/v1/evidence/bundles', {
    body: { from, to, include, reason, retain_days: retainDays },
  });
  for (let step = ''; bundle.status === 'building'; await sleep(LOOK_EVERY_MS)) {
    if (bundle.step !== step) out.note(`building ${bundle.step}`);
    step = bundle.step;
    bundle = await hivekey.request<EvidenceBundle>('GET', pathOf(bundle.id));
  }
  if (bundle.failure !== null) throw new HiveKeyError(409, bundle.failure);
  return download(out, hivekey, bundle, output);
}

const pathOf = (id: string, more = ''): string => `/v1/evidence/bundles/${encodeURIComponent(id)}${more}`;

/** It has its name when all of it is there, and is what the server made. */
async function download(
  out: Output,
  hivekey: HiveKey,
  bundle: EvidenceBundle,
  path = `${bundle.name}.tar`,
): Promise<number> {
  const response = await hivekey.stream('GET', pathOf(bundle.id, '/download'), {
    headers: { accept: 'application/x-tar' },
  });
  const partial = `${path}.partial`;
  const digest = createHash('sha256');
  const hashed = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      digest.update(chunk);
      done(null, chunk);
    },
  });
  try {
    await pipeline(Readable.fromWeb(bodyOf(response)), hashed, createWriteStream(partial, { mode: 0o600 }));
    if (digest.digest('hex') !== bundle.sha256)
      throw new HiveKeyError(200, {
        code: 'archive_broken',
        cause: 'What was received is not what the server made.',
        remedy: 'Download it again.',
      });
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
  out.result({ ...bundle, path }, () =>
    [
      `${path}: ${bundle.files} files, ${bundle.bytes} bytes, as of ${bundle.as_of}`,
      `sha256       ${bundle.sha256}`,
      `manifest     ${bundle.manifest_sha256}`,
      `key          ${bundle.key_fingerprint}`,
      `time-stamp   ${bundle.timestamped_at === null ? 'none' : when(bundle.timestamped_at)}`,
      ...(bundle.absent ?? []).map(({ part, why }) => paint('dim', `not included ${printable(part)}: ${why}`)),
    ].join('\n'),
  );
  return EXIT.done;
}

function bodyOf({ body }: Response): Parameters<typeof Readable.fromWeb>[0] {
  if (body !== null) return body;
  throw new HiveKeyError(200, {
    code: 'archive_broken',
    cause: 'The archive is empty.',
    remedy: 'Download it again.',
  });
}

function verifyText({ isVerified, defects, defectsLeftOut, ...found }: BundleReport): string {
  const { fingerprint, timestampedAt, files, tables, log } = found;
  return [
    ...(fingerprint === null ? [] : [`key          ${fingerprint}`]),
    `time-stamp   ${timestampedAt ?? 'none'}`,
    `files        ${files}`,
    `tables       ${tables.count} with headers that fit, ${tables.rows} rows`,
    ...(log?.log === undefined
      ? ['log          no entries in the bundle']
      : [
          `log          ${printable(log.log.origin)}, entries ${log.log.first} to ${log.log.last} of ${log.log.treeSize}${log.isVerified ? '' : ', not verified'}`,
        ]),
    ...defects.map(
      ({ code, place, message }) => `${paint('red', `✗ ${code}`)}  ${printable(place)}\n    ${printable(message)}`,
    ),
    ...(defectsLeftOut === 0 ? [] : [`… and ${defectsLeftOut} more`]),
    isVerified ? paint('green', 'VERIFIED') : paint('red', 'NOT VERIFIED'),
  ].join('\n');
}

function fingerprint(text: string): string {
  if (/^SHA256:[A-Za-z0-9+/]{43}$/.test(text)) return text;
  throw new InvalidArgumentError('It looks like SHA256: and 43 letters, as ssh-keygen -l prints it.');
}

function keyText({ fingerprint: current, allowed_signers: signers, used }: EvidenceKey): string {
  return [
    current,
    signers.trim(),
    ...used.map((key) => {
      const until = key.retired_at === null ? '' : `, retired ${when(key.retired_at)}`;
      return paint('dim', `${key.fingerprint}  used from ${when(key.first_used_at)}${until}`);
    }),
  ].join('\n');
}

export function addEvidenceCommands(program: Command): void {
  const evidence = program.command('evidence').description('evidence for an auditor');

  evidence
    .command('export')
    .description('have a bundle built and take it: every report of a period, signed; exit 1 where none can be made')
    .requiredOption('--from <time>', 'first instant of the period', moment)
    .requiredOption('--to <time>', 'first instant after it', moment)
    .option('--include <report>', 'only this report; repeatable', repeated)
    .option('--reason <text>', 'why another bundle of this period is made')
    .option('--retain-days <days>', 'how long the server keeps it (default: 7 years)', wholeNumber)
    .option('-o, --output <file>', 'where the archive goes (default: its name with .tar)')
    .addHelpText('after', '\nExample:\n  hivekey evidence export --from 2026-07-01 --to 2026-10-01')
    .action(
      online<[], ExportFlags>(async ({ out, hivekey }, flags) => {
        if (flags.from >= flags.to)
          throw new UsageError('The period ends before it begins.', 'Exchange --from and --to.');
        return exportBundle(out, hivekey, flags);
      }),
    );

  evidence
    .command('list')
    .description('bundles that were made, newest first')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        out.table(await hivekey.all<EvidenceBundle>('/v1/evidence/bundles'), BUNDLES, 'There are none.');
        return undefined;
      }),
    );

  evidence
    .command('download <bundle>')
    .description('take a bundle that is ready')
    .option('-o, --output <file>', 'where the archive goes (default: its name with .tar)')
    .action(
      online<[string], { readonly output?: string }>(async ({ out, hivekey }, { output }, id) =>
        download(out, hivekey, await hivekey.request<EvidenceBundle>('GET', pathOf(id)), output),
      ),
    );

  evidence
    .command('verify <bundle>')
    .description('check a bundle (folder, tar or zip) with no server; exit 3 unless everything holds')
    .option('--fingerprint <fingerprint>', 'of the key, from another source than the bundle', fingerprint)
    .addHelpText(
      'after',
      '\nThe fingerprint is in the engagement letter, in the system description, and at /.well-known/hivekey-evidence-key.\nWithout it a bundle is not verified: whoever made it could have made its key.',
    )
    .action(
      offline<[string], { readonly fingerprint?: string }>(async (out, flags, path) => {
        const bundle = await openBundle(path);
        try {
          const report = await verifyBundle(bundle.source, flags.fingerprint);
          out.result(report, () => verifyText(report));
          return report.isVerified ? EXIT.done : EXIT.checkFailed;
        } finally {
          await bundle.close();
        }
      }),
    );

  evidence
    .command('key')
    .description('the key that signs evidence; --rotate: sign with another one from now on')
    .option('--rotate', 'make another key; needs --reason')
    .option('--reason <text>', 'why')
    .action(
      online<[], { readonly rotate?: true; readonly reason?: string }>(async ({ out, hivekey }, { rotate, reason }) => {
        if (rotate === true && reason === undefined)
          throw new UsageError('A change of the key takes a reason.', 'Add --reason.');
        const key =
          rotate === true
            ? await hivekey.request<EvidenceKey>('POST', '/v1/evidence/key/rotate', { body: { reason } })
            : await hivekey.request<EvidenceKey>('GET', '/v1/evidence/key');
        out.result(key, () => keyText(key));
        return undefined;
      }),
    );
}
