/** A mail relay: the SMTP server of `smtp-server`, with TLS, a login, and refusals as a test says them. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';

export const USER = 'hivekey';
export const PASSWORD = 'a password that is long enough';

/** Self-signed for the name localhost; whoever is to believe it must be told so. */
export const CERTIFICATE = readFileSync(new URL('./fixtures/relay.cert.pem', import.meta.url), 'utf8');
const KEY = readFileSync(new URL('./fixtures/relay.key.pem', import.meta.url), 'utf8');

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came over the wire. */
  readonly raw: string;
  readonly secure: boolean;
  readonly user: string | undefined;
  readonly headers: ReadonlyMap<string, string>;
  /** Decoded, one for each type of content. */
  readonly text: string;
  readonly html: string;
}

export interface Relay {
  readonly port: number;
  readonly mails: Mail[];
  /** How often a login was tried, whether or not it was right. */
  readonly logins: string[];
  /** Status and text for a recipient; undefined: taken. */
  refuse: (recipient: string) => { readonly status: number; readonly text: string } | undefined;
  close(): Promise<void>;
}

export interface RelayOptions {
  readonly security?: 'starttls' | 'tls' | 'none';
}

export async function startRelay({ security = 'starttls' }: RelayOptions = {}): Promise<Relay> {
  const server = new SMTPServer({
    secure: security === 'tls',
    cert: CERTIFICATE,
    key: KEY,
    hideSTARTTLS: security === 'none',
    disabledCommands: security === 'none' ? ['STARTTLS', 'AUTH'] : [],
    authOptional: security === 'none',
    disableReverseLookup: true,
    onAuth: ({ username, password }, _session, done) => {
      relay.logins.push(String(username));
      if (username === USER && password === PASSWORD) done(null, { user: USER });
      else done(new Error('who is that'));
    },
    onRcptTo: ({ address }, _session, done) => {
      const refusal = relay.refuse(address);
      if (refusal === undefined) done();
      else done(Object.assign(new Error(refusal.text), { responseCode: refusal.status }));
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString();
        const { mailFrom, rcptTo } = session.envelope;
        relay.mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          raw,
          secure: session.secure === true,
          user: session.user === undefined ? undefined : String(session.user),
          ...partsOf(raw),
        });
        done();
      });
    },
  });
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const address = server.server.address();
  const relay: Relay = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    mails: [],
    logins: [],
    refuse: () => undefined,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return relay;
}

function partsOf(raw: string): Pick<Mail, 'headers' | 'text' | 'html'> {
  const { headers, body } = entity(raw);
  const [, boundary = ''] = /boundary="([^"]+)"/.exec(headers.get('content-type') ?? '') ?? [];
  const parts = body
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => entity(part.replace(/^\r\n/, '')));
  const of = (type: string): string => {
    const part = parts.find((each) => each.headers.get('content-type')?.startsWith(type));
    return part === undefined ? '' : decoded(part.body, part.headers.get('content-transfer-encoding') ?? '7bit');
  };
  return { headers, text: of('text/plain'), html: of('text/html') };
}

function entity(raw: string): { headers: Map<string, string>; body: string } {
  const at = raw.indexOf('\r\n\r\n');
  const lines = raw
    .slice(0, at)
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { headers: new Map(headers), body: raw.slice(at + 4) };
}

function decoded(body: string, encoding: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString();
  if (encoding !== 'quoted-printable') return body;
  const bytes = body
    .replaceAll(/=\r\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}
