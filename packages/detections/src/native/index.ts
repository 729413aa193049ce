/** The native rules by the name that their files give. */
import { approvalFatigue, approvalMisuse, approverInvolved } from './approvals.ts';
import { loosenedThenUsed, revokedAgent, taintThenAction, tokenShared, toolDrift } from './calls.ts';
import { egressSpike } from './egress.ts';
import { adminKeyStrays, firstSeenPayee, firstSeenTool } from './first-seen.ts';
import { logIntegrity } from './log-integrity.ts';
import type { NativeRule } from './native.ts';
import { silentAgent, silentSink } from './silence.ts';
import { spendVelocity, splitting } from './spending.ts';

export const NATIVE: Readonly<Record<string, NativeRule>> = {
  admin_key_strays: adminKeyStrays,
  approval_fatigue: approvalFatigue,
  approval_misuse: approvalMisuse,
  approver_involved: approverInvolved,
  egress_spike: egressSpike,
  first_seen_payee: firstSeenPayee,
  first_seen_tool: firstSeenTool,
  log_integrity: logIntegrity,
  loosened_then_used: loosenedThenUsed,
  revoked_agent: revokedAgent,
  silent_agent: silentAgent,
  silent_sink: silentSink,
  spend_velocity: spendVelocity,
  splitting,
  taint_then_action: taintThenAction,
  token_shared: tokenShared,
  tool_drift: toolDrift,
};
