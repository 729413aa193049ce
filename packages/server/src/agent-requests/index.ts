/** How agents come about where it takes somebody else’s word: requests, and who lets them in. */
export { type Requester, requestAgent, requestAgentIn, withdrawIn } from './change.ts';
export { listRequests, readRequest } from './read.ts';
export type { AgentRequest, NewRequest, Wanted } from './request.ts';
export { watchAgentRequests } from './watch.ts';
