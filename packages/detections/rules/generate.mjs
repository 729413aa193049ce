/** Writes src/shipped-texts.ts from the rule files here, so that rules need no file system where they run. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = new URL('./', import.meta.url);

export function shippedSource() {
  const folders = readdirSync(here, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
  const lines = folders.map((name) => {
    const text = readFileSync(new URL(`${name}/rule.yaml`, here), 'utf8');
    return `  {\n    name: '${name}',\n    text: ${JSON.stringify(text)},\n  },`;
  });
  return `/** Made of packages/detections/rules by rules/generate.mjs; a test compares the two. */
export const SHIPPED_TEXTS: readonly { readonly name: string; readonly text: string }[] = [\n${lines.join('\n')}\n];\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(new URL('../src/shipped-texts.ts', here), shippedSource());
