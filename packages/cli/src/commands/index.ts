/** Which module has which commands. Loading all of them takes longer than most commands do. */
import type { Command } from 'commander';

type AddCommands = (program: Command) => void;

interface CommandModule {
  /** All of its commands with their aliases, separated by spaces. */
  readonly names: string;
  readonly load: () => Promise<AddCommands>;
}

/** In the order of the help. */
export const COMMAND_MODULES: readonly CommandModule[] = [
  { names: 'login logout whoami', load: async () => (await import('./session.ts')).addSessionCommands },
  { names: 'agent', load: async () => (await import('./agents.ts')).addAgentCommands },
  { names: 'token key', load: async () => (await import('./credentials.ts')).addCredentialCommands },
  { names: 'credential', load: async () => (await import('./agent-credentials.ts')).addAgentCredentialCommands },
  { names: 'client', load: async () => (await import('./oauth-clients.ts')).addOAuthClientCommands },
  { names: 'person people', load: async () => (await import('./people.ts')).addPeopleCommands },
  { names: 'scim', load: async () => (await import('./scim.ts')).addScimCommands },
  { names: 'role guards sources capability', load: async () => (await import('./roles.ts')).addPolicyObjectCommands },
  { names: 'prove', load: async () => (await import('./prove.ts')).addProveCommand },
  { names: 'policy', load: async () => (await import('./policy.ts')).addPolicyCommands },
  { names: 'plan apply', load: async () => (await import('./policy-code.ts')).addPolicyCodeCommands },
  { names: 'alerts', load: async () => (await import('./alerts.ts')).addAlertCommands },
  { names: 'incidents', load: async () => (await import('./incidents.ts')).addIncidentCommands },
  { names: 'evidence', load: async () => (await import('./evidence.ts')).addEvidenceCommands },
  { names: 'samples', load: async () => (await import('./samples.ts')).addSampleCommands },
  { names: 'tie-outs', load: async () => (await import('./tie-outs.ts')).addTieOutCommands },
  { names: 'engagements', load: async () => (await import('./engagements.ts')).addEngagementCommands },
  { names: 'budget', load: async () => (await import('./budgets.ts')).addBudgetCommands },
  { names: 'blast-radius', load: async () => (await import('./blast-radius.ts')).addBlastRadiusCommands },
  { names: 'least-privilege', load: async () => (await import('./least-privilege.ts')).addLeastPrivilegeCommands },
  { names: 'drift objects', load: async () => (await import('./drift.ts')).addDriftCommands },
  { names: 'mcp-server', load: async () => (await import('./servers.ts')).addServerCommands },
  { names: 'http-api', load: async () => (await import('./http-apis.ts')).addHttpApiCommands },
  { names: 'secret', load: async () => (await import('./secrets.ts')).addSecretCommands },
  { names: 'freeze', load: async () => (await import('./freezes.ts')).addFreezeCommands },
  { names: 'risk', load: async () => (await import('./risks.ts')).addRiskCommands },
  { names: 'approval', load: async () => (await import('./approvals.ts')).addApprovalCommands },
  { names: 'change changes', load: async () => (await import('./changes.ts')).addChangeCommands },
  { names: 'delegation', load: async () => (await import('./delegations.ts')).addDelegationCommands },
  { names: 'transfer transfers owner', load: async () => (await import('./ownership.ts')).addOwnershipCommands },
  { names: 'channel', load: async () => (await import('./channels.ts')).addChannelCommands },
  { names: 'sinks', load: async () => (await import('./sinks.ts')).addSinkCommands },
  { names: 'revoke kill restore stops', load: async () => (await import('./containment.ts')).addContainmentCommands },
  { names: 'containment proposal', load: async () => (await import('./two-people.ts')).addTwoPeopleCommands },
  { names: 'receipt', load: async () => (await import('./receipt.ts')).addReceiptCommands },
  { names: 'decision', load: async () => (await import('./decisions.ts')).addDecisionCommands },
  { names: 'drill', load: async () => (await import('./drills.ts')).addDrillCommands },
  {
    names: 'quarantine release quarantines breaker',
    load: async () => (await import('./quarantine.ts')).addQuarantineCommands,
  },
  { names: 'detections', load: async () => (await import('./detections.ts')).addDetectionRuleCommands },
  { names: 'detections', load: async () => (await import('./detections-server.ts')).addDetectionServerCommands },
  { names: 'logs', load: async () => (await import('./logs.ts')).addLogCommands },
  { names: 'readiness segregation', load: async () => (await import('./readiness.ts')).addReadinessCommands },
  { names: 'retention holds', load: async () => (await import('./retention.ts')).addRetentionCommands },
  { names: 'reviews', load: async () => (await import('./reviews.ts')).addReviewCommands },
  { names: 'verify', load: async () => (await import('./verify.ts')).addVerifyCommand },
  { names: 'bridge', load: async () => (await import('./bridge.ts')).addBridgeCommand },
  { names: 'doctor', load: async () => (await import('./doctor.ts')).addDoctorCommand },
];

/** Those that have a command of this name; all of them where none has, for the help and what is misspelt. */
export async function loadCommands(name: string | undefined): Promise<readonly AddCommands[]> {
  const named = COMMAND_MODULES.filter(({ names }) => names.split(' ').some((each) => each === name));
  return Promise.all((named.length === 0 ? COMMAND_MODULES : named).map(({ load }) => load()));
}
