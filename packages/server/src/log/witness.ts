/** C2SP tlog-witness: a party that has seen every earlier checkpoint confirms that this one only adds to them. */
import { parseNote } from '@hivekey/action-log';
import { request } from 'undici';

const TIMEOUT_MS = 10_000;
const MAX_REPLY_BYTES = 16 * 1024;
/** The specification's limit on proof lines. */
const MAX_PROOF_LINES = 63;

export type WitnessReply =
  /** `lines` are note signature lines. */
  | { readonly kind: 'cosigned'; readonly lines: string }
  /** The witness last saw another size than we said. */
  | { readonly kind: 'conflict'; readonly size: number }
  | { readonly kind: 'refused'; readonly reason: string };

/** `POST <url>/add-checkpoint`. Rejects when the witness cannot be reached. */
export async function addCheckpoint(
  url: string,
  note: string,
  oldSize: number,
  proof: readonly Uint8Array[],
): Promise<WitnessReply> {
  if (proof.length > MAX_PROOF_LINES) return { kind: 'refused', reason: 'the consistency proof is too long' };
  const lines = proof.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('');
  const { statusCode, headers, body } = await request(`${url.replace(/\/$/, '')}/add-checkpoint`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: `old ${oldSize}\n${lines}\n${note}`,
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  });
  const reply = await readBounded(body);
  if (statusCode === 200) {
    return isSignedOn(note, reply)
      ? { kind: 'cosigned', lines: reply }
      : { kind: 'refused', reason: 'the reply is not signature lines' };
  }
  const type = String(headers['content-type']).split(';')[0];
  if (statusCode === 409 && type === 'text/x.tlog.size' && /^(0|[1-9]\d{0,15})\n$/.test(reply))
    return { kind: 'conflict', size: Number(reply) };
  return { kind: 'refused', reason: `status ${statusCode}` };
}

/** Whether the lines add signatures to the note and change nothing else of it. Whose they are, whoever trusts the witness checks. */
function isSignedOn(note: string, lines: string): boolean {
  const [before, after] = [parseNote(note), parseNote(note + lines)];
  if (typeof before === 'string' || typeof after === 'string') return false;
  return after.text === before.text && after.signatures.length > before.signatures.length;
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_REPLY_BYTES) throw new Error('the reply of the witness is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
