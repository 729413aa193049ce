/** What the log, the stops and the streams to SIEMs show, as evidence. */
export { actionLogReport } from './evidence.ts';
export { revocationsReport } from './revocations.ts';
export { siemReport } from './siem.ts';
