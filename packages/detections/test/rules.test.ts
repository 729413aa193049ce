/** Every rule that is shipped, on its samples; and that the samples notice when it is changed. */
import { readdirSync, readFileSync } from 'node:fs';
import { canonicalJson, entryHash, formatHash, linkHash, parseHash, type SealedEntry } from '@hivekey/action-log';
import { describe, expect, it } from 'vitest';
import { rulesPage } from '../rules/generate.mjs';
import {
  loadRules,
  type ParameterValue,
  type Rule,
  type RuleFile,
  type RuleSamples,
  readSample,
  SAMPLES,
  shippedRules,
  testRule,
} from '../src/index.ts';
import { MUTATIONS, type Mutation } from './mutations.ts';

const RULES = new URL('../rules/', import.meta.url);
const FOLDERS = readdirSync(RULES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

function file(folder: string, name: string): string {
  return readFileSync(new URL(`${folder}/${name}`, RULES), 'utf8');
}

function samplesOf(folder: string): RuleSamples {
  const [attack, near, benign] = SAMPLES.map((name) => file(folder, `${name}.ndjson`));
  return {
    expected: file(folder, 'expected.yaml'),
    samples: { attack: attack ?? '', 'near-miss': near ?? '', benign: benign ?? '' },
  };
}

function only(
  files: readonly RuleFile[],
  parameters: Readonly<Record<string, Readonly<Record<string, ParameterValue>>>> = {},
): Rule {
  const { rules, problems } = loadRules(files, { parameters });
  expect(problems).toEqual([]);
  const [rule] = rules;
  if (rule === undefined || rules.length !== 1) throw new Error(`${files[0]?.name} holds ${rules.length} rules`);
  return rule;
}

describe('the rules that are shipped', () => {
  it('are those of the folder, and so is the page about them', () => {
    const there = FOLDERS.map((name) => ({ name, text: file(name, 'rule.yaml') }));
    const page = readFileSync(new URL('../../../docs/reference/detection-rules.md', import.meta.url), 'utf8');
    expect(shippedRules(), 'run node packages/detections/rules/generate.mjs').toEqual(there);
    expect(page, 'run node packages/detections/rules/generate.mjs').toBe(rulesPage(there));
  });

  it('load together, each with its own reference, reasons and response', () => {
    const { rules, problems } = loadRules(shippedRules());
    expect(problems).toEqual([]);
    expect(rules).toHaveLength(FOLDERS.length);
    for (const { document, file: name } of rules) {
      expect(name.startsWith(`${document.ref}-`)).toBe(true);
      expect(document.description.length).toBeGreaterThan(60);
      expect(document.response.length).toBeGreaterThan(20);
      expect(document.criteria.soc2).not.toEqual([]);
      for (const id of document.criteria.owasp_agentic) expect(id).toMatch(/^ASI(0[1-9]|10)$/);
      for (const id of document.criteria.soc2) expect(id).toMatch(/^(CC[1-9]\.[1-9]|PI1\.[1-5])$/);
      // What rests on a baseline informs alone; an action is offered for the four that leave no doubt.
      expect(document.learned).toBe(['D05', 'D14'].includes(document.ref));
      expect(document.offersAction).toBe(['D09', 'D10', 'D11', 'D13'].includes(document.ref));
    }
  });

  it.each(FOLDERS)('%s fires on its attack alone', (folder) => {
    const rule = only([{ name: folder, text: file(folder, 'rule.yaml') }]);
    const { failures, result, samples } = testRule(rule, samplesOf(folder), () => 0);
    expect(failures).toEqual([]);
    expect(result).toBe('passed');
    for (const name of SAMPLES) expect(samples[name].events).toBeGreaterThan(0);
  });
});

describe('samples', () => {
  it('are entries as an export has them: hashes, links and numbers hold', () => {
    for (const folder of FOLDERS)
      for (const name of SAMPLES) {
        // Its subject is a log that was tampered with.
        if (folder.startsWith('D10-')) continue;
        const entries = file(folder, `${name}.ndjson`)
          .split('\n')
          .filter((line) => line.includes('"record"'));
        expect(entries.length, `${folder}/${name}`).toBeGreaterThan(0);
        expect(chainProblems(entries), `${folder}/${name}`).toEqual([]);
      }
  });

  it('name events that exist', () => {
    for (const folder of FOLDERS) {
      const ids = new Set(readSample(file(folder, 'attack.ndjson')).map(({ event_id }) => event_id));
      const named = [...file(folder, 'expected.yaml').matchAll(/evt_[0-9A-Z]{26}/g)].map(([id]) => id);
      expect(named.length).toBeGreaterThan(0);
      const near = new Set(readSample(file(folder, 'near-miss.ndjson')).map(({ event_id }) => event_id));
      for (const id of named) expect(ids.has(id) || near.has(id), `${folder} ${id}`).toBe(true);
    }
  });
});

describe('mutations', () => {
  it('exist for each rule', () => {
    const mutated = new Set(MUTATIONS.map(({ ref }) => ref));
    expect(FOLDERS.map((folder) => folder.slice(0, folder.indexOf('-'))).filter((ref) => !mutated.has(ref))).toEqual(
      [],
    );
  });

  it.each(MUTATIONS.map((mutation) => ({ ...mutation, label: `${mutation.ref}: ${mutation.name}` })))(
    '$label is noticed',
    (mutation) => {
      const folder = FOLDERS.find((name) => name.startsWith(`${mutation.ref}-`)) ?? '';
      expect(testRule(mutated(folder, mutation), samplesOf(folder), () => 0).result).toBe('failed');
    },
  );
});

function mutated(folder: string, mutation: Mutation): Rule {
  const text = file(folder, 'rule.yaml');
  if (mutation.text !== undefined) {
    const [from, to] = mutation.text;
    expect(text).toContain(from);
    return only([{ name: folder, text: text.replace(from, to) }]);
  }
  const rule = only([{ name: folder, text }]);
  const { parameters, event, at } = mutation;
  if (parameters !== undefined) return only([{ name: folder, text }], { [rule.document.id]: parameters });
  return {
    ...rule,
    start: (outside) => {
      const evaluator = rule.start(outside);
      const take: typeof evaluator.take = (given, when) => evaluator.take(event?.(given) ?? given, at?.(when) ?? when);
      return Object.assign(Object.create(evaluator), { take });
    },
  };
}

function chainProblems(lines: readonly string[]): readonly string[] {
  const heads = new Map<string, string>();
  return lines.flatMap((line) => {
    const { entry_hash, prev_hash, hash, record }: SealedEntry = JSON.parse(line);
    const entry = entryHash(canonicalJson(record));
    const previous = parseHash(heads.get(record.shard) ?? `sha256:${'0'.repeat(64)}`) ?? new Uint8Array(32);
    heads.set(record.shard, hash);
    const held =
      formatHash(entry) === entry_hash &&
      formatHash(previous) === prev_hash &&
      formatHash(linkHash(previous, entry)) === hash;
    return held ? [] : [record.event_id];
  });
}
