export { canonicalJson, NotCanonical } from './canonical.ts';
export { type Checkpoint, formatCheckpoint, parseCheckpoint, type ShardHead } from './checkpoint.ts';
export { DISPOSAL_VERSION, type DisposalCertificate, disposalNote } from './disposal.ts';
export {
  ABSENCES_FILE,
  absentLineBytes,
  EXPORT_FILES,
  type ExportProof,
  type FileDigest,
  formatAbsenceLine,
  formatCheckpointLine,
  formatManifest,
  formatProof,
  lineBytes,
  MAX_EXPORTED_CHECKPOINTS,
  MAX_RECORD_BYTES,
  type Manifest,
  writeLine,
} from './export-format.ts';
export {
  type AbsenceRecord,
  type GoverningRecord,
  type HoldRecord,
  readGoverning,
} from './governing.ts';
export {
  entryHash,
  formatHash,
  HASH_BYTES,
  linkHash,
  nodeHash,
  parseHash,
  sameHash,
  sha256,
  ZERO_LINK,
} from './hashes.ts';
export { BadKey, type KeyType, parseVerifierKey, type SigningKey, signingKey, type VerifierKey } from './keys.ts';
export {
  checkNote,
  cosignatureTime,
  cosignNote,
  type Note,
  type NoteCheck,
  type NoteSignature,
  parseNote,
  signNote,
} from './note.ts';
export { parseJson } from './parse-json.ts';
export { verifyConsistency, verifyInclusion } from './proofs.ts';
export { type ContainmentReceipt, RECEIPT_VERSION, receiptNote } from './receipt.ts';
export type * from './records.ts';
export { countOfRuns, formatRuns, parseRuns, type Run, runsOf, runsWithin, sharedNumber } from './runs.ts';
export { type SignedDecisionDocument, type SignedDecisionVerdict, verifySignedDecision } from './signed-decision.ts';
export { edgeTiles, nodesFromTiles, type Tile, TileEdge, type TileLoader, type TileName, tilePath } from './tiles.ts';
export {
  completeNodes,
  consistencyProof,
  EMPTY_ROOT,
  Frontier,
  frontierAt,
  inclusionProof,
  type NodeReader,
  rootOf,
  TreeRange,
} from './tree.ts';
export type { ReportedAbsence } from './verify/absences.ts';
export type { OutsideCheckpoints } from './verify/checkpoints.ts';
export { checkEntries, type EntryPart, type EntryRun } from './verify/entry-run.ts';
export { parseManifest, parseProof } from './verify/export-files.ts';
export type { ExportSource } from './verify/source.ts';
export { type DisposalReport, verifyDisposal } from './verify/verify-disposal.ts';
export {
  type EntryParts,
  type VerifyOptions,
  type VerifyReport,
  verifyExport,
} from './verify/verify-export.ts';
export { type EventProof, type ProofReport, verifyProof } from './verify/verify-proof.ts';
export { type ReceiptReport, verifyReceipt } from './verify/verify-receipt.ts';
