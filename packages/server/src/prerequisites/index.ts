export { createPrerequisites } from './prerequisites.ts';
