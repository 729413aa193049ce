import type { Frame } from './model.ts';

export const SAMPLE_DATA = 'SAMPLE DATA: made up for showing the product.';

/** The head of a document as facts. */
export function frameFacts({ tenant, environment, period, asOf, generatedAt, csvSha256 }: Frame) {
  return [
    { name: 'Tenant', value: `${tenant} (${environment})` },
    { name: 'Period', value: periodText(period) },
    { name: 'As of', value: asOf },
    { name: 'Made', value: generatedAt },
    ...(csvSha256 === null ? [] : [{ name: 'SHA-256 of the CSV', value: csvSha256 }]),
  ];
}

export function periodText(period: Frame['period']): string {
  return period === null ? 'one instant' : `${period.from} to before ${period.to} (UTC)`;
}
