// Loaded first: agents need it while they load, and `change.ts` needs agents.
import './person.ts';

export { ownerFor } from './change.ts';
export { emailSchema } from './person.ts';
export { readPerson } from './read.ts';
