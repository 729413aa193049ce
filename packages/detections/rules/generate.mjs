/**
 * Writes what is made of the rule files here: src/shipped-texts.ts, so that rules need no file system where they run,
 * and docs/reference/detection-rules.md. A test compares both.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

const here = new URL('./', import.meta.url);

/** Folder and text of each rule, by name. */
export function ruleTexts() {
  return readdirSync(here, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ name, text: readFileSync(new URL(`${name}/rule.yaml`, here), 'utf8') }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function sourceOf(rules) {
  const lines = rules.map(({ name, text }) => `  {\n    name: '${name}',\n    text: ${JSON.stringify(text)},\n  },`);
  return `/** Made of packages/detections/rules by rules/generate.mjs; a test compares the two. */
export const SHIPPED_TEXTS: readonly { readonly name: string; readonly text: string }[] = [\n${lines.join('\n')}\n];\n`;
}

function valueText(value) {
  return Array.isArray(value)
    ? value.length === 0
      ? 'none'
      : value.map((each) => `\`${each}\``).join(', ')
    : `${value}`;
}

function sectionOf({ text }) {
  // The last document is the rule; those before it are what it refers to.
  const rule = parseAllDocuments(text).at(-1).toJS();
  const {
    ref,
    suppression = '30m',
    criteria,
    parameters = {},
    response,
    learned,
    'offers-action': offers,
  } = rule.hivekey;
  const facts = [
    `**${rule.level}**`,
    rule.native === undefined ? 'Sigma' : `native \`${rule.native}\``,
    suppression === 'none' ? 'each is told' : `told once in ${suppression} for a key`,
    ...(learned ? ['rests on a baseline: it informs, and never acts'] : []),
    ...(offers ? ['an action is offered'] : []),
    `supports ${criteria.soc2.join(', ')}; ${criteria.owasp_agentic.join(', ')}`,
  ];
  const rows = Object.entries(parameters).map(
    ([name, each]) => `| \`${name}\` | ${each.description.replace(/\.$/, '')} | ${valueText(each.default)} |`,
  );
  const table = rows.length === 0 ? [] : ['', '| Parameter | | Default |', '|---|---|---|', ...rows];
  const falls = rule.falsepositives.map((each) => each.replace(/\.$/, ''));
  return [
    `## ${ref} ${rule.title}`,
    '',
    facts.join(' · '),
    '',
    rule.description,
    ...table,
    '',
    `*Also fires on*: ${falls.length === 0 ? 'nothing that is known' : falls.join('; ')}.`,
    '',
    `*Then*: ${response}`,
  ].join('\n');
}

export function rulesPage(rules) {
  return `# Detection rules

The rules that are shipped, made of their files by \`packages/detections/rules/generate.mjs\`. How they are set and how they act is in [detections](../guides/detections.md), how a rule is written in [detection files](detections.md). Times and windows are those of the events; hours and days of the week are those of the agent's owner; amounts are in minor units. What a rule supports are ids of the SOC 2 common criteria and of the OWASP Top 10 for Agentic Applications: where it helps, not that anything is met.

${rules.map(sectionOf).join('\n\n')}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const rules = ruleTexts();
  writeFileSync(new URL('../src/shipped-texts.ts', here), sourceOf(rules));
  writeFileSync(new URL('../../../docs/reference/detection-rules.md', here), rulesPage(rules));
}
