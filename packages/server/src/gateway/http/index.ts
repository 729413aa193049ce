export { createHttpEntrance } from './entrance.ts';
