/** The browser's proof check against the log's own tree, notes and keys, and against every change of a forger. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalJson,
  entryHash,
  formatCheckpoint,
  formatHash,
  inclusionProof,
  type NodeReader,
  nodeHash,
  rootOf,
  signingKey,
  signNote,
} from '../../action-log/src/index.ts';
import type { EventProof } from '../src/api/types.ts';
import { checkProof } from '../src/proof/check-proof.ts';

const KEY = signingKey('hivekey/wsp_1', new Uint8Array(32).fill(7));
const { subtle } = globalThis.crypto;

type Shown = Parameters<typeof checkProof>[1];

function recordOf(i: number) {
  return { v: 1, kind: 'tool.call', event_id: `evt_${i}`, agent: 'billing-bot', args: { amount: i, note: 'ü "x"' } };
}

/** A log of `size` entries, the proof of one of them, and that event as the API shows it. */
async function prove(size: number, index: number): Promise<{ proof: EventProof; shown: Shown }> {
  const texts = Array.from({ length: size }, (_, i) => canonicalJson(recordOf(i)));
  const leaves = texts.map((text) => entryHash(text));
  const read: NodeReader = (level, at) => {
    const below = leaves.slice(at * 2 ** level, (at + 1) * 2 ** level);
    const fold = (nodes: readonly Uint8Array[]): Uint8Array =>
      nodes.length === 1 && nodes[0] !== undefined
        ? nodes[0]
        : nodeHash(fold(nodes.slice(0, nodes.length / 2)), fold(nodes.slice(nodes.length / 2)));
    return fold(below);
  };
  const canonical = texts[index] ?? '';
  const hash = formatHash(entryHash(canonical));
  const text = formatCheckpoint({ origin: KEY.verifier.name, size, root: rootOf(leaves), shards: [] });
  const path = await inclusionProof(index, size, read);
  return {
    proof: {
      event_id: `evt_${index}`,
      seq: index + 1,
      entry_hash: hash,
      leaf_index: index,
      tree_size: size,
      inclusion: path.map((each) => Buffer.from(each).toString('hex')),
      checkpoint: signNote(text, [KEY]),
      key: KEY.verifier.text,
      canonical,
    },
    shown: { ...recordOf(index), seq: index + 1, outcome: null, entry_hash: hash, prev_hash: 'p', hash: 'h' },
  };
}

async function failedAt(proof: EventProof, shown: Shown): Promise<string | undefined> {
  const { checks } = await checkProof(proof, shown, subtle);
  return checks.find(({ passed }) => !passed)?.name;
}

describe('a proof', () => {
  it('holds for every entry of trees of every shape', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 70 }).chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1))),
        async ([size, index]) => {
          const { proof, shown } = await prove(size, index);
          const { checks, keyId } = await checkProof(proof, shown, subtle);
          expect(checks.map(({ name, passed }) => [name, passed])).toEqual([
            ['record', true],
            ['entry', true],
            ['inclusion', true],
            ['signature', true],
          ]);
          expect(keyId).toBe(KEY.verifier.id);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('does not hold with any byte of its path changed, left out or added', async () => {
    const { proof, shown } = await prove(13, 5);
    await fc.assert(
      fc.asyncProperty(fc.nat(proof.inclusion.length - 1), fc.nat(31), async (at, byte) => {
        const flipped = proof.inclusion.map((text, i) => {
          if (i !== at) return text;
          const bytes = Buffer.from(text, 'hex');
          bytes[byte] = (bytes[byte] ?? 0) ^ 1;
          return bytes.toString('hex');
        });
        expect(await failedAt({ ...proof, inclusion: flipped }, shown)).toBe('inclusion');
      }),
    );
    expect(await failedAt({ ...proof, inclusion: proof.inclusion.slice(1) }, shown)).toBe('inclusion');
    expect(await failedAt({ ...proof, inclusion: [...proof.inclusion, '00'.repeat(32)] }, shown)).toBe('inclusion');
    expect(await failedAt({ ...proof, inclusion: proof.inclusion.map((text) => text.toUpperCase()) }, shown)).toBe(
      'inclusion',
    );
  });
});

const STRANGER = signingKey('hivekey/wsp_1', new Uint8Array(32).fill(8));

describe('a lie', () => {
  const cases: readonly (readonly [
    name: string,
    failing: string,
    (proof: EventProof, shown: Shown) => [EventProof, Shown],
  ])[] = [
    ['a field shown otherwise', 'record', (p, s) => [p, { ...s, agent: 'other-bot' }]],
    ['a nested value shown otherwise', 'record', (p, s) => [p, { ...s, args: { amount: 6, note: 'ü "x"' } }]],
    ['a field shown that was not hashed', 'record', (p, s) => [p, { ...s, reason: 'granted' }]],
    [
      'another record behind the hash',
      'entry',
      (p, s) => [{ ...p, canonical: p.canonical.replace('"v":1', '"v":1 ') }, s],
    ],
    ['another hash on the screen', 'entry', (p, s) => [p, { ...s, entry_hash: `sha256:${'0'.repeat(64)}` }]],
    ['another position', 'inclusion', (p, s) => [{ ...p, leaf_index: 4, seq: 5 }, s]],
    ['a tree of another size', 'inclusion', (p, s) => [{ ...p, tree_size: 14 }, s]],
    [
      'a checkpoint that was edited',
      'signature',
      (p, s) => [{ ...p, checkpoint: p.checkpoint.replace('\n13\n', '\n14\n'), tree_size: 14 }, s],
    ],
    [
      'a checkpoint with a line more',
      'signature',
      (p, s) => [{ ...p, checkpoint: p.checkpoint.replace('\n\n', '\nmore\n\n') }, s],
    ],
    [
      'a checkpoint without a signature',
      'inclusion',
      (p, s) => [{ ...p, checkpoint: p.checkpoint.split('\n\n')[0] ?? '' }, s],
    ],
    ['the key of somebody else', 'signature', (p, s) => [{ ...p, key: STRANGER.verifier.text }, s]],
    [
      'the id of the log with the key of somebody else',
      'signature',
      (p, s) => [{ ...p, key: STRANGER.verifier.text.replace(STRANGER.verifier.id, KEY.verifier.id) }, s],
    ],
    ['a key that is none', 'signature', (p, s) => [{ ...p, key: 'hivekey' }, s]],
  ];
  it.each(cases)('%s fails at: %s', async (_name, failing, change) => {
    const { proof, shown } = await prove(13, 5);
    expect(await failedAt(...change(proof, shown))).toBe(failing);
  });
});
