/**
 * Builds a bundle: every report from one snapshot into a folder, then what is said about them, the manifest, the signatures, and the
 * archive. Nothing is kept in memory but a few buffers and the list of files.
 */
import { hash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import {
  absentParts,
  type BundleFacts,
  bundleChanges,
  formatFileManifest,
  formatStatement,
  type IndexedFile,
  indexHeader,
  indexTables,
  ipeJson,
  MANIFEST_FILE,
  parseFileManifest,
  publicSigner,
  rawSignature,
  readmeDocument,
  renderHtml,
  renderPdf,
  SIGNATURE_FILES,
  sshSignature,
  type TableFormat,
  writeTables,
} from '@hivekey/evidence';
import { Failure } from '../errors.ts';
import {
  allReports,
  inSnapshot,
  type Report,
  type ReportScope,
  type Snapshot,
  scopeOf,
  writeReport,
} from '../evidence/index.ts';
import { archiveFolder } from './archive.ts';
import { askTimestamp, type Timestamp } from './authority.ts';
import { BundleFolder, type WrittenFile } from './folder.ts';
import type { BuiltBundle, BundleTask } from './task.ts';
import { requireVerifiedLog } from './verified-log.ts';

const FORMATS: readonly TableFormat[] = ['csv', 'xlsx', 'json'];
/** The population of the log is larger than a spreadsheet, and its entries are there as JSON Lines already. */
const FORMATS_OF_THE_LOG: readonly TableFormat[] = ['csv'];
const REPORT_OF_THE_LOG = 'action-log';
const SCRIPTS = ['verify.sh', 'verify.ps1', 'verify.py'];
const KEY_PATH = '/.well-known/hivekey-evidence-key';

export type BuildContext = ReportScope['context'];

/** `tell`: what is being written. Throws the Failures `log_unverified`, `timestamp_failed`, `report_failed` and what reports throw. */
export async function buildBundle(
  context: BuildContext,
  task: BundleTask,
  tell: (step: string) => void,
): Promise<BuiltBundle> {
  await rm(task.folder, { recursive: true, force: true });
  await mkdir(task.folder, { recursive: true, mode: 0o700 });
  const folder = new BundleFolder(task.folder);
  try {
    tell('verifying the log');
    const { workspaceId, bundle } = task;
    await requireVerifiedLog(context.log, workspaceId, bundle);
    const [indexed, snapshot] = await inSnapshot(context, workspaceId, async (found) => [
      await writeReports(context, found, task, folder, tell),
      { ...found, client: undefined },
    ]);
    tell('signing');
    return await finish(context, task, folder, indexed, snapshot);
  } finally {
    await folder.abandon();
    await rm(task.folder, { recursive: true, force: true });
  }
}

async function writeReports(
  context: BuildContext,
  snapshot: Snapshot,
  { bundle }: BundleTask,
  folder: BundleFolder,
  tell: (step: string) => void,
): Promise<readonly IndexedFile[]> {
  const indexed: IndexedFile[] = [];
  const by = { person: bundle.requestedBy, session: bundle.session, generatedAt: snapshot.asOf };
  const period = { from: bundle.from, to: bundle.to };
  for (const report of allReports()) {
    if (bundle.include?.includes(report.id) === false) continue;
    tell(`${report.folder}/${report.id}`);
    const scope = scopeOf(context, snapshot, { report, period, parameters: {} });
    try {
      indexed.push(...(await writeOne(report, scope, snapshot, by, folder)));
    } catch (error) {
      throw error instanceof Failure ? error : new ReportFailed(report.id, error);
    }
  }
  return indexed;
}

/** A report that broke: a mistake of ours, told by its name. */
export class ReportFailed extends Error {
  readonly report: string;

  constructor(report: string, cause: unknown) {
    super(`the report ${report} broke off`, { cause });
    this.report = report;
  }
}

async function writeOne(
  report: Report,
  scope: ReportScope,
  snapshot: Snapshot,
  by: { readonly person: string; readonly session: string | null; readonly generatedAt: string },
  folder: BundleFolder,
): Promise<readonly IndexedFile[]> {
  const files = new Map<string, IndexedFile>();
  const add = (title: string, rows: number | null, { path, sha256, bytes }: WrittenFile): void => {
    const { id, item, controls } = report;
    files.set(path, { path, report: id, title, item, controls, rows, sha256, bytes });
  };
  const formats = report.id === REPORT_OF_THE_LOG ? FORMATS_OF_THE_LOG : FORMATS;
  const writing = await writeReport(report, scope, snapshot, formats, by);
  for await (const { file, bytes } of writing.chunks) await folder.append(`${report.folder}/${file}`, bytes);
  const { headers, files: made, tables, attachments } = writing.finish();
  for (const name of Object.keys(made)) {
    const table = report.tables.find((each) => name.startsWith(`${each.name}.`) && !name.endsWith('.xlsx'));
    const rows = table === undefined ? null : (tables[table.name]?.rows ?? null);
    add(table?.title ?? report.title, rows, await folder.close(`${report.folder}/${name}`));
  }
  for (const [table, header] of Object.entries(headers))
    add(`Where ${table} comes from`, null, await folder.write(`${report.folder}/${table}.ipe.json`, ipeJson(header)));
  for await (const { path: name, bytes } of attachments()) {
    const path = `${report.folder}/${name}`;
    // What a report lays out itself goes before a table of the same name.
    if (files.has(path)) await folder.remove(path);
    add(report.title, null, await folder.write(path, bytes));
  }
  return [...files.values()];
}

async function finish(
  { url, version }: BuildContext,
  task: BundleTask,
  folder: BundleFolder,
  indexed: readonly IndexedFile[],
  snapshot: Omit<Snapshot, 'client'>,
): Promise<BuiltBundle> {
  const { bundle, authority, signingKey } = task;
  const period = { from: bundle.from, to: bundle.to };
  const { asOf } = snapshot;
  const signer = publicSigner(signingKey);
  const asked = new Set(
    allReports().flatMap(({ id, folder: of }) => (bundle.include?.includes(id) === false ? [] : of)),
  );
  const known = new Set(allReports().map((report) => report.folder));
  const absent = absentParts(
    indexed.map(({ path }) => path),
    (of) => known.has(of) && !asked.has(of),
  );
  const previous = previousOf(task, folder.written);
  const facts: BundleFacts = {
    name: bundle.name,
    version: bundle.version,
    tenant: snapshot.workspace.name,
    environment: snapshot.workspace.environment,
    period,
    asOf,
    generatedAt: asOf,
    generatedBy: bundle.requestedBy,
    generator: `HiveKey ${version}`,
    log: snapshot.log,
    fingerprint: signer.fingerprint,
    keyUrl: `${url}${KEY_PATH}`,
    hasTimestamp: authority !== null,
    disposeOn: bundle.disposeOn,
    previous,
    absent,
    isSample: snapshot.isSampleData,
  };
  await writeIndex(folder, facts, indexed);
  const readme = readmeDocument(facts, indexed);
  await folder.write('README.html', renderHtml(readme));
  await folder.write('README.pdf', await renderPdf(readme));
  await folder.write('keys/allowed_signers', signer.allowedSigners);
  await folder.write('keys/pub.pem', signer.pem);
  await folder.write('keys/FINGERPRINT.txt', `${signer.fingerprint}\n`);
  if (authority !== null) await folder.write('keys/tsa-ca.pem', authority.certificates);
  for (const name of SCRIPTS)
    await folder.write(
      `verify/${name}`,
      await readFile(new URL(import.meta.resolve(`@hivekey/evidence/scripts/${name}`))),
    );

  const manifest = formatFileManifest(folder.written);
  const stamp = await writeSignatures(task, facts, snapshot, folder, Buffer.from(manifest));
  const paths = folder.written.map(({ path }) => path).sort();
  const archive = await archiveFolder(folder.path, bundle.name, paths, new Date(bundle.from), task.archive);
  return {
    asOf,
    files: paths.length,
    ...archive,
    manifest,
    manifestSha256: hash('sha256', manifest),
    changes: previous?.changes ?? null,
    absent,
    fingerprint: signer.fingerprint,
    timestampedAt: stamp?.at ?? null,
  };
}

function previousOf({ previous, bundle }: BundleTask, written: readonly WrittenFile[]): BundleFacts['previous'] {
  if (previous === null) return null;
  const before = parseFileManifest(previous.manifest);
  if (before === undefined) throw new Error(`the manifest of version ${previous.version} cannot be read`);
  return {
    version: previous.version,
    manifest: `sha256:${previous.manifestSha256}`,
    reason: bundle.reason,
    changes: bundleChanges(before, written),
  };
}

async function writeIndex(folder: BundleFolder, facts: BundleFacts, indexed: readonly IndexedFile[]): Promise<void> {
  const { byItem, byCriterion } = indexTables(indexed, facts.period, facts.asOf);
  const csv = writeTables([byItem], ['csv']);
  for await (const { bytes } of csv.chunks) await folder.append('INDEX.csv', bytes);
  await folder.close('INDEX.csv');
  const workbook = writeTables([byItem, byCriterion], ['xlsx'], {
    headers: async (written) =>
      [byItem, byCriterion].flatMap((table) => {
        const of = written[table.name];
        return of === undefined ? [] : [indexHeader(facts, table, of)];
      }),
  });
  for await (const { bytes } of workbook.chunks) await folder.append('INDEX.xlsx', bytes);
  await folder.close('INDEX.xlsx');
}

/** They stand beside the manifest and not in it. */
async function writeSignatures(
  { signingKey, authority, previous }: BundleTask,
  facts: BundleFacts,
  snapshot: Omit<Snapshot, 'client'>,
  folder: BundleFolder,
  manifest: Buffer,
): Promise<Timestamp | undefined> {
  const files = folder.written.length;
  await folder.write(MANIFEST_FILE, manifest);
  await folder.write(SIGNATURE_FILES.ssh, sshSignature(signingKey, manifest));
  await folder.write(SIGNATURE_FILES.raw, rawSignature(signingKey, manifest));
  const statement = formatStatement(signingKey, manifest, {
    bundle: facts.name,
    version: facts.version,
    tenant: facts.tenant,
    environment: facts.environment,
    period_from: facts.period.from,
    period_to: facts.period.to,
    as_of: facts.asOf,
    generated_at: facts.generatedAt,
    generated_by: facts.generatedBy,
    generator: facts.generator,
    files,
    log_size: snapshot.log.size,
    log_head: snapshot.log.head,
    log_checkpoint: snapshot.log.checkpoint,
    previous_manifest: previous === null ? null : `sha256:${previous.manifestSha256}`,
    sample_data: facts.isSample,
  });
  await folder.write(SIGNATURE_FILES.statement, statement);
  if (authority === null) return undefined;
  const stamp = await askTimestamp(authority, manifest);
  await folder.write(SIGNATURE_FILES.timestamp, stamp.answer);
  return stamp;
}
