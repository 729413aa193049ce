import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '@hivekey/policy';
import { describe, expect, it, vi } from 'vitest';
import { discover } from '../../src/upstreams/discovery.ts';
import { DEFAULT_LIMITS } from '../../src/upstreams/limits.ts';
import { npmServer, openStdio, scripted, textOf } from './connect.ts';

const never = new AbortController().signal;

/** One that has ended and waits to be reaped by somebody else does not live. */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const stat = `/proc/${pid}/stat`;
    return !existsSync(stat) || !/\) [ZX] /.test(readFileSync(stat, 'utf8'));
  } catch {
    return false;
  }
}

describe('servers from npm', () => {
  it('everything: its lists are read and its tools called', async () => {
    await using opened = await openStdio(npmServer('everything', 'stdio'));
    const { description, definitions } = await discover(opened.connection, 'stdio', DEFAULT_LIMITS, never);
    expect(description).toMatchObject({ era: 'legacy', capabilities: { tools: {}, resources: {}, prompts: {} } });
    const kinds = new Set(definitions.map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(['tool', 'resource', 'template', 'prompt']));
    expect(definitions.filter(({ problem }) => problem !== undefined)).toEqual([]);
    // It announces changes whenever it starts: reading its lists must not lead to reading them again.
    expect(opened.outdated).toBe(0);
    await opened.connection.endAffinity(' gateway');
    expect(textOf(await opened.call('echo', { message: 'hello' }))).toBe('Echo: hello');
    expect(await opened.call('no-such-tool')).toMatchObject({ kind: expect.stringMatching(/result|error/) });
  });

  it('filesystem: reads below its folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hivekey-files-'));
    try {
      await writeFile(join(folder, 'a.txt'), 'contents of a');
      await using opened = await openStdio(npmServer('filesystem', folder));
      const { definitions } = await discover(opened.connection, 'stdio', DEFAULT_LIMITS, never);
      expect(definitions.filter(({ readOnlyHint }) => readOnlyHint).length).toBeGreaterThan(3);
      expect(definitions.filter(({ problem }) => problem !== undefined)).toEqual([]);
      expect(textOf(await opened.call('read_text_file', { path: join(folder, 'a.txt') }))).toBe('contents of a');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('memory: keeps what it is told, in a folder of its own', async () => {
    await using opened = await openStdio(npmServer('memory'), {
      settings: { environment: { MEMORY_FILE_PATH: 'memory.json' } },
    });
    const entity = { name: 'Dana', entityType: 'person', observations: ['likes tea'] };
    expect(await opened.call('create_entities', { entities: [entity] })).toMatchObject({ kind: 'result' });
    expect(JSON.stringify(await opened.call('read_graph'))).toContain('likes tea');
  });
});

describe('a process', () => {
  it('gets a clean environment, a folder of its own and its arguments as they are', async () => {
    process.env.HIVEKEY_TEST_OUTER = 'not for servers';
    const command = [...scripted(), '$(touch pwned)', '; rm -rf /', '*', 'a b'];
    await using opened = await openStdio(command, {
      settings: { environment: { MODE: 'test' }, injection: { env: 'TOKEN' } },
      secret: 'sk-stdio-credential',
    });
    const environment: JsonObject = JSON.parse(textOf(await opened.call('env')));
    expect(Object.keys(environment).sort()).toEqual(['HOME', 'LANG', 'MODE', 'PATH', 'TOKEN']);
    // It needs the value and gets it; what it tells of it is taken out.
    expect(environment.TOKEN).toBe('[secret]');
    const { argv, cwd }: { argv: string[]; cwd: string } = JSON.parse(textOf(await opened.call('argv')));
    expect(argv).toEqual(command.slice(2));
    expect(cwd).toBe(environment.HOME);
  });

  it('is started once for all agents, whose progress does not mix', async () => {
    await using opened = await openStdio(scripted());
    const heard: JsonObject[] = [];
    const call = (affinity: string, token: string) =>
      opened.connection.request({
        era: 'legacy',
        method: 'tools/call',
        params: { name: 'progress', arguments: {}, _meta: { progressToken: token } },
        affinity,
        clientCapabilities: {},
        signal: never,
        onNotification: (message) => heard.push({ ...message, affinity }),
      });
    await Promise.all([call('ses_one', 'same'), call('ses_two', 'same'), call('ses_three', 'other')]);
    expect(heard).toHaveLength(9);
    for (const { params, affinity } of heard)
      expect(params).toMatchObject({ progressToken: affinity === 'ses_three' ? 'other' : 'same' });
    const pids = await Promise.all([opened.call('pid'), opened.call('pid', {}, { affinity: 'ses_two' })]);
    expect(textOf(pids[0])).toBe(textOf(pids[1]));
  });

  it('is an own one for a session that may be called back', async () => {
    await using opened = await openStdio(scripted());
    const own = await opened.call('pid', {}, { clientCapabilities: { roots: {} } });
    expect(textOf(own)).not.toBe(textOf(await opened.call('pid')));
    await opened.connection.endAffinity('ses_one');
    await vi.waitFor(() => expect(alive(Number(textOf(own)))).toBe(false));
  });

  it('that ends at once when asked something new is asked in the old way', async () => {
    await using opened = await openStdio(scripted('strict'));
    expect(await opened.connection.describe(never)).toMatchObject({ era: 'legacy' });
  });

  it('says that its lists changed', async () => {
    await using opened = await openStdio(scripted());
    expect(textOf(await opened.call('change'))).toBe('changed');
    expect(opened.outdated).toBe(1);
  });
});

describe('a process that misbehaves', () => {
  it.each([
    ['huge', 'upstream_too_large'],
    ['noise', 'upstream_protocol_error'],
    ['die', 'upstream_unreachable'],
  ])('%s: the call fails as begun, and the next one starts it again', async (name, code) => {
    await using opened = await openStdio(scripted());
    expect(textOf(await opened.call('echo', { text: 'a' }))).toBe('a');
    expect(await opened.call(name)).toEqual({ kind: 'failed', code, began: true });
    // It is left alone for a moment, and calls do not wait for that.
    const before = performance.now();
    expect(await opened.call('echo')).toEqual({ kind: 'failed', code: 'upstream_unreachable', began: false });
    expect(performance.now() - before).toBeLessThan(100);
    await vi.waitFor(async () => expect(textOf(await opened.call('echo', { text: 'b' }))).toBe('b'), 5_000);
  });

  it('answers that nobody waits for reach nobody, and the call times out', async () => {
    await using opened = await openStdio(scripted(), { limits: { idleMs: 300 } });
    expect(await opened.call('lie')).toEqual({ kind: 'failed', code: 'upstream_timeout', began: true });
    expect(textOf(await opened.call('echo', { text: 'still here' }))).toBe('still here');
  });

  it('a call is given up when its agent is stopped', async () => {
    await using opened = await openStdio(scripted());
    const stop = new AbortController();
    const answer = opened.call('silent', {}, { signal: stop.signal, onBegin: () => setImmediate(() => stop.abort()) });
    expect(await answer).toEqual({ kind: 'failed', code: 'aborted', began: true });
    expect(await opened.call('echo', {}, { signal: stop.signal })).toMatchObject({ code: 'aborted', began: false });
  });

  it('its last answer is read, and its last words are told without the credential', async () => {
    await using opened = await openStdio(scripted(), {
      settings: { injection: { env: 'TOKEN' } },
      secret: 'sk-last-words-credential',
    });
    expect(textOf(await opened.call('exit', { text: 'sk-last-words-credential' }))).toBe('bye');
    await vi.waitFor(() => expect(opened.diagnostics).toEqual(['going away [secret]']));
  });

  it('a banner on standard output is no MCP', async () => {
    await using opened = await openStdio(scripted('banner'));
    await expect(opened.connection.describe(never)).rejects.toThrow('not MCP');
  });

  it.each([['/no/such/program'], ['/etc/passwd'], ['/']])('%s cannot be started', async (program) => {
    await using opened = await openStdio([program]);
    expect(await opened.call('echo')).toMatchObject({ kind: 'failed', code: 'upstream_unreachable' });
    await expect(opened.connection.describe(never)).rejects.toThrow();
  });

  it('the credential is in no error, no message and no log', async () => {
    const secret = 'sk-stdio-"quoted"-credential';
    await using opened = await openStdio(scripted(), { settings: { injection: { env: 'TOKEN' } }, secret });
    const notified: JsonObject[] = [];
    const answer = await opened.call('leak', {}, { onNotification: (message) => notified.push(message) });
    await vi.waitFor(() => expect(opened.diagnostics).toHaveLength(1));
    const seen = JSON.stringify([answer, notified, opened.unsolicited, opened.diagnostics]);
    expect(seen).not.toContain('credential-');
    expect(seen).not.toContain(Buffer.from(secret).toString('base64').slice(0, 20));
    expect(answer).toMatchObject({ kind: 'error', error: { message: 'bad credential [secret]' } });
  });
});

describe('the end', () => {
  it('takes children of the process with it, also those that stay when asked to go', async () => {
    await using opened = await openStdio(scripted('stay'));
    const pid = Number(textOf(await opened.call('pid')));
    const child = Number(textOf(await opened.call('children')));
    expect([alive(pid), alive(child)]).toEqual([true, true]);
    await opened.connection.close();
    await vi.waitFor(() => expect([alive(pid), alive(child)]).toEqual([false, false]));
  }, 15_000);

  it('does not wait for a start that is under way', async () => {
    await using opened = await openStdio(scripted('deaf'), { limits: { probeMs: 60_000 } });
    const described = opened.connection.describe(never).catch((error: unknown) => error);
    await vi.waitFor(() => expect(opened.diagnostics).toEqual(['listening to nobody']));
    await opened.connection.close();
    expect(await described).toBeInstanceOf(Error);
  });

  it('a process that dies leaves no children', async () => {
    await using opened = await openStdio(scripted());
    const child = Number(textOf(await opened.call('children')));
    await opened.call('die');
    await vi.waitFor(() => expect(alive(child)).toBe(false));
  });

  it('comes with the end of HiveKey, even by SIGKILL', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hivekey-kill-'));
    try {
      const pidFile = join(folder, 'pids');
      const host = spawn(process.execPath, [join(import.meta.dirname, 'stdio-host.ts'), pidFile], { stdio: 'ignore' });
      const pids = await vi.waitFor(async () => {
        const text = await readFile(pidFile, 'utf8');
        expect(text).toMatch(/^\d+\n\d+\n$/);
        return text.trim().split('\n').map(Number);
      }, 15_000);
      expect(pids.map(alive)).toEqual([true, true]);
      host.kill('SIGKILL');
      await vi.waitFor(() => expect(pids.map(alive)).toEqual([false, false]), 5_000);
    } finally {
      await rm(folder, { recursive: true });
    }
  }, 30_000);
});
