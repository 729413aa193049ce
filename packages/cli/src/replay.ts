/** A policy over an exported log: verified first, then read line by line, in memory that does not grow with it. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  EXPORT_FILES,
  formatHash,
  parseCheckpoint,
  parseJson,
  parseNote,
  type VerifierKey,
  verifyExport,
} from '@hivekey/action-log';
import { type PolicySet, Replay, type ReplayCounts, ReplayTally } from '@hivekey/policy';
import { UsageError } from './exit.ts';
import { folderSource, threadedParts } from './export-folder.ts';
import { readText } from './values.ts';

export interface ReplayReport extends ReplayCounts {
  readonly object: 'policy_replay';
  /** What the answer is bound to: these entries under this root, and this policy. */
  readonly log: {
    readonly origin: string;
    readonly first: number;
    readonly last: number;
    readonly tree_size: number;
    readonly root: string;
    /** Whether the key that signed it was given, and not only brought along. */
    readonly key_trusted: boolean;
  };
  readonly policy: string;
  readonly since: string | null;
}

interface ReplayQuestion {
  readonly folder: string;
  readonly set: PolicySet;
  /** Calls before it fill the windows, and are not reported. */
  readonly since: string | undefined;
  readonly key: VerifierKey | undefined;
  readonly limit: number;
}

/** Throws a UsageError for an export that does not verify: nothing is said about a log that may not be the one. */
export async function replayFolder({ folder, set, since, key, limit }: ReplayQuestion): Promise<ReplayReport> {
  const log = await verifiedLog(folder, key);
  const sinceMs = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
  const tally = new ReplayTally(limit);
  const replay = new Replay({
    set,
    isFromStart: log.first === 1,
    onCall: (call) => {
      if (Date.parse(call.ts) >= sinceMs) tally.add(call);
    },
  });
  const lines = createInterface({ input: createReadStream(join(folder, EXPORT_FILES.entries)), crlfDelay: 0 });
  for await (const line of lines) {
    const { record, seq } = parseJson(line);
    // Of what has left the log nothing can be decided again.
    if (record !== null) replay.add(record, seq);
  }
  return { object: 'policy_replay', log, policy: replay.policyHash, since: since ?? null, ...tally.result() };
}

async function verifiedLog(folder: string, key: VerifierKey | undefined): Promise<ReplayReport['log']> {
  const parts = await threadedParts(folder);
  const report = await verifyExport(folderSource(folder), {
    ...(key === undefined ? {} : { trustedKey: key }),
    ...(parts === undefined ? {} : { parts }),
  });
  const { log } = report;
  if (!report.isVerified || log === undefined)
    throw new UsageError(
      `${folder} is not a log that verifies.`,
      `See what is wrong with it: hivekey verify ${folder}.`,
    );
  const note = parseNote(readText(join(folder, EXPORT_FILES.checkpoint)));
  const checkpoint = typeof note === 'string' ? note : parseCheckpoint(note.text);
  if (typeof checkpoint === 'string')
    throw new UsageError(`The checkpoint of ${folder} ${checkpoint}.`, 'Export again.');
  return {
    origin: log.origin,
    first: log.first,
    last: log.last,
    tree_size: log.treeSize,
    root: formatHash(checkpoint.root),
    key_trusted: report.key?.isTrusted === true,
  };
}
