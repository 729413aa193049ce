export {
  ACTION_LOG_FOLDER,
  CHAIN_INDEX_FILE,
  CHAIN_INDEX_HEADER,
  chainIndexLine,
  ENTRIES_FOLDER,
  LOG_EXPORT_FOLDER,
} from './bundle/action-log.ts';
export {
  formatFileManifest,
  isBundlePath,
  MANIFEST_FILE,
  type ManifestEntry,
  parseFileManifest,
  SIGNATURE_FILES,
} from './bundle/manifest.ts';
export {
  type PublicSigner,
  publicSigner,
  rawSignature,
  SIGNATURE_NAMESPACE,
  SIGNER,
  sshSignature,
} from './bundle/signing.ts';
export { type BundlePredicate, formatStatement, readStatement } from './bundle/statement.ts';
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
  type TableFile,
  type TableFormat,
  type TableOptions,
  type TablesOptions,
  type Writing,
  type Written,
  writeTable,
  writeTables,
} from './tables/write.ts';
export { ZipWriter } from './tables/zip.ts';
export type * from './types.ts';
