/** References to credentials, as they stand in server registrations. The value itself never does. */
import { Failure } from '../errors.ts';

export type CredentialRef =
  /** HiveKey's own encrypted store. */
  | { readonly scheme: 'vault'; readonly name: string }
  /** A variable of the server process that the configuration names. */
  | { readonly scheme: 'env'; readonly variable: string }
  /** A file below the folder that the configuration names. */
  | { readonly scheme: 'file'; readonly path: string }
  /** The key-value engine of HashiCorp Vault or OpenBao: `hashicorp://mount/path#field@version`. */
  | {
      readonly scheme: 'hashicorp';
      readonly path: string;
      readonly field: string | undefined;
      readonly version: number | undefined;
    }
  /** AWS Secrets Manager, by name or ARN; `#field` of a JSON value. */
  | { readonly scheme: 'aws-sm'; readonly id: string; readonly field: string | undefined };

const SECRET_NAME = /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/;
/** What HiveKey keeps for itself. No reference and no route can name it. */
const OWN_NAME = /^[a-z]+:[0-9a-f]{16}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** At least a mount and a name; no segment that a server might take for "here" or "above". */
const KV_PATH = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9._~-]{1,128}(?:\/[A-Za-z0-9._~-]{1,128}){1,15}$/;
const FIELD = /^[A-Za-z0-9._-]{1,128}$/;
/** Names have letters, digits and /_+=.@-; an ARN has colons, too. */
const AWS_ID = /^[A-Za-z0-9/_+=.@:-]{1,512}$/;

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
  const [, scheme, rest = ''] = /^([a-z-]+):\/\/(.+)$/s.exec(text) ?? [];
  if (scheme === 'vault' && SECRET_NAME.test(rest)) return { scheme, name: rest };
  if (scheme === 'env' && VARIABLE.test(rest)) return { scheme, variable: rest };
  if (scheme === 'file' && !rest.includes('\0')) return { scheme, path: rest };
  if (scheme === 'hashicorp') {
    const [, path = '', field, version] = /^([^#@]+)(?:#([^#@]+))?(?:@([1-9]\d{0,8}))?$/.exec(rest) ?? [];
    if (KV_PATH.test(path) && (field === undefined || FIELD.test(field)))
      return { scheme, path, field, version: version === undefined ? undefined : Number(version) };
  }
  if (scheme === 'aws-sm') {
    const [, id = '', field] = /^([^#]+)(?:#([^#]+))?$/.exec(rest) ?? [];
    if (AWS_ID.test(id) && (field === undefined || FIELD.test(field))) return { scheme, id, field };
  }
  throw new Failure(
    400,
    'credential_ref_invalid',
    'The credential reference is not understood.',
    'Write vault://<name>, env://<VARIABLE>, file://<path>, hashicorp://<mount>/<path>#<field>@<version> or aws-sm://<name or ARN>#<field>.',
  );
}
