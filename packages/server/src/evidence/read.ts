/** Reads a report: what goes into files, counts and previews alike. */
import type { Facts, Period, Row, TableShape } from '@hivekey/evidence';
import { Failure } from '../errors.ts';
import { absencesIn } from './absences.ts';
import type { Report, ReportContent, ReportScope } from './report.ts';
import type { Snapshot } from './snapshot.ts';

/** What is asked of a report. */
export interface Asked {
  readonly report: Report;
  readonly period: Period;
  readonly parameters: Readonly<Record<string, string>>;
  /** An instant before the snapshot's, from which on nothing is told: that of an earlier page. */
  readonly asOf?: string | undefined;
}

export function scopeOf(
  context: ReportScope['context'],
  { client, workspaceId, asOf: now }: Snapshot,
  { period, parameters, asOf = now }: Asked,
): ReportScope {
  return { client, context, workspaceId, period, asOf, parameters };
}

/** With what has left the log of the period among its facts. Throws `parameter_invalid` and what the report throws. */
export async function readReport(report: Report, scope: ReportScope): Promise<ReportContent> {
  const unknown = Object.keys(scope.parameters).find((name) => report.parameters?.[name] === undefined);
  if (unknown !== undefined)
    throw new Failure(
      422,
      'parameter_invalid',
      `The report ${report.id} has no parameter "${unknown}".`,
      `It takes ${Object.keys(report.parameters ?? {}).join(', ') || 'none'} beside the period.`,
    );
  const content = await report.read(scope);
  return {
    ...content,
    facts: async () => {
      const [facts, absent] = [await content.facts(), await absencesIn(scope)];
      return Object.fromEntries(Object.entries(facts).map(([table, of]) => [table, withAbsences(of, absent)]));
    },
  };
}

function withAbsences(facts: Facts, { exclusions, redactions }: Pick<Facts, 'exclusions' | 'redactions'>): Facts {
  return {
    ...facts,
    exclusions: [...facts.exclusions, ...exclusions],
    redactions: [...facts.redactions, ...redactions],
  };
}

export function rowsOf(content: ReportContent, { name }: TableShape): AsyncIterable<Row> {
  const rows = content.rows[name];
  if (rows === undefined) throw new Error(`the report has no rows of ${name}`);
  return rows;
}

export function factsOf(facts: Readonly<Record<string, Facts>>, { name }: TableShape): Facts {
  const of = facts[name];
  if (of === undefined) throw new Error(`the report has no facts about ${name}`);
  return of;
}

/** Throws `table_not_found`. Without a name, the first one. */
export function tableOf({ id, tables }: Report, name: string | undefined): TableShape {
  const table = name === undefined ? tables[0] : tables.find((each) => each.name === name);
  if (table !== undefined) return table;
  throw new Failure(
    404,
    'table_not_found',
    `The report ${id} has no table "${name}".`,
    `Its tables: ${tables.map((each) => each.name).join(', ')}.`,
  );
}
