/** Evidence: what reports are, and the files that are made of them. */

export { column } from './column.ts';
export { fleetAt } from './history/blast-radius.ts';
export { pdfOf } from './pdf.ts';
export { endOf, periodOf } from './period.ts';
export { population } from './population.ts';
export { readReport, rowsOf, scopeOf, tableOf } from './read.ts';
export type { Attachment, Report, ReportContent, ReportScope } from './report.ts';
export { allReports, reportOf } from './reports.ts';
export { inSnapshot, type Snapshot, streamRows } from './snapshot.ts';
export { writeReport } from './write.ts';
