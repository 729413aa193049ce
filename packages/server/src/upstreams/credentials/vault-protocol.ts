/** What requests to Vault and their answers look like. */

export interface VaultAnswer {
  readonly status: number;
  /** The parsed body; an empty object when there is none. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** One request with this token, or none. Rejects with CredentialUnavailable when there is no answer. */
export type VaultSend = (
  method: 'GET' | 'POST',
  path: string,
  body: object | undefined,
  token: string | undefined,
) => Promise<VaultAnswer>;

/** Segments as they stand in a URL. */
export function vaultPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
