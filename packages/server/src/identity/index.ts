/** Who may manage: admin keys and console sessions. */
export { ensureLiveKey } from './admin-keys.ts';
export { administratorOf } from './administrators.ts';
export { loadServerKeys, type ServerKeys, writePrivateFile } from './keys.ts';
export { isHttps, sessionIdOf } from './session-cookie.ts';
export { credentialKind, lookupHmac, newCredential } from './token-hash.ts';
