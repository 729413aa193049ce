export { canonicalJson, NotCanonical } from './canonical.ts';
export { type Checkpoint, formatCheckpoint, parseCheckpoint, type ShardHead } from './checkpoint.ts';
export { entryHash, formatHash, HASH_BYTES, linkHash, nodeHash, parseHash, sameHash, ZERO_LINK } from './hashes.ts';
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
export { verifyConsistency, verifyInclusion } from './proofs.ts';
export type * from './records.ts';
export { edgeTiles, nodesFromTiles, type Tile, TileEdge, type TileLoader, type TileName, tilePath } from './tiles.ts';
export {
  consistencyProof,
  EMPTY_ROOT,
  Frontier,
  frontierAt,
  inclusionProof,
  type NodeReader,
  rootOf,
  TreeRange,
} from './tree.ts';
