/** Links between the documents of this repository lead somewhere, headings included. */
import { existsSync, readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const LINK = /\]\(([^)\s]+)\)/g;

/** As GitHub makes them of headings. */
function anchorsOf(file: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of proseOf(file).matchAll(/^#{1,6} (.+)$/gm))
    anchors.add(
      heading
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-'),
    );
  return anchors;
}

/** Without what stands in blocks of code. */
function proseOf(file: string): string {
  return readFileSync(file, 'utf8').replace(/^( *)```[\s\S]*?^\1```/gm, '');
}

it('resolves every link between documents', async () => {
  const broken: string[] = [];
  for await (const name of glob(['*.md', 'docs/**/*.md', 'examples/**/*.md', 'bench/*.md'], { cwd: root })) {
    const file = resolve(root, name);
    for (const [, target = ''] of proseOf(file).matchAll(LINK)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const to = path === '' ? file : resolve(dirname(file), path);
      const isThere = existsSync(to) && (anchor === undefined || anchorsOf(to).has(anchor));
      if (!isThere || relative(root, to).startsWith('..')) broken.push(`${name}: ${target}`);
    }
  }
  expect(broken).toEqual([]);
});
