export { nodeIdOf, prepareDataFolder } from './data-folder.ts';
export { lockNode } from './lock.ts';
export { hearNotices } from './notices.ts';
