/** Whose content is trusted. */
export { sourcesType } from './controlled.ts';
