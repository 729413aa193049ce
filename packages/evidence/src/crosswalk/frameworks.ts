/**
 * Frameworks by name and pinned version, with the ids that exist in them. Ids are printed with their version always: between
 * versions the same id means other things.
 */
import { CRITERIA } from '../controls/criteria.ts';

export interface Framework {
  readonly key: FrameworkKey;
  readonly framework: string;
  readonly version: string;
  /** `whole`: every id of it; `used`: the ids that we refer to, as nobody here has the whole sheet. */
  readonly list: 'whole' | 'used';
  /** Where the ids are from, and how far that is to be relied upon. */
  readonly source: string;
  readonly ids: ReadonlySet<string>;
}

export const FRAMEWORKS = ['tsc', 'iso42001', 'nist', 'eu', 'owasp', 'aicm10', 'aicm111', 'aiuc'] as const;
export type FrameworkKey = (typeof FRAMEWORKS)[number];

function numbered(prefix: string, from: number, to: number, digits = 1): readonly string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${prefix}${String(from + i).padStart(digits, '0')}`);
}

/** `{'GOVERN 1.': 7}` → GOVERN 1.1 … GOVERN 1.7 */
function series(lengths: Readonly<Record<string, number>>, from = 1): readonly string[] {
  return Object.entries(lengths).flatMap(([prefix, last]) => numbered(prefix, from, last));
}

const ISO_ANNEX_A = [
  ...series(
    { 'A.2.': 4, 'A.3.': 3, 'A.4.': 6, 'A.5.': 5, 'A.6.2.': 8, 'A.7.': 6, 'A.8.': 5, 'A.9.': 4, 'A.10.': 4 },
    2,
  ),
  ...numbered('A.6.1.', 2, 3),
];
const ISO_CLAUSES = [
  ...series({
    'cl. 4.': 4,
    'cl. 5.': 3,
    'cl. 6.': 3,
    'cl. 7.': 5,
    'cl. 7.5.': 3,
    'cl. 8.': 4,
    'cl. 9.': 3,
    'cl. 10.': 2,
  }),
];

const NIST = series({
  ...{ 'GOVERN 1.': 7, 'GOVERN 2.': 3, 'GOVERN 3.': 2, 'GOVERN 4.': 3, 'GOVERN 5.': 2, 'GOVERN 6.': 2 },
  ...{ 'MAP 1.': 6, 'MAP 2.': 3, 'MAP 3.': 5, 'MAP 4.': 2, 'MAP 5.': 2 },
  ...{ 'MEASURE 1.': 3, 'MEASURE 2.': 13, 'MEASURE 3.': 3, 'MEASURE 4.': 3 },
  ...{ 'MANAGE 1.': 4, 'MANAGE 2.': 4, 'MANAGE 3.': 2, 'MANAGE 4.': 3 },
});

/** Paragraphs of the articles that we refer to. */
const EU = [
  ...['Art. 9', 'Art. 12', 'Art. 14', 'Art. 15', 'Art. 26', 'Art. 72', 'Art. 73'],
  ...[
    ...paragraphs('Art. 9', 10),
    ...paragraphs('Art. 12', 3),
    ...paragraphs('Art. 14', 5),
    ...paragraphs('Art. 15', 5),
  ],
  ...[...paragraphs('Art. 26', 12), ...paragraphs('Art. 72', 4), ...paragraphs('Art. 73', 11)],
  ...[...'abc'].map((letter) => `Art. 12(2)(${letter})`),
  ...[...'abcde'].map((letter) => `Art. 14(4)(${letter})`),
];

function paragraphs(article: string, last: number): readonly string[] {
  return Array.from({ length: last }, (_, i) => `${article}(${i + 1})`);
}

const AIUC = [
  ...numbered('A', 1, 7, 3),
  ...numbered('B', 1, 9, 3),
  ...numbered('C', 1, 12, 3),
  ...numbered('D', 1, 4, 3),
  // E007 and E014 were merged into others.
  ...numbered('E', 1, 17, 3).filter((id) => id !== 'E007' && id !== 'E014'),
  ...numbered('F', 1, 2, 3),
];

const LIST: readonly Framework[] = [
  {
    key: 'tsc',
    framework: 'AICPA Trust Services Criteria',
    version: '2017 (points of focus 2022)',
    list: 'whole',
    source: 'Ids of the published criteria; the text is AICPA’s and is not reproduced.',
    ids: new Set(Object.keys(CRITERIA)),
  },
  {
    key: 'iso42001',
    framework: 'ISO/IEC 42001',
    version: '2023',
    list: 'whole',
    source: 'Numbers of the clauses and of Annex A.',
    ids: new Set([...ISO_CLAUSES, ...ISO_ANNEX_A]),
  },
  {
    key: 'nist',
    framework: 'NIST AI RMF',
    version: '1.0',
    list: 'whole',
    source: 'NIST AI 100-1 (January 2023), subcategories of the core.',
    ids: new Set(NIST),
  },
  {
    key: 'eu',
    framework: 'EU AI Act',
    version: 'Regulation (EU) 2024/1689',
    list: 'used',
    source: 'Paragraphs of Articles 9, 12, 14, 15, 26, 72 and 73, which bind high-risk systems only.',
    ids: new Set(EU),
  },
  {
    key: 'owasp',
    framework: 'OWASP Top 10 for Agentic Applications',
    version: '2026',
    list: 'whole',
    source: 'The published list; drafts used other numbers.',
    ids: new Set(numbered('ASI', 1, 10, 2)),
  },
  {
    key: 'aicm10',
    framework: 'CSA AI Controls Matrix',
    version: '1.0',
    list: 'used',
    source: 'The sheet of July 2025 (243 objectives); only the ids that we refer to are pinned.',
    ids: new Set([
      ...['A&A-06', 'AIS-11', 'GRC-15', 'IAM-08', 'IAM-11', 'IAM-12', 'IAM-16', 'IAM-17', 'IAM-19'],
      ...['LOG-02', 'LOG-04', 'LOG-05', 'LOG-07', 'LOG-08', 'LOG-09'],
    ]),
  },
  {
    key: 'aicm111',
    framework: 'CSA AI Controls Matrix',
    version: '1.1.1',
    list: 'used',
    source: 'A secondary source (247 objectives, renumbered): check against the official sheet before relying on it.',
    ids: new Set(['AIS-09', 'AIS-10', 'DSP-17', 'IAM-18', 'LOG-09', 'LOG-15', 'LOG-16', 'TVM-13']),
  },
  {
    key: 'aiuc',
    framework: 'AIUC-1',
    version: '1.0 (2026 Q1)',
    list: 'whole',
    source: 'A secondary source of the ids of each group; check against the official text before relying on it.',
    ids: new Set(AIUC),
  },
];

const BY_KEY = new Map(LIST.map((framework) => [framework.key, framework]));

export function frameworkOf(key: FrameworkKey): Framework {
  const framework = BY_KEY.get(key);
  if (framework === undefined) throw new Error(`no framework ${key}`);
  return framework;
}
