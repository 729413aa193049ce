/** A witness after C2SP tlog-witness: it cosigns a checkpoint only when it adds to the one it saw last. */
import { createServer } from 'node:http';
import {
  checkNote,
  cosignNote,
  EMPTY_ROOT,
  parseCheckpoint,
  type SigningKey,
  sameHash,
  signingKey,
  type VerifierKey,
  verifyConsistency,
} from '@hivekey/action-log';

const NAME = 'witness.example/1';

export interface Witness {
  readonly url: string;
  readonly key: VerifierKey;
  /** Size and root cosigned last, by origin. */
  readonly seen: ReadonlyMap<string, { readonly size: number; readonly root: Uint8Array }>;
  /** Status of every answer, in order. */
  readonly statuses: readonly number[];
  /** Answers everything with this instead of looking at it. */
  broken: Answer | undefined;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly type?: string;
}

/** Knows the logs of `keys`. */
export async function startWitness(keys: readonly VerifierKey[]): Promise<Witness> {
  const key: SigningKey = signingKey(NAME, new Uint8Array(32).fill(7), 0x04);
  const seen = new Map<string, { size: number; root: Uint8Array }>();
  const statuses: number[] = [];
  const witness: Witness = {
    url: '',
    key: key.verifier,
    seen,
    statuses,
    broken: undefined,
    close: async () => undefined,
  };

  const judge = (body: string): Answer => {
    const blank = body.indexOf('\n\n');
    const [first = '', ...proof] = body.slice(0, blank).split('\n');
    const note = body.slice(blank + 2);
    const old = /^old (0|[1-9]\d*)$/.exec(first)?.[1];
    if (blank < 0 || old === undefined) return { status: 400 };
    const origin = note.split('\n')[0] ?? '';
    const known = keys.filter(({ name }) => name === origin);
    if (known.length === 0) return { status: 404 };
    const checked = checkNote(note, known);
    if (checked.kind !== 'verified') return { status: 403 };
    const checkpoint = parseCheckpoint(checked.note.text);
    if (typeof checkpoint === 'string' || Number(old) > checkpoint.size) return { status: 400 };
    const last = seen.get(origin) ?? { size: 0, root: EMPTY_ROOT };
    const isFork = last.size === checkpoint.size && !sameHash(last.root, checkpoint.root);
    if (last.size !== Number(old) || isFork) return { status: 409, body: `${last.size}\n`, type: 'text/x.tlog.size' };
    const path = proof.map((line) => Buffer.from(line, 'base64'));
    if (!verifyConsistency(last.size, last.root, checkpoint.size, checkpoint.root, path)) return { status: 422 };
    seen.set(origin, checkpoint);
    return { status: 200, body: cosignNote(note, key, Math.floor(Date.now() / 1000)).slice(note.length) };
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const isAdd = request.method === 'POST' && request.url === '/add-checkpoint';
      const { status, body, type }: Answer =
        witness.broken ?? (isAdd ? judge(Buffer.concat(chunks).toString()) : { status: 404 });
      statuses.push(status);
      response.writeHead(status, { 'content-type': type ?? 'text/plain' }).end(body);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the witness has no port');
  return Object.assign(witness, {
    url: `http://127.0.0.1:${address.port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  });
}
