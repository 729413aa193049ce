export { declaredCapabilities, findCapability } from './read.ts';
