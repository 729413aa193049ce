/** The credential cannot be had: not there, not allowed, unreadable, its store away. `message` never repeats a value. */
export class CredentialUnavailable extends Error {
  readonly code = 'credential_unavailable';
}
