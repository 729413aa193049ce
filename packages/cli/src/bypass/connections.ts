/** Doors of the network: whether a connection to a host comes about. Nothing is sent over it but a TLS greeting. */
import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { closed, type Door, open, PATIENCE_MS } from './door.ts';

export interface HostPort {
  /** Lower case; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `host`, `host:port`, `[address]:port` or a URL; undefined when it is none. The port of https when there is none. */
export function parseHostPort(text: string): HostPort | undefined {
  const isAddress = isIP(text) === 6;
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${isAddress ? `[${text}]` : text}`);
  if (url === null || url.hostname === '') return undefined;
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  // The URL parser drops the port that is the default of the scheme.
  const written = /:(\d{1,5})(?:[/?#]|$)/.exec(
    text.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '').replace(/^\[[^\]]*\]/, ''),
  )?.[1];
  const port = Number(
    isAddress ? 443 : (written ?? (url.port === '' ? (url.protocol === 'http:' ? 80 : 443) : url.port)),
  );
  return port > 0 && port <= 65_535 ? { host, port } : undefined;
}

export function nameOf({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

export type Reached =
  | { readonly kind: 'connected'; readonly certificate?: string }
  /** Somebody answered that nothing listens: the host, or a firewall that rejects. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'unresolved' }
  | { readonly kind: 'unreachable'; readonly why: string };

/** TCP alone. */
export function reach({ host, port }: HostPort, patienceMs: number = PATIENCE_MS): Promise<Reached> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (reached: Reached): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reached);
    };
    const timer = setTimeout(() => end({ kind: 'unreachable', why: 'nothing answers' }), patienceMs);
    socket.once('connect', () => end({ kind: 'connected' }));
    socket.once('error', (error: NodeJS.ErrnoException) => end(reachedBy(error)));
  });
}

function reachedBy({ code = 'it failed' }: NodeJS.ErrnoException): Reached {
  if (code === 'ECONNREFUSED') return { kind: 'refused' };
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return { kind: 'unresolved' };
  return { kind: 'unreachable', why: code };
}

/** The name in the certificate shows whether it is the host, or something in between. Undefined without TLS. */
function certificateOf({ host, port }: HostPort, patienceMs: number = PATIENCE_MS): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connectTls({
      host,
      port,
      // Whose it is, is what is looked at; nothing is entrusted to it.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const end = (name: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(name);
    };
    const timer = setTimeout(() => end(undefined), patienceMs);
    socket.once('secureConnect', () => {
      const { subject, subjectaltname } = socket.getPeerCertificate();
      const common = subject?.CN;
      end((Array.isArray(common) ? common[0] : common) ?? subjectaltname ?? 'no name');
    });
    socket.once('error', () => end(undefined));
  });
}

const CLOSE_EGRESS = 'Let the agent reach the gateway alone: docs/guides/egress.md.';

/** A host that agents should only reach through the gateway. */
export async function tryHost(kind: 'upstream' | 'provider', target: HostPort, patienceMs?: number): Promise<Door> {
  const door = nameOf(target);
  const reached = await reach(target, patienceMs);
  switch (reached.kind) {
    case 'connected': {
      const certificate = await certificateOf(target, patienceMs);
      const tls = certificate === undefined ? 'without TLS' : `with TLS, the certificate names ${certificate}`;
      return open(kind, door, `it can be connected to, ${tls}`, CLOSE_EGRESS);
    }
    case 'unresolved':
      return closed(kind, door, 'its name does not resolve');
    case 'unreachable':
      return closed(kind, door, `no connection comes about (${reached.why})`);
    case 'refused':
      return {
        door,
        kind,
        verdict: 'unknown',
        cause: 'the connection was refused: by a firewall, or by a host that is reached and does not listen',
        remedy: 'Look which of them it is; a rule that drops is told from a host that is down.',
      };
  }
}

/** The database of the control plane: who writes there needs no gateway. */
export async function tryDatabase(target: HostPort, patienceMs?: number): Promise<Door> {
  const reached = await reach(target, patienceMs);
  return reached.kind === 'connected'
    ? open(
        'database',
        nameOf(target),
        'a database port of the control plane can be connected to',
        'Let only HiveKey reach it: bind it to a private network, or close it with a network policy.',
      )
    : closed(
        'database',
        nameOf(target),
        reached.kind === 'refused' ? 'nothing listens there' : 'no connection comes about',
      );
}

/** Containers, and whoever can make some, own the machine. */
export function trySocket(path: string, patienceMs: number = PATIENCE_MS): Promise<Door> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const end = (door: Door): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(door);
    };
    const timer = setTimeout(() => end(closed('socket', path, 'nothing answers')), patienceMs);
    socket.once('connect', () =>
      end(
        open(
          'socket',
          path,
          'it takes connections: whoever starts containers can read every secret of this machine',
          'Do not mount it into the agent, and take the agent out of its group.',
        ),
      ),
    );
    socket.once('error', ({ code = 'it failed' }: NodeJS.ErrnoException) =>
      end(closed('socket', path, code === 'ENOENT' ? 'it is not there' : `it cannot be used (${code})`)),
    );
  });
}
