export { agentSchema } from './agent.ts';
export { guardsOn, manifestOf, visibleToolSchema } from './manifest.ts';
export {
  findAgent,
  findTokenHolder,
  noteTokenUse,
  rolesUnder,
  type TokenHolder,
  type TokenState,
  stateOf,
} from './principal.ts';
export { type Agent, listAgents, readAgent } from './read.ts';
export { ownerChanged, ownerLeft, settleStatus } from './status.ts';
