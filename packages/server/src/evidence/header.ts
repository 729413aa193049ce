/** The header that goes with every file, of what is known about how it was made. */
import { hash } from 'node:crypto';
import type { Facts, IpeHeader, Json, TableShape } from '@hivekey/evidence';
import type { Administrator } from '../api/route.ts';
import { endOf } from './period.ts';
import type { Report, ReportScope } from './report.ts';
import type { Snapshot } from './snapshot.ts';

/** Who asked for it. */
export interface Author {
  readonly person: string;
  readonly session: string | null;
}

export function authorOf({ person, actor, session, credentialId }: Administrator): Author {
  return { person: person?.email ?? actor, session: session?.id ?? credentialId };
}

/** All but what only a written file tells. */
export type KnownHeader = Omit<IpeHeader, 'row_count' | 'neutralised_cells' | 'sha256' | 'generated_at'>;

export async function headerOf(
  report: Report,
  table: TableShape,
  scope: ReportScope,
  snapshot: Snapshot,
  facts: Facts,
  by: Author,
): Promise<KnownHeader> {
  const { context, period, asOf, parameters } = scope;
  const more = (await report.about_parameters?.(scope)) ?? {};
  const asked: Record<string, Json> = { from: period.from, to: period.to, ...parameters, ...more };
  return {
    report_id: report.id,
    title: report.tables.length === 1 ? report.title : `${report.title}: ${table.title}`,
    control_ids: report.controls,
    system: 'HiveKey',
    environment: snapshot.workspace.environment,
    tenant: snapshot.workspace.name,
    query_id: `${report.id}/${table.name}@${hash('sha256', report.query).slice(0, 16)}`,
    query_text: report.query,
    parameters: asked,
    code_version: context.version,
    policy_hash: await policyAt(scope),
    period_from: period.from,
    period_to: period.to,
    as_of: asOf,
    generated_by: by,
    generator: `HiveKey ${context.version}`,
    ...facts,
    gaps: [...facts.gaps, ...stillOpen(scope)],
    chain_head: snapshot.log.head,
    checkpoint_id: snapshot.log.checkpoint,
    tsa_token: null,
    sample_data: snapshot.isSampleData,
  };
}

/** Of a period that is not over, what is still to come. */
function stillOpen({ period, asOf }: ReportScope): Facts['gaps'] {
  return period.to <= asOf
    ? []
    : [{ from: asOf, to: period.to, reason: 'The period was not over when this was read.' }];
}

/** The policy in force at the end of the period. */
async function policyAt({ client, workspaceId, period, asOf }: ReportScope): Promise<string | null> {
  const { rows } = await client.query<{ hash: string }>(
    `SELECT policy_hash AS hash FROM policy_revisions WHERE workspace_id = $1 AND created_at < $2
      ORDER BY revision DESC LIMIT 1`,
    [workspaceId, endOf(period, asOf)],
  );
  return rows[0]?.hash ?? null;
}
