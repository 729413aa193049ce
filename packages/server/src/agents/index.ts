export { agentSchema, isOneWay, newAgentFields, ONE_WAY, withRoles } from './agent.ts';
export { attributesView } from './attributes.ts';
export { type Authority, readAuthority, withActors } from './authority.ts';
export { createAgentIn, refuseTakenHandle, suspendAgentIn } from './change.ts';
export { agentSettingsType, assignmentType } from './controlled.ts';
export { guardsOn, manifestOf, visibleToolSchema } from './manifest.ts';
export { revokeToken } from './mint.ts';
export {
  AGENT,
  AGENT_TABLES,
  type AgentRow,
  agentState,
  findAgent,
  findTokenHolder,
  noteTokenUse,
  principalFrom,
  rolesUnder,
  stateOf,
  type TokenHolder,
  type TokenState,
} from './principal.ts';
export { type Agent, listAgents, readAgent } from './read.ts';
export { agentSettingsChangeSchema, agentSettingsSchema, changeAgentSettings, readAgentSettings } from './settings.ts';
export { type LeftAgent, ownerChanged, ownerLeft, settleStatus } from './status.ts';
export { refusePast } from './validity.ts';
export { watchAgents } from './watch.ts';
