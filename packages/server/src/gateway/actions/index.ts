export { type AgentCaller, authenticateAgent, bearerOf, recordedName, unauthenticated, unavailable } from './agent.ts';
export { decisionSchema, decisionView } from './answers.ts';
export { ticketView } from './approvals.ts';
export { capabilityNamed, RULE } from './resolve.ts';
export { type OwnTool, OwnTools } from './tools.ts';
