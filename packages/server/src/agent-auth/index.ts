/** How agents prove themselves beside tokens. Nothing deeper in this folder but its routes is imported from outside. */
export { type AccessHolder, findAccessHolder, noteCredentialUse } from './access-token.ts';
export { BrowserSignIn, endConnections } from './browser/index.ts';
export { revokeCredential } from './credentials.ts';
export { newNonce, verifyProof } from './dpop.ts';
export { metadataUrl, scopeOf } from './metadata.ts';
export { acceptOnce } from './replays.ts';
export { covers } from './wanted.ts';
export { watchAgentAuth } from './watch.ts';
