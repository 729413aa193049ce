/** People who leave, and who takes over the agents that they owned. */
export { DEPARTURE_CHANNEL, hearDeparture, type LeaveContext } from './complete.ts';
export { type Gift, giveAgent } from './give.ts';
export { type Cause, type Leave, type Leaver, leave, withDepartures } from './leave.ts';
export { answersFor, listOrphans, type Orphan, setDeputiesIn } from './ownership.ts';
export { readOwnershipSettings } from './settings.ts';
export { watchDepartures } from './watch.ts';
