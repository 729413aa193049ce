/** Agents sign in through a browser. Nothing deeper in this folder but its routes is imported from outside. */
export { endConnections } from './end.ts';
export { findRefresh, type Proven, redeemConsent, refresh } from './redeem.ts';
export { BrowserSignIn } from './server.ts';
