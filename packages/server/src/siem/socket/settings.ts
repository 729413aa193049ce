/** Where a receiver of a stream is, and how the connection to it is protected: settings that these kinds share. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { pem } from '../http/settings.ts';
import { credentialRef } from '../sink-type.ts';

const HOST = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

const host = z
  .string()
  .refine((text) => isIP(text) !== 0 || HOST.test(text), 'is neither a name in lower case nor an IP address')
  .meta({ description: 'Name or IP address, without a scheme.' });

const port = z.int().min(1).max(65_535);

export const tlsSettings = z
  .strictObject({
    ca: pem.nullable().default(null).meta({ description: 'Trusted in place of the public authorities; PEM.' }),
    server_name: z
      .string()
      .refine((text) => isIP(text) === 0 && HOST.test(text), 'is not a name in lower case')
      .nullable()
      .default(null)
      .meta({ description: 'Name in the certificate of the receiver, where it is another than that of the host.' }),
    certificate: pem.nullable().default(null).meta({ description: 'Of the client, with its chain; PEM.' }),
    key_ref: credentialRef.nullable().default(null),
  })
  .refine(({ certificate, key_ref }) => (certificate === null) === (key_ref === null), {
    error: 'certificate and key_ref belong together',
  });

export type TlsSettings = z.output<typeof tlsSettings>;

/** `tls` is null only where somebody wrote so; then the operator has to allow the host by name. */
const protection = tlsSettings
  .nullable()
  .prefault({})
  .meta({ description: 'null: in the clear, to a host that the operator allows by name.' });

/** The members that name one receiver. `defaultPort` is that of the protocol over TLS. */
export function endpointShape(defaultPort: number) {
  return { host, port: port.default(defaultPort), tls: protection };
}

/** The members that name several receivers of one cluster, each `host:port`. */
export function clusterShape(words: string) {
  return {
    servers: z
      .array(z.string().refine((text) => hostPortOf(text) !== undefined, 'is not host:port'))
      .min(1)
      .max(16)
      .meta({ description: `${words}, each host:port.` }),
    tls: protection,
  };
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`, an IPv6 address in brackets; undefined where it is something else. */
export function hostPortOf(text: string): HostPort | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const name = bracketed ?? plain;
  const parsed = port.safeParse(Number(digits));
  if (name === undefined || !parsed.success || !host.safeParse(name).success) return undefined;
  return bracketed !== undefined && isIP(name) !== 6 ? undefined : { host: name, port: parsed.data };
}

/** `host:port` as it is written, an IPv6 address in brackets. */
export function printHostPort({ host: name, port: number }: HostPort): string {
  return isIP(name) === 6 ? `[${name}]:${number}` : `${name}:${number}`;
}
