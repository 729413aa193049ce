import type { StreamCheckpoint } from '../src/index.ts';
import examples from './fixtures/examples.json' with { type: 'json' };

const { record } = examples['stream-checkpoint'].entry;

export const CHECKPOINT_ITEM: StreamCheckpoint = {
  type: 'checkpoint',
  id: 'ckp_siem-a_11_11',
  ts: record.ts,
  workspace: record.workspace,
  env: record.env,
  sink: record.sink,
  treeSize: record.tree_size,
  rootHash: record.root_hash,
  note: record.note,
  cursorSeq: 11,
  counts: record.counts,
  filter: 'without log.read',
};
