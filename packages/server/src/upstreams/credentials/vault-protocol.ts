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

/** The members of a JSON object; none of anything else. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** Segments as they stand in a URL. */
export function vaultPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
