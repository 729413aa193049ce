/** The examples of sinks are what the API takes, and each credential in them is a reference. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { newSettings, newSinkSchema } from '../../packages/server/src/siem/input.ts';
import { SINK_TYPES } from '../../packages/server/src/siem/registry.ts';
import { batchOf } from '../../packages/server/test/siem/receivers/http-kinds.ts';
import { NEVER, testDeps } from '../../packages/server/test/siem/receivers/stream.ts';

const FOLDER = fileURLToPath(new URL('../../examples/siem/', import.meta.url));
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

it.each(FILES)('%s', (name) => {
  const { open, sink } = newSettings(newSinkSchema.parse(JSON.parse(readFileSync(FOLDER + name, 'utf8'))));
  expect(open.destination).toMatch(/^https:\/\//);
  expect(open.credentials.every((ref) => ref.startsWith('vault://'))).toBe(true);
  expect(open.credentials.length + Number(name === 'opensearch-aws.json')).toBeGreaterThan(0);
  expect(sink.required).toBe(true);
});

it('the README names each of them, and no other', () => {
  const readme = readFileSync(`${FOLDER}README.md`, 'utf8');
  const named = [...readme.matchAll(/^\| \[([\w.-]+)\]/gm)].map(([, name]) => name);
  expect(named.sort()).toEqual([...FILES].sort());
});

it('receiver.mjs takes what sinks send, and says what is missing', async () => {
  const child = spawn(process.execPath, [`${FOLDER}receiver.mjs`, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  try {
    await expect.poll(() => lines[0]).toMatch(/^listening on/);
    const url = lines[0]?.slice('listening on '.length);
    for (const [kind, format, settings, sent] of [
      ['splunk', 'ocsf-1.8.0', { url, token_ref: 'vault://any' }, [1, 2, 3]],
      ['elastic', 'ecs-9.4', { url, auth: { method: 'none' } }, [3, 6]],
      ['datadog', 'native', { url, api_key_ref: 'vault://any' }, [8]],
    ] as const) {
      const deps = testDeps({ format, secrets: { 'vault://any': 'any-token' } });
      const transport = await SINK_TYPES[kind].open(settings).connect(deps);
      for (const seq of sent)
        expect(await transport.send(batchOf(format, seq, seq), NEVER)).toMatchObject({ kind: 'taken' });
      await transport.close();
    }
    const ended = Promise.all([once(child, 'exit'), once(reader, 'close')]);
    child.kill('SIGINT');
    await ended;
  } finally {
    child.kill();
  }
  expect(lines.at(-1)).toBe('5 entries from 1 to 8; missing: 4, 5, 7');
  expect(lines.filter((line) => line.endsWith('(again)'))).toHaveLength(1);
  expect(lines[1]).toMatch(/^ +1 tool\.call +allow +evt_0+1 $/);
});
