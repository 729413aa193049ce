export { CROSSWALK, type CrosswalkRow } from './crosswalk.ts';
export { FRAMEWORKS, type Framework, type FrameworkKey, frameworkOf } from './frameworks.ts';
