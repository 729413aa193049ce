/** SAML 2.0 as a way to sign in. Nothing deeper in this folder is imported from outside. */
export { createSaml } from './saml.ts';
export { samlView, viewOfSaml } from './settings.ts';
