/** Which records a sink may leave out: said in checkpoints, and read again by who compares a copy with the log. */
export { filterWords, isLeftOut, LEFT_OUT_NAMES, type LeftOutName } from '@hivekey/siem';
