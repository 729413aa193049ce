/** Everything that a preview says but the replay of the log. Pure: worlds in, document out. */
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
  /** Groups of agents that wear the same, whose numbers are computed. */
  readonly maxRadiusGroups: number;
  /** Epoch milliseconds. */
  readonly atMs: number;
}

export function previewDocument(inputs: PreviewInputs): PreviewDocument {
  const { before, after, laid } = inputs;
  const difference = policyDiff(before.set, after.set);
  const affected = affectedAgents(before, after, difference);
  const roles = changedRoles(difference);
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
    matrix: cellDifferences(before.set, after.set, difference, inputs.atMs),
    agents: agentsInWords(affected),
    tools: toolDifferences(before, after, affected, roles),
    lint: lintDifference(inputs.lintBefore, after.set),
    misfits: misfitsOf(after.set),
    tests: testRun(inputs.tests, before.set, after.set),
    blast_radius: radiusDifference(inputs.radius, after.set, affected, roles, inputs.maxRadiusGroups),
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
