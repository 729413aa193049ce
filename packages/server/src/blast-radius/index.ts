/** How much can happen before somebody stops it: numbers, who has accepted them, and their certificates. */
export { type RadiusReaders, readRadius } from './radius.ts';
export type { RadiusView } from './view.ts';
export { watchBlastRadius } from './watch.ts';
export { Worlds } from './world.ts';
