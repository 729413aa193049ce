/** TLS of a connection as Node.js takes it: 1.2 or later, the certificate always checked, whatever the process is told. */
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { TransportDeps } from '../sink-type.ts';
import type { TlsSettings } from './settings.ts';

export interface TlsOptions {
  readonly servername: string;
  /** What the certificate is compared with where there is no `servername`, which cannot be an IP address (RFC 6066). */
  readonly host: string;
  readonly minVersion: NonNullable<ConnectionOptions['minVersion']>;
  readonly rejectUnauthorized: true;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Asks for the key each time: it may have been exchanged. Throws what `secret` throws. */
export async function tlsOptions(host: string, tls: TlsSettings, { secret }: TransportDeps): Promise<TlsOptions> {
  const name = tls.server_name ?? host;
  const key = tls.key_ref === null ? undefined : await secret(tls.key_ref);
  return {
    servername: isIP(name) === 0 ? name : '',
    host: name,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.certificate === null || key === undefined ? {} : { cert: tls.certificate, key: key.reveal() }),
  };
}
