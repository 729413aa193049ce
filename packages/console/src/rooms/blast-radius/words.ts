/** Blast radii in words. Pure. */
import type { RadiusLine } from '../../api/radius-types.ts';

export const LINES: readonly { readonly value: RadiusLine; readonly label: string }[] = [
  { value: 'alone', label: 'Without human help' },
  { value: 'fooled', label: 'One approver is fooled' },
  { value: 'bypassed', label: 'The gateway is passed by' },
];

const HORIZONS: Readonly<Record<string, string>> = {
  contained: 'until contained',
  '1h': '1 h',
  '24h': '24 h',
  '7d': '7 d',
};

export function horizonWords(id: string): string {
  return HORIZONS[id] ?? id;
}

const UNITS: Readonly<Record<string, string>> = {
  records_read: 'records read',
  records_changed: 'records changed',
  records_deleted: 'records deleted',
};

/** `money (USD)`, `records read` */
export function unitWords(unit: string): string {
  if (/^[a-z]{3}$/.test(unit)) return `money (${unit.toUpperCase()})`;
  return UNITS[unit] ?? unit.replaceAll('_', ' ');
}
