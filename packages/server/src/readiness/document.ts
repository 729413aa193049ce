/** Makes the document of a run: every control, every criterion, the counts. */
import type { Period } from '@hivekey/evidence';
import {
  BANNER,
  CONTROLS,
  type Control,
  CRITERIA,
  countStates,
  coverageOf,
  type Exemption,
  headlineOf,
  type RunControl,
  type RunCriterion,
  type RunDocument,
  withParameters,
  worstOf,
} from '@hivekey/evidence/controls';
import type { TestScope } from './control-test.ts';
import { evaluate, querySha256 } from './evaluate.ts';
import { exemptionsAt } from './exemptions.ts';
import { type Instant, testScope } from './scope.ts';
import { testOf } from './tests/index.ts';

export interface About {
  readonly id: string;
  readonly actor: string;
  readonly codeVersion: string;
  readonly workspace: { readonly name: string; readonly environment: string };
  readonly isSampleData: boolean;
  readonly log: { readonly size: number; readonly checkpoint: string | null };
}

export async function runDocument(instant: Instant, period: Period, about: About): Promise<RunDocument> {
  const scope = await testScope(instant, period);
  const exemptions = await exemptionsAt(scope);
  const controls: RunControl[] = [];
  for (const control of CONTROLS) controls.push(await runControl(scope, control, exemptions.get(control.id) ?? null));
  const counts = countStates(controls.map(({ state }) => state));
  return {
    banner: BANNER,
    id: about.id,
    workspace: about.workspace.name,
    environment: about.workspace.environment,
    sample_data: about.isSampleData,
    period_from: period.from,
    period_to: period.to,
    as_of: instant.asOf,
    actor: about.actor,
    code_version: about.codeVersion,
    policy_hash: await policyAt(scope),
    log_size: about.log.size,
    log_checkpoint: about.log.checkpoint,
    headline: headlineOf(counts),
    counts,
    ...coverageOf(counts),
    controls,
    criteria: criteriaOf(controls),
  };
}

async function runControl(scope: TestScope, control: Control, exemption: Exemption | null): Promise<RunControl> {
  const { words } = scope.parameters;
  const { tested, verdict } = await evaluate(scope, control.id, exemption);
  const { population, deviating, deviations, sources } = tested;
  return {
    id: control.id,
    title: control.title,
    statement: withParameters(control.statement, words),
    criteria: control.criteria,
    parameters: Object.fromEntries(control.parameters.map((name) => [name, words[name]])),
    ...verdict,
    ...{ population, deviating, deviations, sources },
    exemption,
    query_sha256: querySha256(testOf(control.id)),
  };
}

function criteriaOf(controls: readonly RunControl[]): readonly RunCriterion[] {
  return Object.entries(CRITERIA).flatMap(([id, title]) => {
    const own = controls.filter(({ criteria }) => criteria.includes(id));
    if (own.length === 0) return [];
    return [{ id, title, state: worstOf(own.map(({ state }) => state)), controls: own.map((each) => each.id) }];
  });
}

async function policyAt({ client, workspaceId, to }: TestScope): Promise<string | null> {
  const { rows } = await client.query<{ hash: string }>(
    `SELECT policy_hash AS hash FROM policy_revisions WHERE workspace_id = $1 AND created_at < $2 ORDER BY revision DESC LIMIT 1`,
    [workspaceId, to],
  );
  return rows[0]?.hash ?? null;
}
