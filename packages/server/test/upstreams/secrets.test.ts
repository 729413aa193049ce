/** The credential store: versions, keys of keys, and stores outside, each refusal beside its success. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type LocalVault, startVault } from '../../../../test/setup/vault.ts';
import { newId, type ServerId, type WorkspaceId } from '../../src/ids.ts';
import { Secret } from '../../src/secret.ts';
import { parseAllowList } from '../../src/upstreams/address-guard.ts';
import { AzureKey, azureKeyName } from '../../src/upstreams/credentials/azure-kv.ts';
import { azureToken, forgetAzureToken } from '../../src/upstreams/credentials/azure-token.ts';
import { GcpKmsKey } from '../../src/upstreams/credentials/gcp-kms.ts';
import { checkHealth } from '../../src/upstreams/credentials/key-provider.ts';
import { checkKeyReference } from '../../src/upstreams/credentials/keyring.ts';
import { mayBeSame } from '../../src/upstreams/credentials/same-place.ts';
import { retireDue, warnOfExpiry } from '../../src/upstreams/credentials/upkeep.ts';
import { VaultClient, type VaultSettings } from '../../src/upstreams/credentials/vault-client.ts';
import { INJECTED } from '../../src/upstreams/custody.ts';
import { EnvelopeBroken } from '../../src/upstreams/envelope.ts';
import { DEFAULT_LIMITS } from '../../src/upstreams/limits.ts';
import { LiveServers } from '../../src/upstreams/live-servers.ts';
import { createSecretStore, type SecretStore, type SecretStoreOptions } from '../../src/upstreams/secrets.ts';
import type { StoredServer } from '../../src/upstreams/servers.ts';
import { KEY_ARN, type LocalAws, startAws } from './aws-server.ts';
import { startAzure } from './azure-server.ts';
import { scripted } from './connect.ts';
import { startGoogle } from './google-server.ts';
import { type Base, DANA, openBase } from './system.ts';

const ONE = 'sk-the-first-credential-1111';
const TWO = 'sk-the-other-credential-2222';

let base: Base;
let vault: LocalVault;
let aws: LocalAws;
let folder: string;
const key = createSecretKey(randomBytes(32));
const open: SecretStore[] = [];

beforeAll(async () => {
  [base, vault, aws, folder] = await Promise.all([
    openBase(),
    startVault(),
    startAws(),
    mkdtemp(join(tmpdir(), 'hivekey-secrets-')),
  ]);
  vi.stubEnv('AWS_ENDPOINT_URL', aws.url);
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIATEST');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'not-a-secret');
  await writeFile(join(folder, 'token'), `${token(3600)}\n`);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await Promise.all(open.map((store) => store.close()));
  await Promise.all([base.close(), vault[Symbol.asyncDispose](), aws[Symbol.asyncDispose]()]);
  await rm(folder, { recursive: true });
});

/** A token that Vault takes. */
function token(ttl: number): string {
  const text = `hvs.${randomBytes(12).toString('hex')}`;
  vault.tokens.set(text, { ttl, renewable: true, usesLeft: Number.MAX_SAFE_INTEGER });
  return text;
}

interface Opened {
  readonly store: SecretStore;
  readonly workspaceId: WorkspaceId;
  readonly clock: { ms: number };
  /** Changes that stand on the log, oldest first. */
  changes(): Promise<readonly string[]>;
}

function clientFor(settings: Partial<VaultSettings>, clock: { ms: number }): VaultClient {
  const method = { kind: 'token', path: join(folder, 'token') } as const;
  const rules = { allow: parseAllowList([]), allowPrivate: false };
  return new VaultClient({ address: vault.url, method, ...settings }, rules, () => clock.ms);
}

async function openStore(
  settings: Partial<VaultSettings> = {},
  options: Partial<SecretStoreOptions> = {},
  workspaceId?: WorkspaceId,
): Promise<Opened> {
  const { pool } = base.database;
  const id = workspaceId ?? newId<WorkspaceId>('wsp');
  if (workspaceId === undefined) {
    await pool.query('INSERT INTO workspaces (id, name) VALUES ($1, $1)', [id]);
    await pool.query('INSERT INTO workspace_state (workspace_id) VALUES ($1)', [id]);
  }
  const clock = { ms: Date.now() };
  const store = createSecretStore({
    pool,
    log: base.log,
    key,
    config: {
      upstream_env: ['TOKEN'],
      key_env: ['KEK'],
      key_files: folder,
      vault_paths: ['kv/crm', 'old'],
      aws_secrets: ['prod/'],
    },
    environment: { KEK: randomBytes(32).toString('base64'), TOKEN: ONE },
    vault: clientFor(settings, clock),
    clock: () => clock.ms,
    ...options,
  });
  open.push(store);
  const changes: Opened['changes'] = async () => {
    await base.log.catchUp(id);
    const { events } = await base.log.list(id, {}, { limit: 200, order: 'asc' });
    return events
      .map(({ record }) => record)
      .filter(({ kind }) => kind === 'secret.changed' || kind === 'server.changed')
      .map(({ change }) => String(change));
  };
  return { store, workspaceId: id, clock, changes };
}

const value = async ({ store, workspaceId }: Opened, ref: string): Promise<string> =>
  (await store.resolve(workspaceId, ref)).reveal();

const unavailable = (why: RegExp) =>
  expect.objectContaining({ code: 'credential_unavailable', message: expect.stringMatching(why) });

describe('versions', () => {
  it('are staged, tried, promoted, taken back and erased, each with its record', async () => {
    const opened = await openStore();
    const { store, workspaceId } = opened;
    await store.putSecret(workspaceId, 'crm', ONE, DANA);
    const told: unknown[] = [];
    store.onChange((...what) => told.push(what));
    const staged = await store.putSecret(workspaceId, 'crm', TWO, DANA, { staged: true });
    expect(told).toEqual([]);
    expect(staged).toMatchObject({ version: 1, last4: '1111' });
    expect(staged.versions.map(({ version, state, last4 }) => [version, state, last4])).toEqual([
      [2, 'staged', '2222'],
      [1, 'current', '1111'],
    ]);
    expect(await value(opened, 'vault://crm')).toBe(ONE);
    expect((await store.openVersion(workspaceId, 'crm', 2)).reveal()).toBe(TWO);

    await store.promote(workspaceId, 'crm', 2, 3600, DANA);
    expect(told).toEqual([[workspaceId, 'crm']]);
    expect(await value(opened, 'vault://crm')).toBe(TWO);

    await store.promote(workspaceId, 'crm', 1, undefined, DANA);
    expect(await value(opened, 'vault://crm')).toBe(ONE);
    const retired = await store.retire(workspaceId, 'crm', 2, DANA);
    expect(retired.versions.map(({ state }) => state)).toEqual(['retired', 'current']);
    await expect(store.openVersion(workspaceId, 'crm', 2)).rejects.toEqual(unavailable(/no secret/));
    const { rows } = await base.database.pool.query(
      "SELECT length(wrapped_key) + length(ciphertext) AS bytes FROM upstream_secrets WHERE workspace_id = $1 AND state = 'retired'",
      [workspaceId],
    );
    expect(rows).toEqual([{ bytes: 0 }]);
    expect(await opened.changes()).toEqual(['credential_stored', 'staged', 'promoted', 'promoted', 'retired']);
  });

  it('are refused where there is none, it is erased, or it is in use', async () => {
    const { store, workspaceId } = await openStore();
    await store.putSecret(workspaceId, 'crm', ONE, DANA);
    await store.putSecret(workspaceId, 'crm', TWO, DANA, { overlapSeconds: 0 });
    for (const [attempt, code] of [
      [() => store.promote(workspaceId, 'crm', 1, undefined, DANA), 'secret_version_retired'],
      [() => store.promote(workspaceId, 'crm', 9, undefined, DANA), 'secret_version_not_found'],
      [() => store.retire(workspaceId, 'crm', 2, DANA), 'secret_version_current'],
      [() => store.remove(workspaceId, 'other', DANA), 'secret_not_found'],
      [() => store.getSecret(workspaceId, 'other'), 'secret_not_found'],
    ] as const)
      await expect(attempt()).rejects.toMatchObject({ code });
    await store.remove(workspaceId, 'crm', DANA);
    expect(await store.listSecrets(workspaceId)).toEqual([]);
    await expect(store.resolve(workspaceId, 'vault://crm')).rejects.toEqual(unavailable(/no secret/));
  });

  it('of one name have one that is current, whoever writes at the same time', async () => {
    const opened = await openStore();
    const { store, workspaceId } = opened;
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => store.putSecret(workspaceId, 'crm', `a-credential-of-writer-${i}`, DANA)),
    );
    const [view] = await store.listSecrets(workspaceId);
    expect(view?.version).toBe(8);
    expect(view?.versions.filter(({ state }) => state === 'current')).toHaveLength(1);
    expect(await value(opened, 'vault://crm')).toMatch(/^a-credential-of-writer-\d$/);
  });

  it('of another workspace are not there', async () => {
    const [one, other] = [await openStore(), await openStore()];
    await one.store.putSecret(one.workspaceId, 'crm', ONE, DANA);
    await expect(other.store.resolve(other.workspaceId, 'vault://crm')).rejects.toEqual(unavailable(/no secret/));
    await expect(other.store.promote(other.workspaceId, 'crm', 1, undefined, DANA)).rejects.toMatchObject({
      code: 'secret_version_not_found',
    });
    // Put into the other's place by whoever owns the database, it does not open.
    await base.database.pool.query(
      `INSERT INTO upstream_secrets (workspace_id, name, version, wrapped_key, ciphertext, last4, created_by)
       SELECT $2, name, version, wrapped_key, ciphertext, last4, created_by FROM upstream_secrets WHERE workspace_id = $1`,
      [one.workspaceId, other.workspaceId],
    );
    await expect(other.store.resolve(other.workspaceId, 'vault://crm')).rejects.toEqual(
      unavailable(/cannot be opened/),
    );
  });
});

describe('with time', () => {
  const days = (count: number): Date => new Date(Date.now() + count * 86_400_000);

  it('previous versions are erased when their overlap is over, and not before', async () => {
    const opened = await openStore();
    const { store, workspaceId } = opened;
    for (const name of ['over', 'not-yet']) {
      await store.putSecret(workspaceId, name, ONE, DANA);
      await store.putSecret(workspaceId, name, TWO, DANA, { overlapSeconds: 3600 });
    }
    await base.database.pool.query(
      `UPDATE upstream_secrets SET retires_at = now() WHERE workspace_id = $1 AND name = 'over' AND state = 'previous'`,
      [workspaceId],
    );
    await retireDue(base.database.pool, base.log);
    await expect(store.openVersion(workspaceId, 'over', 1)).rejects.toEqual(unavailable(/no secret/));
    expect((await store.openVersion(workspaceId, 'not-yet', 1)).reveal()).toBe(ONE);
    expect(await value(opened, 'vault://over')).toBe(TWO);
    await retireDue(base.database.pool, base.log);
    expect((await opened.changes()).filter((change) => change === 'retired')).toHaveLength(1);
  });

  it('people are warned once before a credential ends', async () => {
    const opened = await openStore();
    const { store, workspaceId, clock } = opened;
    await store.putSecret(workspaceId, 'soon', ONE, DANA, { expiresAt: days(13) });
    await store.putSecret(workspaceId, 'late', ONE, DANA, { expiresAt: days(15) });
    await store.putSecret(workspaceId, 'never', ONE, DANA);
    for (let i = 0; i < 2; i += 1) await warnOfExpiry(base.database.pool, base.log);
    expect((await opened.changes()).filter((change) => change === 'expiring')).toEqual(['expiring']);
    const states = async () => (await store.listSecrets(workspaceId)).map(({ name, expiry }) => [name, expiry]);
    expect(await states()).toEqual([
      ['late', 'ok'],
      ['never', 'none'],
      ['soon', 'soon'],
    ]);
    clock.ms = days(14).getTime();
    expect((await states()).at(-1)).toEqual(['soon', 'past']);
    expect(await value(opened, 'vault://soon')).toBe(ONE);
  });

  it('it is known when each was last used', async () => {
    const opened = await openStore();
    const { store, workspaceId, clock } = opened;
    await store.putSecret(workspaceId, 'used', ONE, DANA);
    await store.putSecret(workspaceId, 'unused', ONE, DANA);
    await value(opened, 'vault://used');
    await store.close();
    const seen = (await store.listSecrets(workspaceId)).map(({ name, last_used }) => [name, last_used]);
    expect(seen).toEqual([
      ['unused', null],
      ['used', Math.floor(clock.ms / 1000)],
    ]);
  });
});

describe('a stdio server', () => {
  it('is started again when its credential changes where it is kept, and not otherwise', async () => {
    let held = ONE;
    const secrets = { resolve: async () => new Secret(held) };
    const live = new LiveServers({
      limits: DEFAULT_LIMITS,
      allow: parseAllowList([]),
      resolve: undefined,
      secrets,
      version: '0.0.0-test',
      folder,
      outdated: () => undefined,
      credentialOutcome: () => undefined,
      onDiagnostic: () => undefined,
    });
    const stored: StoredServer = {
      workspaceId: newId<WorkspaceId>('wsp'),
      id: newId<ServerId>('mcp'),
      namespace: 'crm',
      settings: {
        transport: 'stdio',
        command: scripted(),
        environment: {},
        credentialRef: 'file://token',
        injection: { env: 'TOKEN' },
        defaultAccess: 'read-only',
        trustAnnotations: false,
        allowPrivate: false,
        custody: INJECTED,
      },
      renameMap: {},
      status: 'active',
      description: undefined,
      approvedInstructions: null,
      discoveredAt: null,
      lastError: null,
      credentialError: undefined,
      createdBy: DANA,
      createdAt: new Date(),
      revision: 1,
    };
    try {
      await live.of(stored)?.connection.describe(AbortSignal.timeout(20_000));
      expect(await live.retireOutdated()).toEqual([]);
      held = TWO;
      expect(await live.retireOutdated()).toEqual([stored]);
      expect(live.existing(stored.id)).toBeUndefined();
      expect(await live.retireOutdated()).toEqual([]);
    } finally {
      await live.close();
    }
  });
});

describe('key-encryption keys', () => {
  const done = async ({ store, workspaceId }: Opened) => {
    await vi.waitFor(async () => expect((await store.encryptionKeys(workspaceId)).rewrap?.finished).not.toBeNull(), {
      timeout: 20_000,
    });
    return store.encryptionKeys(workspaceId);
  };

  it.each([['env://KEK'], ['file://kek'], ['transit://transit/hivekey'], [`aws-kms://${KEY_ARN}`]])(
    'everything is put under %s while it is used, and back',
    async (reference) => {
      await writeFile(join(folder, 'kek'), `${randomBytes(32).toString('base64')}\n`);
      const opened = await openStore();
      const { store, workspaceId } = opened;
      for (const name of ['a', 'b', 'c']) await store.putSecret(workspaceId, name, `${ONE}-${name}`, DANA);
      await store.putSecret(workspaceId, 'a', TWO, DANA);
      expect((await store.rewrap(workspaceId, reference, DANA)).current).toBe(reference);
      // Stored while it goes on.
      await store.putSecret(workspaceId, 'd', `${ONE}-d`, DANA);
      const there = await done(opened);
      expect(there).toMatchObject({ current: reference, rewrap: { state: 'done', total: 4, done: 4, failed: 0 } });
      expect(there.keys.map((each) => [each.reference, each.state, each.versions])).toEqual([
        [reference, 'current', 5],
        ['derived', 'retired', 0],
      ]);
      store.changed(workspaceId);
      expect(await value(opened, 'vault://a')).toBe(TWO);
      expect(await value(opened, 'vault://d')).toBe(`${ONE}-d`);
      expect((await store.openVersion(workspaceId, 'a', 1)).reveal()).toBe(`${ONE}-a`);
      await store.rewrap(workspaceId, 'derived', DANA);
      expect((await done(opened)).current).toBe('derived');
      store.changed(workspaceId);
      expect(await value(opened, 'vault://c')).toBe(`${ONE}-c`);
      expect((await opened.changes()).filter((change) => change.startsWith('rewrap'))).toEqual([
        'rewrap_started',
        'rewrapped',
        'rewrap_started',
        'rewrapped',
      ]);
    },
  );

  it('a new version of a transit key is taken up by rewrapping under the same', async () => {
    const opened = await openStore();
    const { store, workspaceId } = opened;
    await store.rewrap(workspaceId, 'transit://transit/hivekey', DANA);
    await done(opened);
    await store.putSecret(workspaceId, 'crm', ONE, DANA);
    const wrapped = async (): Promise<string> => {
      const { rows } = await base.database.pool.query<{ text: string }>(
        "SELECT convert_from(wrapped_key, 'utf8') AS text FROM upstream_secrets WHERE workspace_id = $1",
        [workspaceId],
      );
      return rows[0]?.text ?? '';
    };
    const before = /^vault:v(\d+):/.exec(await wrapped())?.[1];
    vault.rotateTransit();
    await store.rewrap(workspaceId, undefined, DANA);
    await done(opened);
    expect(/^vault:v(\d+):/.exec(await wrapped())?.[1]).toBe(String(Number(before) + 1));
    store.changed(workspaceId);
    expect(await value(opened, 'vault://crm')).toBe(ONE);
  });

  it('that is away opens nothing once what is kept in memory is a minute old, and stores nothing', async () => {
    const opened = await openStore();
    const { store, workspaceId, clock } = opened;
    await store.rewrap(workspaceId, `aws-kms://${KEY_ARN}`, DANA);
    await done(opened);
    await store.putSecret(workspaceId, 'crm', ONE, DANA);
    expect(await value(opened, 'vault://crm')).toBe(ONE);
    aws.denied = true;
    try {
      clock.ms += 59_999;
      expect(await value(opened, 'vault://crm')).toBe(ONE);
      clock.ms += 1;
      await expect(store.resolve(workspaceId, 'vault://crm')).rejects.toEqual(unavailable(/AWS KMS: AccessDenied/));
      await expect(store.putSecret(workspaceId, 'crm', TWO, DANA)).rejects.toMatchObject({ code: 'key_unavailable' });
      // The old key stays where it is needed.
      await store.rewrap(workspaceId, 'derived', DANA);
      const failed = await done(opened);
      expect(failed).toMatchObject({ current: 'derived', rewrap: { state: 'failed', failed: 1, done: 0 } });
      expect(failed.keys).toContainEqual(
        expect.objectContaining({ reference: `aws-kms://${KEY_ARN}`, state: 'retiring', versions: 1 }),
      );
    } finally {
      aws.denied = false;
    }
    await store.rewrap(workspaceId, undefined, DANA);
    expect(await done(opened)).toMatchObject({ rewrap: { state: 'done' } });
    expect(await value(opened, 'vault://crm')).toBe(ONE);
  });

  it('is not taken when it is none, not allowed, not there, or does not bind', async () => {
    const { store, workspaceId } = await openStore();
    await writeFile(join(folder, 'short'), randomBytes(31).toString('base64'));
    for (const [reference, code] of [
      ['vault://crm', 'key_reference_invalid'],
      ['transit://hivekey', 'key_reference_invalid'],
      ['transit://../sys/x', 'key_reference_invalid'],
      ['gcp-kms://projects/p/locations/global/keyRings/r', 'key_reference_invalid'],
      ['gcp-kms://projects/p/locations/x/keyRings/r/cryptoKeys/../k', 'key_reference_invalid'],
      ['env://PATH', 'key_unusable'],
      // What servers may be given is no key, and the other way round.
      ['env://TOKEN', 'key_unusable'],
      ['file://short', 'key_unusable'],
      ['file:///etc/hostname', 'key_unusable'],
      ['transit://transit/missing', 'key_unusable'],
    ])
      await expect(store.rewrap(workspaceId, reference, DANA)).rejects.toMatchObject({ code });
    expect(await store.encryptionKeys(workspaceId)).toMatchObject({ current: 'derived', rewrap: null });
    for (const ref of ['env://KEK', 'file://short'])
      await expect(store.resolve(workspaceId, ref)).rejects.toEqual(unavailable(/does not allow/));
    expect((await store.resolve(workspaceId, 'env://TOKEN')).reveal()).toBe(ONE);
  });
});

describe('Google Cloud KMS', () => {
  it('wraps and unwraps bound to the place, with a token of the metadata service', async () => {
    await using google = await startGoogle();
    vi.stubEnv('GCE_METADATA_HOST', google.host);
    const provider = new GcpKmsKey('projects/p/locations/global/keyRings/r/cryptoKeys/k', `http://${google.host}`);
    await checkHealth(provider);
    const context = { workspaceId: 'w', name: 'n', version: 1 };
    const dataKey = randomBytes(32);
    const wrapped = await provider.wrap(dataKey, context);
    expect((await provider.unwrap(await provider.rewrap(wrapped, context), context)).equals(dataKey)).toBe(true);
    const other = provider.unwrap(wrapped, { ...context, workspaceId: 'v' });
    await expect(other).rejects.toEqual(unavailable(/refused to decrypt \(HTTP 400\)/));
    const missing = new GcpKmsKey('projects/p/locations/global/keyRings/r/cryptoKeys/none', `http://${google.host}`);
    await expect(missing.wrap(dataKey, context)).rejects.toEqual(unavailable(/HTTP 404/));
  });
});

describe('two references', () => {
  it.each([
    ['vault://slack', 'vault://slack', true],
    ['vault://slack', 'vault://slack-2', false],
    ['env://SLACK', 'vault://SLACK', false],
    ['hashicorp://kv/slack#signing@3', 'hashicorp://kv/slack', true],
    ['hashicorp://kv/slack', 'hashicorp://kv/slack2', false],
    ['file://slack/token', 'file:///etc/hivekey/slack/token', true],
    ['file://x/../slack/./token', 'file:///etc/hivekey//slack/token', true],
    ['file://crm/token', 'file:///etc/hivekey/slack/token', false],
    ['file://lack/token', 'file:///etc/hivekey/slack/token', false],
    ['aws-sm://slack#signing', 'aws-sm://arn:aws:secretsmanager:eu-1:123456789012:secret:slack-AbC123#bot', true],
    ['aws-sm://crm', 'aws-sm://arn:aws:secretsmanager:eu-1:123456789012:secret:slack-AbC123', false],
  ])('%s and %s may name one credential: %s', (one, other, same) => {
    expect([mayBeSame(one, other), mayBeSame(other, one)]).toEqual([same, same]);
  });
});

describe('Azure Key Vault', () => {
  const NAME = { host: 'acme.vault.azure.net', resource: 'https://vault.azure.net', key: 'hivekey' };
  const context = { workspaceId: 'w', name: 'n', version: 1 };
  const derived = createSecretKey(randomBytes(32));

  it('wraps and unwraps with every version of the key, bound to the place, and takes nothing made with the public key', async () => {
    await using azure = await startAzure();
    vi.stubEnv('AZURE_TENANT_ID', 'tenant-1');
    vi.stubEnv('AZURE_CLIENT_ID', 'client-1');
    vi.stubEnv('AZURE_CLIENT_SECRET', 'a-client-secret');
    vi.stubEnv('AZURE_AUTHORITY_HOST', azure.origin);
    forgetAzureToken(NAME.resource);
    const provider = new AzureKey(derived, NAME, azure.origin);
    expect(provider.reference).toBe('azure-kv://acme.vault.azure.net/hivekey');
    await checkHealth(provider);
    const dataKey = randomBytes(32);
    const wrapped = await provider.wrap(dataKey, context);
    azure.rotate();
    expect((await provider.unwrap(wrapped, context)).equals(dataKey)).toBe(true);
    const again = await provider.rewrap(wrapped, context);
    expect(String(again).split('.')[0]).not.toBe(String(wrapped).split('.')[0]);
    expect((await provider.unwrap(again, context)).equals(dataKey)).toBe(true);
    await expect(provider.unwrap(again, { ...context, workspaceId: 'v' })).rejects.toBeInstanceOf(EnvelopeBroken);
    // Whoever can write to the database, and has the public key, puts nothing of their own in its place.
    const forged = await new AzureKey(createSecretKey(randomBytes(32)), NAME, azure.origin).wrap(dataKey, context);
    await expect(provider.unwrap(forged, context)).rejects.toBeInstanceOf(EnvelopeBroken);
    const missing = new AzureKey(derived, { ...NAME, key: 'none' }, azure.origin);
    await expect(missing.wrap(dataKey, context)).rejects.toEqual(unavailable(/HTTP 404/));
    // One token for all of it.
    expect(azure.asked).toEqual(['secret']);
  });

  it('finds credentials of a workload and of the machine', async () => {
    await using azure = await startAzure();
    const file = join(folder, 'federated');
    await writeFile(file, 'a.federated.token\n');
    const workload = {
      AZURE_TENANT_ID: 'tenant-1',
      AZURE_CLIENT_ID: 'client-1',
      AZURE_AUTHORITY_HOST: `${azure.origin}/`,
      AZURE_FEDERATED_TOKEN_FILE: file,
    };
    const machine = { AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.origin };
    for (const environment of [workload, machine]) {
      forgetAzureToken(NAME.resource);
      expect((await azureToken(NAME.resource, environment)).reveal()).toMatch(/^eyJ/);
    }
    expect(azure.asked).toEqual(['assertion', 'machine']);
    forgetAzureToken(NAME.resource);
    const wrong = { ...workload, AZURE_CLIENT_ID: 'another' };
    await expect(azureToken(NAME.resource, wrong)).rejects.toEqual(unavailable(/no token was given \(HTTP 401\)/));
  });

  it.each([
    'azure-kv://acme.vault.azure.net.evil.example/hivekey',
    'azure-kv://acme.evil.example/hivekey',
    'azure-kv://x.acme.vault.azure.net/hivekey',
    'azure-kv://acme.vault.azure.net/keys/hivekey',
    'azure-kv://acme.vault.azure.net/hivekey?x',
    'azure-kv://acme.vault.azure.net:444/hivekey',
    'azure-kv://user@acme.vault.azure.net/hivekey',
  ])('sends no token to %s', (reference) => {
    expect(azureKeyName(reference)).toBeUndefined();
    expect(() => checkKeyReference(reference)).toThrow();
  });
});

describe('hashicorp://', () => {
  beforeAll(() => {
    vault.kv.set('crm/key', [
      { data: { token: ONE }, deleted: false },
      { data: { token: TWO, user: 'hivekey' }, deleted: false },
      { data: { token: 'deleted-by-somebody' }, deleted: true },
      { data: { token: `${TWO}-4`, user: 'hivekey' }, deleted: false },
    ]);
    vault.kv.set('other/key', [{ data: { token: ONE }, deleted: false }]);
    vault.old.set('erp', { password: `${ONE}-v1` });
  });

  it.each([
    ['hashicorp://kv/crm/key#token', `${TWO}-4`],
    ['hashicorp://kv/crm/key#token@2', TWO],
    ['hashicorp://kv/crm/key@1', ONE],
    ['hashicorp://old/erp#password', `${ONE}-v1`],
    ['hashicorp://old/erp', `${ONE}-v1`],
  ])('%s', async (ref, expected) => expect(await value(await openStore(), ref)).toBe(expected));

  it.each([
    ['hashicorp://kv/crm/key', /several fields/],
    ['hashicorp://kv/crm/key#none', /no such field/],
    ['hashicorp://kv/crm/key#token@3', /no such secret, or this version/],
    ['hashicorp://kv/crm/key#token@9', /no such secret, or this version/],
    ['hashicorp://kv/crm/missing#a', /no such secret/],
    ['hashicorp://kv/crm/key#user', /fewer than/],
    ['hashicorp://old/erp#password@1', /keeps no versions/],
    ['hashicorp://kv/other/key#token', /does not allow this path/],
    ['hashicorp://kv/crmx/key#token', /does not allow this path/],
    ['hashicorp://kv/crm/../other/key#token', /not understood/],
    ['hashicorp://kv/crm/key%2f..#token', /not understood/],
    ['hashicorp://kv/crm/key?version=1', /not understood/],
  ])('not %s', async (ref, why) => {
    const { store, workspaceId } = await openStore();
    await expect(store.resolve(workspaceId, ref)).rejects.toEqual(unavailable(why));
  });

  it('is read at the call, once for all who wait, and again after a minute or when it is forgotten', async () => {
    const opened = await openStore();
    const ref = 'hashicorp://kv/crm/key#token';
    const reads = () => vault.asked.filter((each) => each === 'GET kv/data/crm/key').length;
    const before = reads();
    const release = vault.hold();
    const many = Promise.all(Array.from({ length: 20 }, () => value(opened, ref)));
    release();
    expect(new Set(await many)).toEqual(new Set([`${TWO}-4`]));
    expect(reads() - before).toBe(1);
    vault.kv.get('crm/key')?.push({ data: { token: `${TWO}-5` }, deleted: false });
    expect(await value(opened, ref)).toBe(`${TWO}-4`);
    opened.store.forget(opened.workspaceId);
    expect(await value(opened, ref)).toBe(`${TWO}-5`);
    vault.kv.get('crm/key')?.push({ data: { token: `${TWO}-6` }, deleted: false });
    opened.clock.ms += 60_000;
    expect(await value(opened, ref)).toBe(`${TWO}-6`);
    vault.sealed = true;
    opened.clock.ms += 60_000;
    await expect(value(opened, ref)).rejects.toEqual(unavailable(/HTTP 503/));
    vault.sealed = false;
    expect(await value(opened, ref)).toBe(`${TWO}-6`);
  });

  it('logs in by AppRole with a wrapped secret id, which can be unwrapped once', async () => {
    const secretIdPath = join(folder, 'secret-id');
    await writeFile(secretIdPath, vault.wrapSecretId());
    const method = {
      kind: 'approle',
      mount: 'approle',
      roleId: vault.approle.roleId,
      secretIdPath,
      isWrapped: true,
    } as const;
    const opened = await openStore({ method });
    expect(await value(opened, 'hashicorp://kv/crm/key#token@1')).toBe(ONE);
    // Its token is taken away: it logs in again with what it has unwrapped.
    vault.tokens.clear();
    opened.clock.ms += 60_000;
    expect(await value(opened, 'hashicorp://kv/crm/key#token@1')).toBe(ONE);
    // Somebody else with the same wrapping token comes too late.
    const late = await openStore({ method });
    await expect(value(late, 'hashicorp://kv/crm/key#token@1')).rejects.toEqual(
      unavailable(/somebody else has unwrapped/),
    );
  });

  it('logs in by AppRole and Kubernetes, with renewal before the end; with a wrong proof not at all', async () => {
    const jwtPath = join(folder, 'jwt');
    const secretIdPath = join(folder, 'plain-secret-id');
    await writeFile(jwtPath, vault.kubernetes.jwt);
    await writeFile(secretIdPath, vault.approle.secretId);
    const ref = 'hashicorp://kv/crm/key#token@1';
    for (const method of [
      { kind: 'kubernetes', mount: 'kubernetes', role: 'hivekey', jwtPath },
      { kind: 'approle', mount: 'approle', roleId: vault.approle.roleId, secretIdPath, isWrapped: false },
    ] as const) {
      const opened = await openStore({ method });
      expect(await value(opened, ref)).toBe(ONE);
      const from = vault.asked.length;
      opened.clock.ms += method.kind === 'kubernetes' ? 401_000 : 2_401_000;
      expect(await value(opened, ref)).toBe(ONE);
      expect(vault.asked.slice(from)).toContain('POST auth/token/renew-self');
      expect(vault.asked.slice(from).filter((each) => each.endsWith('/login'))).toEqual([]);
    }
    await writeFile(jwtPath, 'another');
    const wrong = await openStore({ method: { kind: 'kubernetes', mount: 'kubernetes', role: 'hivekey', jwtPath } });
    await expect(value(wrong, ref)).rejects.toEqual(unavailable(/refused the login \(HTTP 403\)/));
    const none = await openStore({ method: { kind: 'token', path: join(folder, 'none') } });
    await expect(value(none, ref)).rejects.toEqual(unavailable(/token file of Vault cannot be read/));
  });

  it('says which namespace it means', async () => {
    await using spaced = await startVault({ namespace: 'team/agents' });
    spaced.kv.set('crm/key', [{ data: { token: ONE }, deleted: false }]);
    const text = `hvs.${randomBytes(8).toString('hex')}`;
    spaced.tokens.set(text, { ttl: 60, renewable: false, usesLeft: 100 });
    await writeFile(join(folder, 'spaced'), text);
    const method = { kind: 'token', path: join(folder, 'spaced') } as const;
    const named = await openStore({ address: spaced.url, namespace: 'team/agents', method });
    expect(await value(named, 'hashicorp://kv/crm/key#token')).toBe(ONE);
    const root = await openStore({ address: spaced.url, method });
    await expect(value(root, 'hashicorp://kv/crm/key#token')).rejects.toEqual(unavailable(/refused the token/));
  });

  it('is not asked at an address that no server has, or where nobody answers', async () => {
    for (const [address, why] of [
      ['http://169.254.169.254', /address of Vault is refused/],
      ['http://127.0.0.1:9', /does not answer/],
    ] as const) {
      const opened = await openStore({ address });
      await expect(value(opened, 'hashicorp://kv/crm/key#token')).rejects.toEqual(unavailable(why));
    }
  });
});

describe('aws-sm://', () => {
  it('gives a text or a field of one, and nothing that is not allowed or there', async () => {
    aws.secrets.set('prod/crm', ONE);
    aws.secrets.set('prod/erp', JSON.stringify({ user: 'hivekey', password: TWO }));
    aws.secrets.set('test/crm', ONE);
    const opened = await openStore();
    expect(await value(opened, 'aws-sm://prod/crm')).toBe(ONE);
    expect(await value(opened, 'aws-sm://prod/erp#password')).toBe(TWO);
    for (const [ref, why] of [
      ['aws-sm://prod/erp#none', /no such field/],
      ['aws-sm://prod/missing', /ResourceNotFoundException/],
      ['aws-sm://test/crm', /does not allow/],
    ] as const)
      await expect(value(opened, ref)).rejects.toEqual(unavailable(why));
  });
});
