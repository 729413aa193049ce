/** No bundle is made over a log that does not verify: an integrity claim on top of a broken log is worth less than none. */
import { type ExportSource, parseVerifierKey, verifyExport } from '@hivekey/action-log';
import type { Period } from '@hivekey/evidence';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LogExport, RunningLog } from '../log/index.ts';

/** Every entry of the period against its hash, the chain and the signed checkpoint. An empty period passes. Throws `log_unverified`. */
export async function requireVerifiedLog(
  log: Pick<RunningLog, 'export' | 'verifierKey'>,
  workspaceId: WorkspaceId,
  { from, to }: Period,
): Promise<void> {
  const exported = await exportOf(log, workspaceId, { from: new Date(from), to: new Date(to) });
  if (exported === undefined) return;
  const trustedKey = parseVerifierKey(log.verifierKey(workspaceId));
  const report = await verifyExport(sourceOf(exported), { trustedKey });
  if (report.isVerified) return;
  const found = report.findings.filter(({ fatal }) => fatal);
  throw new Failure(
    409,
    'log_unverified',
    `The log of the period does not verify: ${found
      .slice(0, 3)
      .map(({ code, place }) => `${code} at ${place}`)
      .join('; ')}.`,
    'Run hivekey verify --live, find out what happened to the log, and open an incident; nothing is signed over it.',
    found.slice(0, 20).map(({ code, place, message }) => ({ code, place, message })),
  );
}

async function exportOf(
  log: Pick<RunningLog, 'export'>,
  workspaceId: WorkspaceId,
  period: { readonly from: Date; readonly to: Date },
): Promise<LogExport | undefined> {
  try {
    return await log.export(workspaceId, period);
  } catch (error) {
    if (error instanceof Failure && error.code === 'log_range_empty') return undefined;
    throw error;
  }
}

/** Each file is read once, from its beginning, as the verifier does without threads. */
function sourceOf({ files }: LogExport): ExportSource {
  const fileOf = (path: string) => files.find((each) => each.path === path);
  return {
    size: async (path) => fileOf(path)?.size,
    read: (path) => fileOf(path)?.chunks ?? nothing(),
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
