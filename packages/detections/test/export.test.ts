/** What is shipped for SIEMs: names that the events there really have, and KQL that is KQL. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { canonicalJson, type SealedEntry } from '@hivekey/action-log';
import { ENVELOPE_FIELDS, type Format, flatRecord, mapItem, RECORD_FIELDS } from '@hivekey/siem';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { exportSigma, loadRules, nameIn, type Query, readQueries, TARGETS, type Target } from '../src/index.ts';

const RULES = new URL('../rules/', import.meta.url);
const FOLDERS = readdirSync(RULES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();
const FORMATS: Readonly<Record<Target, Format>> = { splunk: 'ocsf-1.8.0', elastic: 'ecs-9.4', sentinel: 'flat' };

function file(folder: string, name: string): string {
  return readFileSync(new URL(`${folder}/${name}`, RULES), 'utf8');
}

function entriesOf(folder: string): readonly SealedEntry[] {
  return file(folder, 'attack.ndjson')
    .split('\n')
    .filter((line) => line.includes('"record"'))
    .map((line) => JSON.parse(line));
}

function mapped(entry: SealedEntry, target: Target): unknown {
  const { seq, entry_hash: entryHash, prev_hash: prevHash, hash, record } = entry;
  const item = { type: 'entry', seq, entryHash, prevHash, hash, canonical: canonicalJson(record), record } as const;
  return JSON.parse(mapItem(FORMATS[target], item, { raw: false, compact: false, replayed: false, omit: [] }));
}

/** Of nested maps; the flat view keeps what is no column as JSON text. */
function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((found, key) => {
    const map: unknown = typeof found === 'string' && found.startsWith('{') ? JSON.parse(found) : found;
    return typeof map === 'object' && map !== null ? Reflect.get(map, key) : undefined;
  }, value);
}

const QUERIES: readonly { readonly folder: string; readonly query: Query }[] = FOLDERS.filter((folder) =>
  readdirSync(new URL(`${folder}/`, RULES)).includes('queries.yaml'),
).flatMap((folder) => readQueries(file(folder, 'queries.yaml')).map((query) => ({ folder, query })));

describe('queries written by hand', () => {
  it('are there for the rules that matter, in each of the three languages', () => {
    const refs = new Set(QUERIES.map(({ folder }) => folder.split('-')[0]));
    expect([...refs]).toEqual(['D01', 'D02', 'D04', 'D08', 'D10', 'D11', 'D12', 'D13']);
    expect(QUERIES).toHaveLength(refs.size * TARGETS.length);
  });

  it.each(QUERIES)(
    '$folder for $query.target reads fields that its events have, and names its rows by them',
    ({ folder, query }) => {
      const events = entriesOf(folder).map((entry) => mapped(entry, query.target));
      expect(query.weaker.length).toBeGreaterThan(5);
      for (const field of query.fields) {
        expect(query.query, field).toContain(field);
        expect(
          events.some((event) => at(event, field) !== undefined),
          `${field} in ${FORMATS[query.target]}`,
        ).toBe(true);
      }
      const texts = events.map((event) => JSON.stringify(event).toLowerCase());
      for (const row of query.rows)
        for (const [column, value] of Object.entries(row))
          if (query.fields.includes(column))
            expect(
              texts.some((text) => text.includes(JSON.stringify(value).toLowerCase())),
              `${column} ${value}`,
            ).toBe(true);
    },
  );

  it('for Sentinel parse as KQL over the columns of the table', () => {
    const types: Readonly<Record<string, string>> = {
      whole: 'long',
      number: 'real',
      flag: 'bool',
      time: 'datetime',
      texts: 'dynamic',
    };
    const columns = Object.entries({ ...RECORD_FIELDS, ...ENVELOPE_FIELDS }).map(
      ([name, type]) => `['${name}']: ${types[type] ?? 'string'}`,
    );
    const queries = QUERIES.filter(({ query }) => query.target === 'sentinel').map(({ folder, query }) => ({
      name: folder,
      text: query.query,
    }));
    const wrong = { name: 'wrong', text: 'HiveKeyActions_CL | where no_such_column == 1 | bogus' };
    const script = fileURLToPath(new URL('kql/parse.cjs', import.meta.url));
    const input = JSON.stringify({
      columns: ['TimeGenerated: datetime', ...columns].join(', '),
      queries: [...queries, wrong],
    });
    const { wrong: refused, ...found } = JSON.parse(
      execFileSync(process.execPath, [script], { input, encoding: 'utf8' }),
    );
    expect(refused).not.toEqual([]);
    expect(found).toEqual(Object.fromEntries(queries.map(({ name }) => [name, []])));
  });
});

describe('rules exported as Sigma', () => {
  it.each(TARGETS)('for %s name fields that the mapped events have, with the same values', (target) => {
    for (const folder of FOLDERS) {
      const text = file(folder, 'rule.yaml');
      const { rules } = loadRules([{ name: folder, text }]);
      const [rule] = rules;
      const out = exportSigma(text, target);
      expect(out === undefined).toBe(rule?.document.form === 'native');
      if (rule === undefined || out === undefined) continue;
      expect(out).not.toContain('hivekey:');
      expect(out).not.toContain('|expand');
      const written = parseAllDocuments(out).map((document) => document.toJS());
      expect(written.every((document) => typeof document.title === 'string')).toBe(true);
      for (const entry of entriesOf(folder)) {
        const flat = flatRecord(entry.record);
        const event = mapped(entry, target);
        for (const field of rule.document.fields) {
          const value = flat[field];
          // In OCSF the agent of an administrative record is the user that it is about.
          if (
            value === undefined ||
            (target === 'splunk' && field.startsWith('agent') && at(event, 'actor.app_uid') === undefined)
          )
            continue;
          expect(at(event, nameIn(target, field)), `${folder} ${field}`).toEqual(value);
        }
      }
    }
  });
});
