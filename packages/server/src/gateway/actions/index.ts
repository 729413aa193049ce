export { type AgentCaller, authenticateAgent, bearerOf, recordedName, unauthenticated, unavailable } from './agent.ts';
export { decisionSchema, decisionView, refusalFailure } from './answers.ts';
export {
  goneSignal,
  overFailure,
  patienceOf,
  RETRY_AFTER_SECONDS,
  settleHeld,
  ticketView,
} from './approvals.ts';
export { capabilityNamed, RULE } from './resolve.ts';
export { type OwnTool, OwnTools } from './tools.ts';
