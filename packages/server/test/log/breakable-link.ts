/** A link to the database that a test breaks where it likes. */
import { createServer, type Socket, connect as tcpConnect } from 'node:net';

export interface BreakableLink {
  /** The database through this link. */
  readonly url: string;
  /** Ends every connection; new ones are taken. */
  cut(): void;
  /** Ends every connection and refuses new ones, until `up`. */
  down(): void;
  up(): void;
  /** What the database says from now on gets lost on the way; what it is told still arrives. Ends with the connections. */
  loseReplies(): void;
  close(): Promise<void>;
}

export async function breakableLink(url: string): Promise<BreakableLink> {
  const target = new URL(url);
  const pairs = new Set<readonly [Socket, Socket]>();
  let isDown = false;
  const server = createServer((near) => {
    if (isDown) {
      near.destroy();
      return;
    }
    const far = tcpConnect(Number(target.port), target.hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    near.pipe(far);
    far.pipe(near);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        near.destroy();
        far.destroy();
      });
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the link has no port');
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String(address.port);
  const cut = (): void => {
    for (const [near] of pairs) near.destroy();
  };
  return {
    url: through.href,
    cut,
    down: () => {
      isDown = true;
      cut();
    },
    up: () => {
      isDown = false;
    },
    loseReplies: () => {
      for (const [near, far] of pairs) {
        far.unpipe(near);
        far.resume();
      }
    },
    close: async () => {
      cut();
      await new Promise((closed) => server.close(closed));
    },
  };
}
