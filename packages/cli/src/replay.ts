/** A policy over an exported log: verified first, then read line by line, in memory that does not grow with it. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  EXPORT_FILES,
  formatHash,
  parseCheckpoint,
  parseNote,
  type VerifierKey,
  verifyExport,
} from '@hivekey/action-log';
import { type PolicySet, Replay, type ReplayedCall, type Verdict } from '@hivekey/policy';
import { UsageError } from './exit.ts';
import { folderSource, threadedParts } from './export-folder.ts';
import { readText } from './values.ts';

export interface ReplayReport {
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
  readonly calls: number;
  readonly same: number;
  readonly changed: number;
  readonly unreplayable: number;
  /** Changes by what was and what would be, most first. */
  readonly by_rule: readonly {
    readonly before: Verdict;
    readonly after: Verdict;
    readonly rule: string | null;
    readonly calls: number;
  }[];
  readonly unreplayable_by: readonly { readonly why: string; readonly detail: string; readonly calls: number }[];
  /** The first of them. */
  readonly changes: readonly ReplayedCall[];
}

interface ReplayQuestion {
  readonly folder: string;
  readonly set: PolicySet;
  /** Calls before it fill the windows, and are not reported. */
  readonly since: string | undefined;
  readonly key: VerifierKey | undefined;
  readonly limit: number;
}

/** Most kinds of reasons that are counted one by one. */
const MAX_KINDS = 1_000;

/** Throws a UsageError for an export that does not verify: nothing is said about a log that may not be the one. */
export async function replayFolder({ folder, set, since, key, limit }: ReplayQuestion): Promise<ReplayReport> {
  const log = await verifiedLog(folder, key);
  const sinceMs = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
  const tally = new Tally(limit);
  const replay = new Replay({
    set,
    isFromStart: log.first === 1,
    onCall: (call) => {
      if (Date.parse(call.ts) >= sinceMs) tally.add(call);
    },
  });
  const lines = createInterface({ input: createReadStream(join(folder, EXPORT_FILES.entries)), crlfDelay: 0 });
  for await (const line of lines) {
    const { record, seq } = JSON.parse(line);
    replay.add(record, seq);
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

class Tally {
  readonly #limit: number;
  readonly #changes: ReplayedCall[] = [];
  readonly #byRule = new Map<string, ReplayReport['by_rule'][number]>();
  readonly #unreplayableBy = new Map<string, ReplayReport['unreplayable_by'][number]>();
  #calls = 0;
  #same = 0;
  #changed = 0;
  #unreplayable = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(call: ReplayedCall): void {
    const { before, after } = call;
    this.#calls += 1;
    if ('unreplayable' in after) {
      this.#unreplayable += 1;
      const { unreplayable: why, detail } = after;
      count(this.#unreplayableBy, `${why} ${detail}`, { why, detail, calls: 0 });
    } else if (after.verdict === before.verdict) this.#same += 1;
    else {
      this.#changed += 1;
      if (this.#changes.length < this.#limit) this.#changes.push(call);
      const rule = after.rule ?? before.rule ?? null;
      const kind = { before: before.verdict, after: after.verdict, rule, calls: 0 };
      count(this.#byRule, `${before.verdict} ${after.verdict} ${rule}`, kind);
    }
  }

  result() {
    return {
      calls: this.#calls,
      same: this.#same,
      changed: this.#changed,
      unreplayable: this.#unreplayable,
      by_rule: mostFirst(this.#byRule),
      unreplayable_by: mostFirst(this.#unreplayableBy),
      changes: this.#changes,
    };
  }
}

function count<T extends { readonly calls: number }>(kinds: Map<string, T>, key: string, kind: T): void {
  const held = kinds.get(key);
  if (held === undefined && kinds.size >= MAX_KINDS) return;
  kinds.set(key, { ...kind, calls: (held?.calls ?? 0) + 1 });
}

function mostFirst<T extends { readonly calls: number }>(kinds: ReadonlyMap<string, T>): readonly T[] {
  return [...kinds.values()].sort((a, b) => b.calls - a.calls);
}
