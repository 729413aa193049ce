/** Everything that a preview says but the replay of the log: worlds in, document out. Calls are decided in between. */
import { setImmediate } from 'node:timers/promises';
import { type Difference, type Finding, policyDiff, type RadiusWorld } from '@hivekey/policy';
import { affectedAgents, agentsInWords, toolDifferences } from './affected.ts';
import { cellDifferences, lintDifference, misfitsOf } from './findings.ts';
import type { PreviewDocument } from './preview.ts';
import { radiusDifference } from './radius.ts';
import { directionOf, type LaidOperation, objectDifference, sentencesOf } from './summary.ts';
import { type SourcedTest, testRun } from './test-runs.ts';
import type { World } from './world.ts';

export interface PreviewInputs {
  readonly before: World;
  readonly after: World;
  readonly laid: readonly LaidOperation[];
  readonly tests: readonly SourcedTest[];
  /** Findings of lint in the policy in force. */
  readonly lintBefore: readonly Finding[];
  readonly radius: RadiusWorld;
  /** Roles, and groups of agents that wear the same, whose numbers are computed. */
  readonly radiusOf: number;
  /** Epoch milliseconds. */
  readonly atMs: number;
}

export async function previewDocument(inputs: PreviewInputs): Promise<PreviewDocument> {
  const { before, after, laid } = inputs;
  const difference = policyDiff(before.set, after.set);
  const affected = affectedAgents(before, after, difference);
  const roles = changedRoles(difference);
  await setImmediate();
  const matrix = cellDifferences(before.set, after.set, difference, inputs.atMs);
  await setImmediate();
  const lint = lintDifference(inputs.lintBefore, after.set);
  await setImmediate();
  const tools = toolDifferences(before, after, affected, roles);
  const tests = await testRun(inputs.tests, before.set, after.set);
  return {
    policy: { revision: before.set.revision, before: difference.before, after: difference.after },
    direction: directionOf(difference, laid, before.set),
    summary: sentencesOf(difference, laid),
    differences: difference.items.map(({ kind, origin, direction, sentence, action }) => ({
      kind,
      origin,
      direction,
      sentence,
      action: action ?? null,
    })),
    risk: riskView(difference),
    objects: laid.map(objectDifference),
    matrix,
    agents: agentsInWords(affected),
    tools,
    lint,
    misfits: misfitsOf(after.set),
    tests,
    blast_radius: await radiusDifference(inputs.radius, after.set, affected, roles, inputs.radiusOf),
    replay: null,
  };
}

/** Roles that decide otherwise, that come in or go. */
function changedRoles({ items }: Difference): readonly string[] {
  const found = items.flatMap(({ kind, origin, direction }) =>
    direction !== 'neutral' && ['role', 'grant', 'guard'].includes(kind) && origin !== 'workspace' ? [origin] : [],
  );
  return [...new Set(found)].sort();
}

function riskView({ risk }: Difference): PreviewDocument['risk'] {
  return {
    gained: risk.gained.map((gained) => ({ ...gained })),
    grants_lost: risk.grantsLost,
    guards_loosened: risk.guardsLoosened,
    guards_tightened: risk.guardsTightened,
    guards_changed: risk.guardsChanged,
    caps_loosened: risk.capsLoosened,
    approvals_loosened: risk.approvalsLoosened,
    workspace_wide: risk.workspaceWide,
  };
}
