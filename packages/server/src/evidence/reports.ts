/** All the evidence there is. Each folder makes its own; whatever lists, counts, exports or bundles goes through this list. */
import { answersReport } from '../answers/index.ts';
import { engagementReports } from '../engagements/index.ts';
import { Failure } from '../errors.ts';
import { actionLogReport, revocationsReport, siemReport } from '../log-evidence/index.ts';
import { crosswalkReport, readinessReport } from '../readiness/index.ts';
import { accessReviewReport } from '../reviews/index.ts';
import { samplesReport } from '../samples/index.ts';
import { tieOutReport } from '../tie-outs/index.ts';
import { agentsReport } from './items/agents.ts';
import { approvalsReport } from './items/approvals.ts';
import { changesReport } from './items/changes.ts';
import { incidentsReport } from './items/incidents.ts';
import { matrixReport } from './items/matrix.ts';
import { rolesReport } from './items/roles.ts';
import { scopeReport } from './items/scope.ts';
import { vendorsReport } from './items/vendors.ts';
import type { Report } from './report.ts';

/** By folder of the bundle. Append yours. A function: folders that make reports read others through this list, so that it is made when it is asked for. */
export function allReports(): readonly Report[] {
  return [
    scopeReport,
    agentsReport,
    answersReport,
    approvalsReport,
    changesReport,
    ...engagementReports,
    incidentsReport,
    matrixReport,
    accessReviewReport,
    rolesReport,
    actionLogReport,
    revocationsReport,
    siemReport,
    samplesReport,
    readinessReport,
    crosswalkReport,
    tieOutReport,
    vendorsReport,
  ];
}

/** Throws `report_not_found`. */
export function reportOf(id: string): Report {
  const report = allReports().find((each) => each.id === id);
  if (report !== undefined) return report;
  throw new Failure(404, 'report_not_found', `There is no report "${id}".`, 'List them with GET /v1/evidence/reports.');
}
