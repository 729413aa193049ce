/**
 * How the action log of a period lies in a bundle, below `07_action-log/`. All of it is one export of the log
 * (docs/reference/log-format.md), so that whoever has the bundle can do everything that `hivekey verify` does:
 *
 * - `entries/<yyyy-mm>.jsonl.gz`: the lines of the export's `entries.jsonl` as they are, cut at months of `recorded_at` of the first
 *   line of each file; unpacked one after the other in the order of their names they are that file again.
 * - `log/`: the other files of the export under their own names (`manifest.json`, `verifier.key`, `checkpoint`, `checkpoints.jsonl`,
 *   `proof.json`, and `absences.jsonl` where payloads have left the log).
 * - `chain_index.csv`: a row for each entry with its hashes and nothing of its content, so that gaps and cuts show even where entries
 *   themselves are not disclosed: `seq` without a gap, `link = SHA-256(previous_link ‖ entry_hash)`, `previous_link` the link of the
 *   entry before it of the same shard. With the hashes of `log/proof.json` on both sides, the entry hashes give the root that
 *   `log/checkpoint` signs.
 */
export const ACTION_LOG_FOLDER = '07_action-log';
export const CHAIN_INDEX_FILE = 'chain_index.csv';
export const LOG_EXPORT_FOLDER = 'log';
export const ENTRIES_FOLDER = 'entries';

export const CHAIN_INDEX_HEADER = 'seq,entry_hash,link,previous_link,shard';

/** Hashes as 64 lower-case hex digits. With its line feed. */
export function chainIndexLine(row: {
  readonly seq: number;
  readonly entryHash: string;
  readonly link: string;
  readonly previousLink: string;
  readonly shard: string;
}): string {
  return `${row.seq},${row.entryHash},${row.link},${row.previousLink},${row.shard}\n`;
}
