export { activityOf } from './activity.ts';
