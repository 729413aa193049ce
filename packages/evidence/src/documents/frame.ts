import type { Frame } from './model.ts';
import { timeText } from './time.ts';

export const SAMPLE_DATA = 'SAMPLE DATA: made up for showing the product.';

/** The head of a document as facts. */
export function frameFacts({ tenant, environment, period, asOf, generatedAt, csvSha256 }: Frame) {
  return [
    { name: 'Tenant', value: `${tenant} (${environment})` },
    { name: 'Period', value: periodText(period) },
    { name: 'As of', value: timeText(asOf) },
    { name: 'Made', value: timeText(generatedAt) },
    ...(csvSha256 === null ? [] : [{ name: 'SHA-256 of the CSV', value: csvSha256 }]),
  ];
}

export function periodText(period: Frame['period']): string {
  return period === null ? 'one instant' : `${dayOrTime(period.from)} to before ${dayOrTime(period.to)} UTC`;
}

/** Midnight is the day alone. */
function dayOrTime(iso: string): string {
  return timeText(iso).replace(/( 00:00:00)?Z$/, '');
}
