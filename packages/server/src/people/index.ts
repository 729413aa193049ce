export { ownerFor } from './change.ts';
export { emailSchema } from './person.ts';
export { type Person, readPerson } from './read.ts';
export { peopleRoutes } from './routes.ts';
