/** Passkeys. Nothing deeper in this folder is imported from outside. */
export {
  decisionOptions,
  keepSignedDecision,
  listSignedDecisions,
  type SignedDecision,
  type Subject,
  verifyDecision,
} from './decision.ts';
export { endAccount } from './end-account.ts';
export { assertionSchema } from './response.ts';
export { signedDecisionSchema, signedDecisionView } from './signed-decision.ts';
