/** Builds one bundle in a thread of its own and after everything else: nobody on the path waits for it. */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { Vault } from '../approvals/index.ts';
import { Worlds } from '../blast-radius/index.ts';
import { openPool } from '../database/index.ts';
import { Failure } from '../errors.ts';
import { openLogForReading } from '../log/index.ts';
import { type BuildContext, buildBundle, ReportFailed } from './build.ts';
import type { BundleTask, ReadingTask, ThreadMessage } from './task.ts';

const { task, reading }: { readonly task: BundleTask; readonly reading: ReadingTask } = workerData;
const NICE = 3;
/** Reports are read one after the other, each over one connection; some ask beside it. */
const MAX_CONNECTIONS = 3;
/** On Linux the priority is that of the calling thread alone; elsewhere it would be that of the whole server. */
if (process.platform === 'linux') setPriority(NICE);

function tell(message: ThreadMessage): void {
  parentPort?.postMessage(message);
}

function failureOf(error: unknown): ThreadMessage {
  if (error instanceof Failure)
    return { kind: 'failed', failure: { code: error.code, cause: error.message, remedy: error.remedy }, detail: null };
  const what = error instanceof ReportFailed ? `The report ${error.report} broke off` : 'Building it broke off';
  const detail = error instanceof Error ? `${error.stack}\n${String(error.cause ?? '')}` : String(error);
  return {
    kind: 'failed',
    failure: {
      code: error instanceof ReportFailed ? 'report_failed' : 'bundle_broke_off',
      cause: `${what}; the log of the server says how.`,
      remedy: 'Ask for another bundle without that report, and tell the maintainers.',
    },
    detail,
  };
}

const pool = openPool(reading.connectionString, MAX_CONNECTIONS);
const log = openLogForReading({
  pool,
  connectionString: reading.connectionString,
  nodeId: reading.nodeId,
  signingKey: reading.logKey,
});
const context: BuildContext = {
  pool,
  log,
  config: reading.config,
  version: reading.version,
  url: reading.url,
  worlds: new Worlds(pool),
  approvals: { vault: new Vault(reading.envelopeKey) },
};
try {
  tell({ kind: 'built', built: await buildBundle(context, task, (step) => tell({ kind: 'step', step })) });
} catch (error) {
  tell(failureOf(error));
} finally {
  await log.close();
  await pool.end();
}
