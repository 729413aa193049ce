export {
  ACTION_LOG_FOLDER,
  CHAIN_INDEX_FILE,
  CHAIN_INDEX_HEADER,
  chainIndexLine,
  ENTRIES_FOLDER,
  LOG_EXPORT_FOLDER,
} from './bundle/action-log.ts';
export { type BundleChanges, bundleChanges } from './bundle/changes.ts';
export { type IndexedFile, indexHeader, indexTables } from './bundle/index-tables.ts';
export { type Absent, absentParts } from './bundle/layout.ts';
export {
  formatFileManifest,
  isBundlePath,
  MANIFEST_FILE,
  type ManifestEntry,
  parseFileManifest,
  SIGNATURE_FILES,
} from './bundle/manifest.ts';
export { type BundleFacts, RETENTION_CLASS, readmeDocument } from './bundle/readme.ts';
export {
  type PublicSigner,
  publicSigner,
  rawSignature,
  SIGNATURE_NAMESPACE,
  SIGNER,
  sshSignature,
} from './bundle/signing.ts';
export { type BundlePredicate, formatStatement, readStatement } from './bundle/statement.ts';
export { checkTimestamp, timestampRequest } from './bundle/timestamp.ts';
export { type BundleReport, verifyBundle } from './bundle/verify/bundle.ts';
export type { BundleDefect, BundleDefectCode } from './bundle/verify/report.ts';
export type { BundleFile, BundleSource } from './bundle/verify/source.ts';
export { type AnswerClaim, type AnswerView, answerDocument } from './documents/answer.ts';
export { renderHtml } from './documents/html.ts';
export { type MatrixView, matrixDocument } from './documents/matrix.ts';
export type { Block, DocumentColumn, Emphasis, EvidenceDocument, Frame, Span } from './documents/model.ts';
export { renderPdf } from './documents/pdf.ts';
export { readinessDocument } from './documents/readiness.ts';
export {
  type Revocation,
  type RevokedTool,
  revocationDocument,
  revocationSentence,
  revocationSvg,
} from './documents/revocation.ts';
export { type Signature, type SignOff, signOffDocument } from './documents/sign-off.ts';
export { frameOf, PDF_ROWS, type ReportTable, tablesDocument } from './documents/tables.ts';
export { type HeaderField, headerFields, ipeJson, SELF_ASSESSMENT } from './ipe.ts';
export {
  type Digest,
  type DrawnUnit,
  listHash,
  MAX_SAMPLE,
  PopulationCounter,
  type PopulationSummary,
  planSample,
  populationLine,
  rankOf,
  SampleDraw,
  type SampleMethod,
  type SamplePlan,
  type SampleRequest,
  SEED,
  type Unit,
  unitText,
} from './sampler.ts';
export { textOf, WrongCell } from './tables/cell.ts';
export { shown } from './tables/neutral.ts';
export { Totals, type TotalsWanted } from './tables/totals.ts';
export {
  type Chunk,
  type FileFacts,
  type TableFacts,
  type TableFormat,
  type TablesOptions,
  type Writing,
  type Written,
  writeTables,
} from './tables/write.ts';
export { ZipWriter } from './tables/zip.ts';
export type * from './types.ts';
