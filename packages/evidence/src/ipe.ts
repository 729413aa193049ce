/** The header that goes with each file: as a file of its own, and as fields that a sheet or page shows. */
import { canonicalJson } from '@hivekey/action-log';
import type { IpeHeader } from './types.ts';

/** Stands on each page and each first sheet. */
export const SELF_ASSESSMENT = "Management's self-assessment. Not an auditor's opinion.";

/** Order in which people are shown the fields: right system, right query, right time, complete, accurate, whole. */
const SHOWN_FIRST: readonly (keyof IpeHeader)[] = [
  'title',
  'report_id',
  'sample_data',
  'control_ids',
  'system',
  'environment',
  'tenant',
  'period_from',
  'period_to',
  'as_of',
  'generated_at',
  'generated_by',
  'generator',
  'code_version',
  'policy_hash',
  'query_id',
  'query_text',
  'parameters',
  'row_count',
  'first_seq',
  'last_seq',
  'gaps',
  'control_totals',
  'source_counts',
  'tie_out',
  'filters',
  'exclusions',
  'redactions',
  'neutralised_cells',
  'sha256',
  'chain_head',
  'checkpoint_id',
  'tsa_token',
];

/** `<table>.ipe.json`: a JSON document in UTF-8, made by {@link prettyJson}. */
export function ipeJson(header: IpeHeader): string {
  return prettyJson(header);
}

/**
 * As RFC 8785, but for an indent of two spaces and an LF at the end: names in UTF-16 order, so that the same value gives the same
 * bytes, and people can read it. Lone surrogates become U+FFFD. Throws `NotCanonical` for what JSON does not have.
 */
function prettyJson(value: unknown): string {
  return `${pretty(value, '\n')}\n`;
}

function pretty(value: unknown, line: string): string {
  if (typeof value === 'string') return canonicalJson(value.toWellFormed());
  if (typeof value !== 'object' || value === null) return canonicalJson(value);
  const inner = `${line}  `;
  const [open, close, parts] = Array.isArray(value)
    ? ['[', ']', value.map((each) => pretty(each, inner))]
    : [
        '{',
        '}',
        Object.entries(value)
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, each]) => `${pretty(name, inner)}: ${pretty(each, inner)}`),
      ];
  return parts.length === 0 ? open + close : `${open}${inner}${parts.join(`,${inner}`)}${line}${close}`;
}

export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** For people: each field with its value as one text; nothing is left out, `none` stands for what is empty. */
export function headerFields(header: IpeHeader): readonly HeaderField[] {
  return SHOWN_FIRST.map((name) => ({ name, value: fieldText(header[name]) }));
}

function fieldText(value: unknown): string {
  if (value === null || value === '') return 'none';
  if (typeof value !== 'object') return String(value);
  const parts = Array.isArray(value)
    ? value.map((each) => fieldText(each).replaceAll('\n', ', '))
    : Object.entries(value).map(([name, each]) => `${name}: ${fieldText(each).replaceAll('\n', ', ')}`);
  return parts.length === 0 ? 'none' : parts.join('\n');
}
