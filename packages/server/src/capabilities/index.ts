export { capabilityPatternSchema } from './pattern.ts';
export { declaredCapabilities, findCapability } from './read.ts';
