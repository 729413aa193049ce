export { capabilityType } from './controlled.ts';
export { capabilityPatternSchema } from './pattern.ts';
export { declaredCapabilities, findCapability } from './read.ts';
