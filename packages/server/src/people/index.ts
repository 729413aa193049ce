// Loaded first: agents need it while they load, and `change.ts` needs agents.
import './person.ts';

export { ownerFor } from './change.ts';
export { emailSchema, groupSchema } from './person.ts';
export { personOfSlack, readPerson, slackUsersOf } from './read.ts';
