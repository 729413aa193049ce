/** How much can happen before somebody stops it: numbers, who has accepted them, and their certificates. */
export { compute } from './compute.ts';
export type { Alike } from './fleet.ts';
export { type RadiusReaders, readRadius } from './radius.ts';
export { settingsSchema } from './settings.ts';
export type { RadiusView } from './view.ts';
export { watchBlastRadius } from './watch.ts';
export { radiusAgent, Worlds } from './world.ts';
