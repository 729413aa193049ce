/** Risk signals: what detectors say of agents, owners and tools. */
export { raiseRiskIn } from './raise.ts';
export { newRiskSchema, type RiskView, riskSchema } from './risk.ts';
