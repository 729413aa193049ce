/** How agents come about where it takes somebody else’s word: requests, and who lets them in. */
export { requestAgentIn, withdrawIn } from './change.ts';
export { watchAgentRequests } from './watch.ts';
