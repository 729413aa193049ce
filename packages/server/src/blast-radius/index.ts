/** How much can happen before somebody stops it: numbers, who has accepted them, and their certificates. */
export { watchBlastRadius } from './watch.ts';
export { Worlds } from './world.ts';
