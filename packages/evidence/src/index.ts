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
export type * from './types.ts';
