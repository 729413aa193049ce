export { ownerFor } from './change.ts';
export { emailSchema } from './person.ts';
export { readPerson } from './read.ts';
