/** The `hivekey` command. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addAgentCredentialCommands } from './commands/agent-credentials.ts';
import { addAgentCommands } from './commands/agents.ts';
import { addAlertCommands } from './commands/alerts.ts';
import { addApprovalCommands } from './commands/approvals.ts';
import { addBlastRadiusCommands } from './commands/blast-radius.ts';
import { addBridgeCommand } from './commands/bridge.ts';
import { addBudgetCommands } from './commands/budgets.ts';
import { addChangeCommands } from './commands/changes.ts';
import { addChannelCommands } from './commands/channels.ts';
import { addContainmentCommands } from './commands/containment.ts';
import { addCredentialCommands } from './commands/credentials.ts';
import { addDecisionCommands } from './commands/decisions.ts';
import { addDelegationCommands } from './commands/delegations.ts';
import { addDetectionRuleCommands } from './commands/detections.ts';
import { addDetectionServerCommands } from './commands/detections-server.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addDriftCommands } from './commands/drift.ts';
import { addDrillCommands } from './commands/drills.ts';
import { addEngagementCommands } from './commands/engagements.ts';
import { addEvidenceCommands } from './commands/evidence.ts';
import { addFreezeCommands } from './commands/freezes.ts';
import { addHttpApiCommands } from './commands/http-apis.ts';
import { addIncidentCommands } from './commands/incidents.ts';
import { addLeastPrivilegeCommands } from './commands/least-privilege.ts';
import { addLogCommands } from './commands/logs.ts';
import { addOAuthClientCommands } from './commands/oauth-clients.ts';
import { addOwnershipCommands } from './commands/ownership.ts';
import { addPeopleCommands } from './commands/people.ts';
import { addPolicyCommands } from './commands/policy.ts';
import { addPolicyCodeCommands } from './commands/policy-code.ts';
import { addProveCommand } from './commands/prove.ts';
import { addQuarantineCommands } from './commands/quarantine.ts';
import { addReadinessCommands } from './commands/readiness.ts';
import { addReceiptCommands } from './commands/receipt.ts';
import { addRetentionCommands } from './commands/retention.ts';
import { addReviewCommands } from './commands/reviews.ts';
import { addRiskCommands } from './commands/risks.ts';
import { addPolicyObjectCommands } from './commands/roles.ts';
import { addSampleCommands } from './commands/samples.ts';
import { addScimCommands } from './commands/scim.ts';
import { addSecretCommands } from './commands/secrets.ts';
import { addServerCommands } from './commands/servers.ts';
import { addSessionCommands } from './commands/session.ts';
import { addSinkCommands } from './commands/sinks.ts';
import { addTieOutCommands } from './commands/tie-outs.ts';
import { addTwoPeopleCommands } from './commands/two-people.ts';
import { addVerifyCommand } from './commands/verify.ts';
import { EXIT } from './exit.ts';

function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}

const program = new Command('hivekey')
  .description('Every AI agent of a company under one policy: scope, guard, log.')
  .version(version())
  .option('--json', 'print JSON')
  .option('--url <url>', 'server (default: HIVEKEY_URL, the login, or http://127.0.0.1:7420)')
  .showHelpAfterError('(add --help for more)')
  .enablePositionalOptions()
  .addHelpText(
    'after',
    `
The admin key is read from HIVEKEY_KEY, from the login, or from admin.key in the data folder of a server on this machine.

Exit codes: 0 done · 1 refused or failed · 2 wrong command line or file · 3 a check failed (verify, policy test, doctor) · 4 no server answered

Examples:
  hivekey login --key hk_live_…
  hivekey role apply -f support-agent.yaml
  hivekey agent create helpdesk-bot --role support-agent --owner dana@acme.example
  hivekey logs --follow
  hivekey revoke helpdesk-bot --reason "odd mails at night"`,
  );

for (const add of [
  addSessionCommands,
  addAgentCommands,
  addCredentialCommands,
  addAgentCredentialCommands,
  addOAuthClientCommands,
  addPeopleCommands,
  addScimCommands,
  addPolicyObjectCommands,
  addProveCommand,
  addPolicyCommands,
  addPolicyCodeCommands,
  addAlertCommands,
  addIncidentCommands,
  addEvidenceCommands,
  addSampleCommands,
  addTieOutCommands,
  addEngagementCommands,
  addBudgetCommands,
  addBlastRadiusCommands,
  addLeastPrivilegeCommands,
  addDriftCommands,
  addServerCommands,
  addHttpApiCommands,
  addSecretCommands,
  addFreezeCommands,
  addRiskCommands,
  addApprovalCommands,
  addChangeCommands,
  addDelegationCommands,
  addOwnershipCommands,
  addChannelCommands,
  addSinkCommands,
  addContainmentCommands,
  addTwoPeopleCommands,
  addReceiptCommands,
  addDecisionCommands,
  addDrillCommands,
  addQuarantineCommands,
  addDetectionRuleCommands,
  addDetectionServerCommands,
  addLogCommands,
  addReadinessCommands,
  addRetentionCommands,
  addReviewCommands,
  addVerifyCommand,
  addBridgeCommand,
  addDoctorCommand,
])
  add(program);

/** `--json` and `--url` work before and behind the command. */
function inherit(command: Command): void {
  const usage = command.name() === 'plan' ? EXIT.failed : EXIT.usage;
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.done : usage));
  for (const child of command.commands) {
    child.option('--json', 'print JSON').option('--url <url>', 'server');
    inherit(child);
  }
}
inherit(program);

// A reader that has had enough (head, jq) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  throw error;
});

await program.parseAsync();
