/** References to credentials, as they stand in server registrations. The value itself never does. */
import { Failure } from '../errors.ts';

export type CredentialRef =
  /** HiveKey's own encrypted store. */
  | { readonly scheme: 'vault'; readonly name: string }
  /** A variable of the server process that the configuration names. */
  | { readonly scheme: 'env'; readonly variable: string }
  /** A file below the folder that the configuration names. */
  | { readonly scheme: 'file'; readonly path: string };

const SECRET_NAME = /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/;
/** What HiveKey keeps for itself. No reference and no route can name it. */
const OWN_NAME = /^[a-z]+:[0-9a-f]{16}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

export function isOwnName(name: string): boolean {
  return OWN_NAME.test(name);
}

/** Throws `secret_name_invalid`. */
export function checkSecretName(name: string): string {
  if (SECRET_NAME.test(name)) return name;
  throw new Failure(
    400,
    'secret_name_invalid',
    'The name of the secret is not usable.',
    'Use 1 to 63 lower-case letters, digits, dots, underscores and hyphens, beginning and ending with a letter or digit.',
  );
}

/** Throws `credential_ref_invalid`. */
export function parseCredentialRef(text: string): CredentialRef {
  const [, scheme, rest = ''] = /^([a-z]+):\/\/(.+)$/s.exec(text) ?? [];
  if (scheme === 'vault' && SECRET_NAME.test(rest)) return { scheme, name: rest };
  if (scheme === 'env' && VARIABLE.test(rest)) return { scheme, variable: rest };
  if (scheme === 'file' && !rest.includes('\0')) return { scheme, path: rest };
  throw new Failure(
    400,
    'credential_ref_invalid',
    'The credential reference is not understood.',
    'Write vault://<name>, env://<VARIABLE> or file://<path>.',
  );
}
