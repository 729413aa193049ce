/** The examples of the reference are checked as documents, and its tests are run. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { parsePolicyFile, parseWorkspaceGuardsFile, runPolicyTests } from '../src/index.ts';

const path = join(import.meta.dirname, '../../../docs/reference/policy.md');
const blocks = [...readFileSync(path, 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = '']) => block);

it.each(blocks)('%s', (text) => {
  if (text.includes('kind: PolicyTest')) {
    const read = (reference: string, from: string) => readFileSync(join(dirname(from), reference), 'utf8');
    const { files } = runPolicyTests([{ path, text }], read);
    expect(files[0]?.problems).toEqual([]);
    expect(files[0]?.cases.flatMap(({ differences }) => differences)).toEqual([]);
  } else if (text.startsWith('- ')) {
    const list = text.replaceAll(/^/gm, '  ');
    const head = 'apiVersion: policy.hivekey.ai/v1\nkind: WorkspaceGuards\nguards:\n';
    expect(parseWorkspaceGuardsFile(head + list)).toMatchObject({ ok: true });
  } else expect(parsePolicyFile(text)).toMatchObject({ ok: true });
});

const operators = [...readFileSync(path, 'utf8').matchAll(/\| `(\{ field: [^`]+\})` +\|$/gm)].map(
  ([, when = '']) => when,
);

it.each(operators)('%s is a condition', (when) => {
  const text = `apiVersion: policy.hivekey.ai/v1\nkind: WorkspaceGuards\nguards: [{ id: g, action: x, when: ${when}, effect: deny }]\n`;
  expect(parseWorkspaceGuardsFile(text)).toMatchObject({ ok: true });
});
