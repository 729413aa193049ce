/** People who leave, and who takes over the agents that they owned. */
export { DEPARTURE_CHANNEL, hearDeparture, type LeaveContext } from './complete.ts';
export { giveAgent } from './give.ts';
export { type Leave, leave, withDepartures } from './leave.ts';
export { answersFor, setDeputiesIn } from './ownership.ts';
export { readOwnershipSettings } from './settings.ts';
export { watchDepartures } from './watch.ts';
