/** A start that cannot be: one clear sentence, a remedy, an exit code, and nothing left running. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newDatabase } from '../../../../test/setup/database.ts';
import { loadConfig } from '../../src/config.ts';
import { Failure } from '../../src/errors.ts';
import { startServer } from '../../src/server.ts';
import { failToStart } from './process.ts';

const database = newDatabase();
const secretKey = randomBytes(32).toString('base64');
const root = mkdtempSync(join(tmpdir(), 'hivekey-start-'));
const owner = new pg.Client({ connectionString: database.url });
beforeAll(async () => {
  await (await startServer(loadConfig(settingsOf(folder())))).close();
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await database.drop();
  rmSync(root, { recursive: true, force: true });
});

let folders = 0;
function folder(): string {
  folders += 1;
  return join(root, `data-${folders}`);
}

/** The URL of the database that is there, with one part changed. */
function urlWith(change: (url: URL) => void): string {
  const url = new URL(database.url);
  change(url);
  return url.href;
}

/** Of a node on the database that is there. */
function settingsOf(data: string): Record<string, string> {
  return {
    HIVEKEY_CONFIG: '/dev/null',
    HIVEKEY_DATA: data,
    HIVEKEY_PORT: '0',
    HIVEKEY_LOG_LEVEL: 'silent',
    HIVEKEY_DATABASE_URL: database.url,
    HIVEKEY_SECRET_KEY: secretKey,
  };
}

async function failure(settings: Record<string, string>): Promise<Failure> {
  const error: unknown = await startServer(loadConfig({ ...settingsOf(folder()), ...settings })).then(
    async (server) => server.close(),
    (reason: unknown) => reason,
  );
  if (error instanceof Failure) return error;
  throw new Error('it started, or failed in another way', { cause: error });
}

describe('a start that cannot be', () => {
  it('ends the process with code 1 and one line that says why and what to do', async () => {
    const { code, output } = await failToStart(folder(), { HIVEKEY_PORT: 'hunter2' });
    expect(output).toMatch(/^hivekey: config_invalid: The configuration is wrong: port: [^\n]+\n$/);
    expect(output).not.toContain('hunter2');
    expect(code).toBe(1);
  });

  it.each<[what: string, code: string, settings: () => Record<string, string>]>([
    ['the database URL is none', 'database_url_invalid', () => ({ HIVEKEY_DATABASE_URL: 'mysql://localhost/x' })],
    [
      'no database answers there',
      'database_unreachable',
      () => ({
        HIVEKEY_DATABASE_URL: urlWith((url) => {
          url.port = '1';
        }),
      }),
    ],
    [
      'the database refuses the password',
      'database_login_refused',
      () => ({
        HIVEKEY_DATABASE_URL: urlWith((url) => {
          url.password = 'hunter2';
        }),
      }),
    ],
    ['the secret key is no key', 'secret_key_invalid', () => ({ HIVEKEY_SECRET_KEY: 'hunter2' })],
    ['the address is not ours', 'address_unusable', () => ({ HIVEKEY_HOST: '192.0.2.1' })],
  ])('because %s says so', async (_what, code, settings) => {
    const { code: told, message, remedy } = await failure(settings());
    expect(told).toBe(code);
    expect(`${message} ${remedy}`).toMatch(/^[A-Z][^\n]+\. [A-Z][^\n]+\.$/);
    expect(`${message} ${remedy}`).not.toContain('hunter2');
  });

  it('because the data folder cannot be written says so', async () => {
    const file = join(root, 'a-file');
    writeFileSync(file, '');
    expect(await failure({ HIVEKEY_DATA: join(file, 'data') })).toMatchObject({ code: 'data_folder_unwritable' });
  });

  it('because the port is in use says so, and which', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = address !== null && typeof address === 'object' ? String(address.port) : '';
    const { code, message } = await failure({ HIVEKEY_PORT: port });
    other.close();
    expect(code).toBe('port_in_use');
    expect(message).toContain(port);
  });

  it('because a later release made the database says so', async () => {
    await owner.query("INSERT INTO schema_migrations (version, name, sha256) VALUES (9999, '9999_later.sql', '')");
    const { code, message } = await failure({});
    await owner.query('DELETE FROM schema_migrations WHERE version = 9999');
    expect(code).toBe('schema_newer');
    expect(message).toContain('9999');
  });

  it('because its secret key is another one says so', async () => {
    const { code } = await failure({ HIVEKEY_SECRET_KEY: randomBytes(32).toString('base64') });
    expect(code).toBe('secret_key_differs');
  });

  it('writes nothing, and the next one starts', async () => {
    const count = 'SELECT (SELECT sum(count) FROM log_blocks)::int AS entries';
    const before = await owner.query(count);
    const data = folder();
    expect((await failure({ HIVEKEY_DATA: data, HIVEKEY_HOST: '192.0.2.1' })).code).toBe('address_unusable');
    expect((await owner.query(count)).rows).toEqual(before.rows);
    const server = await startServer(loadConfig(settingsOf(data)));
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    await server.close();
  });
});
