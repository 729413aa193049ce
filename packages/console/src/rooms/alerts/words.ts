/** How alerts are spoken of. Pure. */

const SOURCES: Readonly<Record<string, string>> = {
  detection: 'a detection',
  sink: 'a stream to a SIEM',
  drift: 'the drift check',
  blast_radius: 'the blast radius',
  change: 'change control',
  break_glass: 'emergency accounts',
  rule_test: 'rule tests',
  retention: 'retention',
  system: 'HiveKey itself',
};

export function sourceWords(source: string): string {
  return SOURCES[source] ?? source;
}

/** `alert.acknowledged` → `Alert acknowledged`, `distinct_tools` → `Distinct tools`. */
export function kindWords(kind: string): string {
  const words = kind.replaceAll(/[._]/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What a finding says, on one line. */
export function factWords(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return value.toLocaleString('en-US');
  if (Array.isArray(value)) return value.map(factWords).join(', ');
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([name, part]) => `${name.replaceAll('_', ' ')} ${factWords(part)}`)
      .join(', ');
  return String(value);
}
