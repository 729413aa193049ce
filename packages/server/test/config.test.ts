import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../src/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'hivekey-config-'));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe('loadConfig', () => {
  it('has defaults', () => {
    expect(loadConfig({})).toMatchObject({
      port: 7420,
      host: '127.0.0.1',
      environment: 'prod',
      databaseUrl: undefined,
    });
  });

  it('lets the environment win over the file', () => {
    const path = file('a.yaml', 'port: 1234\nallowed_hosts: [a.example]\nenvironment: staging\n');
    expect(loadConfig({ HIVEKEY_CONFIG: path, HIVEKEY_PORT: '5678' })).toMatchObject({
      port: 5678,
      allowed_hosts: ['a.example'],
      environment: 'staging',
    });
  });

  it('reads secrets from files and never prints them', () => {
    const config = loadConfig({ HIVEKEY_DATABASE_URL_FILE: file('url', 'postgres://u:hunter2@db/x\n') });
    expect(config.databaseUrl?.reveal()).toBe('postgres://u:hunter2@db/x');
    expect(JSON.stringify(config)).not.toContain('hunter2');
  });

  it.each([
    [{ HIVEKEY_PORT: 'hunter2' }, 'port'],
    [{ HIVEKEY_PORT: '70000' }, 'port'],
    [{ HIVEKEY_PROT: '1' }, 'unknown setting prot'],
    [{ HIVEKEY_PUBLIC_URL: 'ftp://x' }, 'public_url'],
    [{ HIVEKEY_CONFIG: file('bad.yaml', 'port: [') }, 'cannot be used'],
    [{ HIVEKEY_CONFIG: join(folder, 'absent.yaml') }, 'cannot be used'],
    [{ HIVEKEY_SECRET_KEY_FILE: join(folder, 'absent') }, 'HIVEKEY_SECRET_KEY_FILE'],
  ])('refuses %o and says what is wrong, not the value', (environment, what) => {
    expect(() => loadConfig(environment)).toThrow(what);
    expect(() => loadConfig(environment)).not.toThrow('hunter2');
  });
});
