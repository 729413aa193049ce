export { agentSchema, isOneWay, newAgentFields, ONE_WAY, withRoles } from './agent.ts';
export { createAgentIn, refuseTakenHandle } from './change.ts';
export { guardsOn, manifestOf, visibleToolSchema } from './manifest.ts';
export {
  findAgent,
  findTokenHolder,
  noteTokenUse,
  rolesUnder,
  stateOf,
  type TokenHolder,
  type TokenState,
} from './principal.ts';
export { type Agent, listAgents, readAgent } from './read.ts';
export { type LeftAgent, ownerChanged, ownerLeft, settleStatus } from './status.ts';
