/** A record of every kind, with every field that docs/reference/records.md names for it, each with a value that is found again. */
import { readFileSync } from 'node:fs';
import { canonicalJson, entryHash, formatHash, type LogRecord, linkHash, ZERO_LINK } from '@hivekey/action-log';
import { RECORD_FIELDS, type StreamEntry } from '../src/index.ts';

const root = new URL('../../../', import.meta.url);
const source = readFileSync(new URL('packages/action-log/src/records.ts', root), 'utf8');
const page = readFileSync(new URL('docs/reference/records.md', root), 'utf8');

/** As the type says. */
export const KINDS: readonly string[] = [...source.matchAll(/^ {2}\| '([a-z_]+\.[a-z_]+)'/gm)].map(
  ([, kind]) => kind ?? '',
);

/** Values that have a meaning for the mapping. Of every list the first is used, and the others in turn. */
const MEANT: Readonly<Record<string, readonly unknown[]>> = {
  verdict: ['deny', 'allow', 'review'],
  access: ['write', 'read', 'create', 'delete'],
  outcome: ['success', 'error', 'unknown', 'not_attempted'],
  decision: ['approve', 'deny'],
  actor: ['person:dana@acme.example', 'key:ops', 'system', 'agent:planner', 'breaker:spend', 'slack:dana@acme.example'],
  owner: ['samir@acme.example'],
  person: ['lena@acme.example', 'not an address'],
  src_ip: ['10.4.7.21', '2001:db8::7', 'unknown', '::ffff:10.4.7.21', '1:2:3'],
  impact: [{ usd: 54_000 }, { eur: 1, usd: 2 }, { rows: 5 }],
  roles: [['Billing', 'Support']],
  changes: [{ roles: [['A'], ['A', 'B']] }, { roles: [['A'], []] }, { owner: ['a@acme.example', 'b@acme.example'] }],
  severity: ['high', 'critical'],
  level: ['high', 'low'],
  traceparent: ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  entrance: ['mcp', 'http'],
  local_hour: [16],
};

export type Variant = number;
export const VARIANTS: readonly Variant[] = [0, 1, 2, 3, 4, 5];

/** Names of fields in the page's tables. Enumerations of values stand in brackets, and are left out. */
export function fieldsOf(kind: string): readonly string[] {
  if (kind === 'tool.call' || kind === 'tool.result') {
    const start = page.indexOf(`### \`${kind}\``);
    const section = page.slice(start, page.indexOf('\n#', start + 4));
    return [...section.matchAll(/^\| ((?:`[a-z_0-9]+`(?:, )?)+) \|/gm)].flatMap(([, cell = '']) => namesIn(cell));
  }
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('|') && (line.split('|')[1] ?? '').includes(`\`${kind}\``));
  return rows.flatMap((row) => namesIn(withoutBrackets(row.split('|').slice(2).join(' '))));
}

function withoutBrackets(text: string): string {
  let depth = 0;
  let kept = '';
  for (const character of text) {
    if (character === '(') depth += 1;
    if (depth === 0) kept += character;
    if (character === ')') depth -= 1;
  }
  return kept;
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/`([a-z][a-z_0-9]*)`/g)].map(([, name]) => name ?? '');
}

export function recordOf(kind: string, variant: Variant): LogRecord {
  const names = new Set([
    ...fieldsOf(kind),
    ...(kind.startsWith('tool.') || kind.startsWith('gateway.') ? [] : ['actor']),
  ]);
  if (kind.startsWith('approval.'))
    for (const name of ['approval_id', 'approval_hash', 'agent', 'agent_id', 'owner', 'action']) names.add(name);
  const fields = Object.fromEntries([...names].map((name) => [name, sampleOf(name, kind, variant)]));
  return {
    ...fields,
    v: 1,
    event_id: `evt_${kind}_${variant}`,
    kind: kind as LogRecord['kind'],
    ts: '2026-06-16T14:02:09.112Z',
    workspace: 'acme',
    env: 'prod',
    shard: 'shd_1',
    shard_seq: 7,
  };
}

const TYPES: Readonly<Record<string, string>> = RECORD_FIELDS;

function sampleOf(name: string, kind: string, variant: Variant): unknown {
  const meant = MEANT[name];
  if (meant !== undefined) return meant[variant % meant.length];
  const number = 1_000 + [...`${kind}${name}`].reduce((sum, each) => (sum * 31 + each.charCodeAt(0)) % 1_000_000, 7);
  // Every third time a value of a type that the field is not declared with: records of another kind have those.
  const type =
    variant === 3 ? 'json' : (TYPES[name] ?? ['text', 'whole', 'texts', 'json', 'flag', 'number'][number % 6]);
  switch (type) {
    case 'whole':
      return number;
    case 'number':
      return number + 0.5;
    case 'flag':
      return number % 2 === 0;
    case 'time':
      return new Date(Date.UTC(2026, 5, 16) + number * 1_000).toISOString();
    case 'texts':
      return [`${name}~one`, `${name}~two`];
    case 'json':
      return { [`${name}_part`]: `${name}~deep`, list: [{ n: number }] };
    default:
      return `${name}~${number}`;
  }
}

export function entryOf(record: LogRecord, seq = 42): StreamEntry {
  const canonical = canonicalJson(record);
  const hash = entryHash(canonical);
  return {
    type: 'entry',
    seq,
    entryHash: formatHash(hash),
    prevHash: formatHash(ZERO_LINK),
    hash: formatHash(linkHash(ZERO_LINK, hash)),
    canonical,
    record,
  };
}
