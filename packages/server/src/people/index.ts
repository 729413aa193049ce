// Imported first, and not passed on as the others are: agents need it while they load, and `change.ts` needs agents.
import { emailSchema, engagementOnly, groupSchema, timeZoneSchema } from './person.ts';

export { ownerFor } from './change.ts';
export { personAuthorityType } from './controlled.ts';
export { personOfSlack, readPerson, slackUsersOf } from './read.ts';
export { emailSchema, engagementOnly, groupSchema, timeZoneSchema };
