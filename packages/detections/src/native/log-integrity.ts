/** D10: the log itself. It reads every entry, and entries that come again with another hash. */
import { type Match, numberField, single, textField } from '../evaluator.ts';
import type { FlatEvent } from '../types.ts';
import { Keyed } from '../windows/keyed.ts';
import { evaluator, type NativeRule, notesMemory } from './native.ts';

interface ShardHead {
  readonly seq: number;
  readonly hash: string;
  readonly time: number;
}

/** Hashes of the newest positions. */
const REMEMBERED = 1_000;
const MAX_SHARDS = 5_000;
const LOG = 'log';

export const logIntegrity: NativeRule = {
  fields: ['kind', 'ts', 'seq', 'shard', 'shard_seq', 'entry_hash', 'prev_hash', 'hash', 'tree_size', 'root_hash'],
  start(params) {
    const silenceMs = params.seconds('checkpoint_seconds') * params.number('intervals');
    const stepMs = params.seconds('clock_step_seconds');
    const shards = new Keyed<ShardHead>({ keys: MAX_SHARDS, weight: Number.POSITIVE_INFINITY });
    const numbers = new Keyed<number>();
    const positions = new Keyed<string>({ keys: REMEMBERED, weight: Number.POSITIVE_INFINITY });
    const roots = new Keyed<string>({ keys: REMEMBERED, weight: Number.POSITIVE_INFINITY });
    /** Time of the newest checkpoint; 1 under `told` while its absence was reported. */
    const checkpoints = new Keyed<number>();

    const missing = (event: FlatEvent, at: number): readonly Match[] => {
      const last = checkpoints.peek('at');
      if (last === undefined || checkpoints.peek('told') === 1 || at - last <= silenceMs) return [];
      checkpoints.set('told', 1);
      const seconds = Math.round((at - last) / 1_000);
      return [
        single(event, at, [], `no signed checkpoint for ${seconds} s`, {
          clause: 'checkpoint_missing',
          measured: { seconds },
        }),
      ];
    };
    const checkpoint = (event: FlatEvent, at: number): readonly Match[] => {
      const late = missing(event, at);
      checkpoints.set('at', Math.max(at, checkpoints.peek('at') ?? at));
      checkpoints.set('told', 0);
      const size = numberField(event, 'tree_size');
      const root = textField(event, 'root_hash');
      if (size === undefined || root === undefined) return late;
      const before = roots.peek(String(size));
      roots.set(String(size), before ?? root);
      if (before === undefined || before === root) return late;
      return [
        ...late,
        single(event, at, [], `two checkpoints of ${size} entries differ`, {
          clause: 'checkpoint_fork',
          measured: { tree_size: size },
        }),
      ];
    };
    const position = (event: FlatEvent, at: number, seq: number): readonly Match[] => {
      const hash = textField(event, 'entry_hash') ?? '';
      const last = numbers.peek(LOG);
      const before = positions.peek(String(seq));
      if (before === undefined) positions.set(String(seq), hash);
      if (last === undefined || seq > last) numbers.set(LOG, seq);
      if (before !== undefined && before !== hash)
        return [
          single(event, at, [], `two entries have the number ${seq}`, { clause: 'position_reused', measured: { seq } }),
        ];
      if (last === undefined || seq === last + 1 || before === hash) return [];
      const reason =
        seq > last ? `${seq - last - 1} entries are missing after ${last}` : `entry ${seq} comes after ${last}`;
      return [single(event, at, [], reason, { clause: 'gap', measured: { last, seq } })];
    };
    const chained = (event: FlatEvent, at: number, shard: string, seq: number): readonly Match[] => {
      const before = shards.peek(shard);
      const hash = textField(event, 'hash') ?? '';
      const time = Date.parse(textField(event, 'ts') ?? '');
      if (before === undefined || seq > before.seq) shards.set(shard, { seq, hash, time });
      if (before === undefined) return [];
      if (seq !== before.seq + 1) {
        if (seq === before.seq && hash === before.hash) return [];
        const reason =
          seq > before.seq
            ? `${seq - before.seq - 1} entries of the shard are missing after ${before.seq}`
            : `position ${seq} of the shard comes after ${before.seq}`;
        return [
          single(event, at, ['shard'], reason, { clause: 'shard_gap', measured: { last: before.seq, shard_seq: seq } }),
        ];
      }
      const matches: Match[] = [];
      if (event.prev_hash !== before.hash)
        matches.push(
          single(event, at, ['shard'], `the chain is broken before position ${seq} of the shard`, {
            clause: 'chain_broken',
            measured: { shard_seq: seq },
          }),
        );
      if (before.time - time > stepMs) {
        const seconds = Math.round((before.time - time) / 1_000);
        matches.push(
          single(event, at, ['shard'], `the clock of the shard has stepped back by ${seconds} s`, {
            clause: 'clock_step',
            level: 'medium',
            measured: { seconds },
          }),
        );
      }
      return matches;
    };
    return evaluator({
      kinds: undefined,
      memory: {
        shards: notesMemory(shards),
        numbers: notesMemory(numbers),
        positions: notesMemory(positions),
        roots: notesMemory(roots),
        checkpoints: notesMemory(checkpoints),
      },
      take(event, at) {
        if (event.kind === 'stream.checkpoint') return checkpoint(event, at);
        const seq = numberField(event, 'seq');
        const shard = textField(event, 'shard');
        const shardSeq = numberField(event, 'shard_seq');
        const matches = [...missing(event, at)];
        if (seq !== undefined) matches.push(...position(event, at, seq));
        if (shard !== undefined && shardSeq !== undefined && event.hash !== undefined)
          matches.push(...chained(event, at, shard, shardSeq));
        return matches;
      },
    });
  },
};
