/** Evidence: what reports are, and the files that are made of them. */
export type { Attachment, Report, ReportContent, ReportScope } from './report.ts';
