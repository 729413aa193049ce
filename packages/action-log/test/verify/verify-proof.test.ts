import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EventProof, formatHash, inclusionProof, verifyProof } from '../../src/index.ts';
import { KEY, makeLog, OTHER_KEY, ordinaryLog } from './example-log.ts';

const log = ordinaryLog(40);

async function proofOf(seq: number, treeSize = 40, of = log): Promise<EventProof> {
  const entry = of.entries[seq - 1];
  if (entry === undefined) throw new Error(`there is no entry ${seq}`);
  const path = await inclusionProof(seq - 1, treeSize, of.nodes);
  return {
    event_id: `evt_${seq}`,
    seq,
    entry_hash: formatHash(entry.entryHash),
    leaf_index: seq - 1,
    tree_size: treeSize,
    inclusion: path.map((hash) => Buffer.from(hash).toString('hex')),
    checkpoint: of.checkpoint(treeSize),
    key: of.key.verifier.text,
    canonical: entry.record.toString(),
  };
}

const codes = (proof: unknown, key = KEY.verifier) => verifyProof(proof, key).findings.map(({ code }) => code);

describe('the proof of one event', () => {
  it('holds for every entry, and says what it proves', async () => {
    for (let seq = 1; seq <= 40; seq += 1) {
      const report = verifyProof(await proofOf(seq), KEY.verifier);
      expect(report).toEqual({
        isVerified: true,
        findings: [],
        key: { text: KEY.verifier.text, isTrusted: true },
        event: { origin: 'hivekey/wsp_1', eventId: `evt_${seq}`, seq, treeSize: 40 },
      });
    }
  });

  it('says so when its key was believed', async () => {
    const report = verifyProof(await proofOf(7));
    expect(report).toMatchObject({
      isVerified: true,
      key: { isTrusted: false },
      findings: [{ code: 'key_not_trusted', fatal: false }],
    });
  });

  it('fails for each part that is not what was signed', async () => {
    const proof = await proofOf(7);
    const other = await proofOf(8);
    const cases: readonly [Partial<Record<keyof EventProof, unknown>>, string][] = [
      [{ canonical: proof.canonical.replace('prod', 'test') }, 'entry_edited'],
      [{ canonical: other.canonical }, 'malformed'],
      [{ canonical: `${proof.canonical} ` }, 'malformed'],
      [{ entry_hash: other.entry_hash }, 'entry_edited'],
      [{ event_id: 'evt_8' }, 'malformed'],
      [{ seq: 8, leaf_index: 7 }, 'proof_invalid'],
      [{ leaf_index: 7 }, 'malformed'],
      [{ seq: 0, leaf_index: -1 }, 'malformed'],
      [{ tree_size: 39 }, 'proof_invalid'],
      [{ inclusion: proof.inclusion.slice(1) }, 'proof_invalid'],
      [{ inclusion: [...proof.inclusion].reverse() }, 'proof_invalid'],
      [{ inclusion: Array(200).fill('0'.repeat(64)) }, 'malformed'],
      [{ inclusion: ['xyz'] }, 'malformed'],
      [{ checkpoint: log.checkpoint(39) }, 'proof_invalid'],
      [{ checkpoint: log.checkpoint(40, OTHER_KEY) }, 'key_unknown'],
      [{ checkpoint: log.checkpoint(40).replace('\n40\n', '\n41\n') }, 'signature_invalid'],
      [{ checkpoint: makeLog([{}]).checkpoint(1) }, 'proof_invalid'],
      [{ key: OTHER_KEY.verifier.text }, 'key_unknown'],
      [{ key: 7 }, 'malformed'],
      [{ surprise: true } as object, 'malformed'],
    ];
    for (const [change, code] of cases) {
      const changed = { ...proof, ...change };
      expect(verifyProof(changed, KEY.verifier).isVerified).toBe(false);
      expect(codes(changed)[0], JSON.stringify(change).slice(0, 80)).toBe(code);
    }
    expect(verifyProof({ ...proof, key: 'nonsense' }).isVerified).toBe(false);
  });

  it('by another key is refused, although it is sound in itself', async () => {
    const forged = await proofOf(7, 40, ordinaryLog(40, OTHER_KEY));
    expect(verifyProof(forged).isVerified).toBe(true);
    expect(codes(forged)).toEqual(['key_unknown', 'key_unknown']);
  });

  it('never throws, and never holds, for anything that is no proof', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(verifyProof(value, KEY.verifier).isVerified).toBe(false);
      }),
    );
  });
});
