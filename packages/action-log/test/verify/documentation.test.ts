/** The example in docs/reference/log-format.md is what this code reads and checks. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { EXPORT_FILES, parseVerifierKey, verifyExport } from '../../src/index.ts';
import { sourceOf, withManifest } from './example-log.ts';

const page = new URL('../../../../docs/reference/log-format.md', import.meta.url);

it('the example of the documentation is a valid export', async () => {
  const text = await readFile(page, 'utf8');
  const [key = '', checkpoint = '', entries = ''] = [
    ...text.slice(text.indexOf('## 9. Example')).matchAll(/^```\n(.*?)^```$/gms),
  ].map(([, block]) => block);
  const files = withManifest(
    new Map([
      [EXPORT_FILES.key, Buffer.from(key)],
      [EXPORT_FILES.checkpoint, Buffer.from(checkpoint)],
      [EXPORT_FILES.checkpoints, Buffer.alloc(0)],
      [EXPORT_FILES.entries, Buffer.from(entries)],
      [EXPORT_FILES.proof, Buffer.from('{"after":[],"before":[],"consistency":[]}\n')],
    ]),
    { origin: 'hivekey/wsp_1', first: 1, last: 2, treeSize: 2 },
  );
  const report = await verifyExport(sourceOf(files), { trustedKey: parseVerifierKey(key) });
  expect(report.findings).toEqual([]);
  expect(report).toMatchObject({ isVerified: true, isWhole: true, entries: { count: 2, shards: 2, agents: 1 } });
});
