/** The levels of Sigma, from the least. */
export const SEVERITIES = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export function isAtLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}

export function highest(severities: readonly Severity[]): Severity {
  return SEVERITIES[Math.max(0, ...severities.map((each) => SEVERITIES.indexOf(each)))] ?? 'informational';
}
