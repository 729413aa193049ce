import type { ApiContext } from '../../api/route.ts';
import { allReports, inSnapshot, periodOf, readReport, reportOf, rowsOf, scopeOf } from '../../evidence/index.ts';
import type { WorkspaceId } from '../../ids.ts';
import type { Button } from './step.ts';

/** Entries of the period, and whether their numbers have a gap. */
const ENTRIES = `SELECT count(*)::int AS entries, min(seq) AS first_seq, max(seq) AS last_seq,
       (coalesce(max(seq) - min(seq) + 1, 0) - (
          SELECT count(*) FROM actions b WHERE b.workspace_id = $1
             AND b.seq BETWEEN min(a.seq) AND max(a.seq)))::int AS missing_numbers
  FROM actions a WHERE a.workspace_id = $1 AND a.ts >= $2 AND a.ts < $3`;

interface Entries {
  readonly entries: number;
  readonly first_seq: number | null;
  readonly last_seq: number | null;
  readonly missing_numbers: number;
}

/** Throws `report_not_found`. */
export const population: Button = async (context, { workspaceId, from, to, report: id }) => {
  const report = reportOf(id ?? allReports()[0]?.id ?? '');
  const period = periodOf(from.toISOString(), to.toISOString(), context.clock());
  const first = await countsOf(context, workspaceId, report.id, period);
  const second = await countsOf(context, workspaceId, report.id, period);
  const { rows } = await context.pool.query<Entries>(ENTRIES, [workspaceId, from, to]);
  const [entries] = rows;
  const isSame = JSON.stringify(first.tables) === JSON.stringify(second.tables);
  const isTied = first.tables.every(({ rows: count, source_counts: sources }) =>
    Object.values(sources).every((source) => source === count),
  );
  const said = first.tables.map(({ table, rows: count }) => `${table}: ${count}`).join(', ');
  return {
    shown: isSame && isTied && entries?.missing_numbers === 0,
    said: `${report.title}: ${said}. ${isSame ? 'Counted again it is the same' : 'Counted again it differs'}. The log has ${entries?.entries ?? 0} entries in the period, and ${entries?.missing_numbers ?? 'unknown'} numbers are missing.`,
    facts: {
      report: report.id,
      period,
      query: report.query,
      first,
      second,
      log: { statement: ENTRIES, parameters: [workspaceId, period.from, period.to], ...entries },
    },
  };
};

async function countsOf(
  context: ApiContext,
  workspaceId: WorkspaceId,
  id: string,
  period: ReturnType<typeof periodOf>,
) {
  const report = reportOf(id);
  return inSnapshot(context, workspaceId, async (snapshot) => {
    const scope = scopeOf(context, snapshot, { report, period, parameters: {} });
    const content = await readReport(report, scope);
    const counts = new Map<string, number>();
    for (const table of report.tables) {
      let count = 0;
      for await (const _ of rowsOf(content, table)) count += 1;
      counts.set(table.name, count);
    }
    const facts = await content.facts();
    const tables = report.tables.map(({ name }) => ({
      table: name,
      rows: counts.get(name) ?? 0,
      source_counts: facts[name]?.source_counts ?? {},
      gaps: facts[name]?.gaps.length ?? 0,
    }));
    return { as_of: scope.asOf, tables };
  });
}
