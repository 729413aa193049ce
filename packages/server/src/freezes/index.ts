/** Change freezes: when agents may not change what. */
export { freezeType } from './controlled.ts';
export { endOverride } from './override.ts';
