/**
 * A local Vault, true to the HTTP API that HashiCorp Vault and OpenBao document as far as HiveKey uses it: token,
 * AppRole and Kubernetes logins, renewal, response wrapping, namespaces, the key-value engine in both versions, and
 * transit with associated data and key versions.
 */
import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

type Json = Record<string, unknown>;

interface Token {
  ttl: number;
  renewable: boolean;
  usesLeft: number;
}

interface KvVersion {
  data: Json;
  deleted: boolean;
}

export interface LocalVault extends AsyncDisposable {
  readonly url: string;
  /** `METHOD path`, in order. */
  readonly asked: string[];
  /** `kv/` in version 2: each path's versions. `old/`: version 1. */
  readonly kv: Map<string, KvVersion[]>;
  readonly old: Map<string, Json>;
  readonly tokens: Map<string, Token>;
  readonly approle: { roleId: string; secretId: string; ttl: number };
  readonly kubernetes: { role: string; jwt: string };
  /** A response-wrapping token around the secret id, good once. */
  wrapSecretId(): string;
  /** A new version of every transit key. */
  rotateTransit(): void;
  /** Answers nothing but 503 until it is false again; `sys/seal-status` of a real one. */
  sealed: boolean;
  /** Holds answers back until it is called. */
  hold(): () => void;
}

export async function startVault({ namespace }: { readonly namespace?: string } = {}): Promise<LocalVault> {
  const tokens = new Map<string, Token>();
  const wrapped = new Map<string, Json>();
  const kv = new Map<string, KvVersion[]>();
  const old = new Map<string, Json>();
  const asked: string[] = [];
  const transit: Buffer[] = [randomBytes(32)];
  const approle = { roleId: randomUUID(), secretId: randomUUID(), ttl: 3600 };
  const kubernetes = { role: 'hivekey', jwt: `e${randomUUID()}` };
  const state = { sealed: false, held: undefined as Promise<void> | undefined };

  const minted = (ttl: number): Json => {
    const client_token = `hvs.${randomBytes(24).toString('base64url')}`;
    tokens.set(client_token, { ttl, renewable: true, usesLeft: Number.MAX_SAFE_INTEGER });
    return { client_token, accessor: randomUUID(), policies: ['default'], lease_duration: ttl, renewable: true };
  };

  function answer(req: IncomingMessage, body: Json): readonly [status: number, body: Json] {
    const [path = '', query = ''] = (req.url ?? '').replace(/^\/v1\//, '').split('?');
    const what = `${req.method} ${path}`;
    asked.push(what);
    if (state.sealed) return [503, { errors: ['Vault is sealed'] }];
    if ((req.headers['x-vault-namespace'] ?? undefined) !== namespace)
      return [404, { errors: ['no handler for route'] }];
    if (what === 'POST auth/approle/login') {
      const fits = body.role_id === approle.roleId && body.secret_id === approle.secretId;
      return fits ? [200, { auth: minted(approle.ttl) }] : [400, { errors: ['invalid role or secret ID'] }];
    }
    if (what === 'POST auth/kubernetes/login') {
      const fits = body.role === kubernetes.role && body.jwt === kubernetes.jwt;
      return fits ? [200, { auth: minted(600) }] : [403, { errors: ['permission denied'] }];
    }
    const presented = String(req.headers['x-vault-token'] ?? '');
    if (what === 'POST sys/wrapping/unwrap') {
      const data = wrapped.get(presented);
      wrapped.delete(presented);
      return data ? [200, { data }] : [400, { errors: ['wrapping token is not valid or does not exist'] }];
    }
    const token = tokens.get(presented);
    if (token === undefined || token.usesLeft-- <= 0) return [403, { errors: ['permission denied'] }];
    if (what === 'GET auth/token/lookup-self') return [200, { data: { ttl: token.ttl, renewable: token.renewable } }];
    if (what === 'POST auth/token/renew-self')
      return [200, { auth: { client_token: presented, lease_duration: token.ttl, renewable: token.renewable } }];
    const mounted = /^GET sys\/internal\/ui\/mounts\/(kv|old)\//.exec(what)?.[1];
    if (mounted !== undefined)
      return [200, { data: { path: `${mounted}/`, type: 'kv', options: mounted === 'kv' ? { version: '2' } : null } }];
    const versioned = /^GET kv\/data\/(.+)$/.exec(what)?.[1];
    if (versioned !== undefined) return readVersion(kv.get(decodeURIComponent(versioned)) ?? [], query);
    const plain = /^GET old\/(.+)$/.exec(what)?.[1];
    if (plain !== undefined) {
      const data = old.get(plain);
      return data ? [200, { data, lease_duration: 2764800 }] : [404, { errors: [] }];
    }
    if (what === 'POST transit/encrypt/hivekey')
      return [200, { data: { ciphertext: encrypt(body), key_version: transit.length } }];
    if (what === 'POST transit/decrypt/hivekey') {
      const plaintext = decrypt(body);
      return plaintext ? [200, { data: { plaintext } }] : [400, { errors: ['cipher: message authentication failed'] }];
    }
    return [403, { errors: ['1 error occurred:\n\t* permission denied\n\n'] }];
  }

  function readVersion(versions: readonly KvVersion[], query: string): readonly [number, Json] {
    const wanted = Number(new URLSearchParams(query).get('version') ?? versions.length) || versions.length;
    const found = versions[wanted - 1];
    const metadata = {
      version: wanted,
      deletion_time: found?.deleted ? new Date().toISOString() : '',
      destroyed: false,
    };
    if (found === undefined) return [404, { errors: [] }];
    return found.deleted ? [404, { data: { data: null, metadata } }] : [200, { data: { data: found.data, metadata } }];
  }

  function encrypt({ plaintext, associated_data: aad }: Json): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', transit.at(-1) ?? Buffer.alloc(32), nonce, { authTagLength: 16 });
    cipher.setAAD(Buffer.from(String(aad ?? ''), 'base64'));
    const sealed = Buffer.concat([
      nonce,
      cipher.update(Buffer.from(String(plaintext), 'base64')),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
    return `vault:v${transit.length}:${sealed.toString('base64')}`;
  }

  function decrypt({ ciphertext, associated_data: aad }: Json): string | undefined {
    const [, version, text = ''] = /^vault:v(\d+):(.+)$/.exec(String(ciphertext)) ?? [];
    const key = transit[Number(version) - 1];
    const sealed = Buffer.from(text, 'base64');
    if (key === undefined) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(String(aad ?? ''), 'base64'));
    decipher.setAuthTag(sealed.subarray(-16));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).toString('base64');
    } catch {
      return undefined;
    }
  }

  const server = createServer(async (req: IncomingMessage, res: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const [status, body] = answer(req, text === '' ? {} : JSON.parse(text));
    await state.held;
    const envelope = {
      request_id: randomUUID(),
      lease_id: '',
      renewable: false,
      lease_duration: 0,
      data: null,
      wrap_info: null,
      warnings: null,
      auth: null,
    };
    res.writeHead(status, { 'content-type': 'application/json' });
    res.end(JSON.stringify(status === 200 ? { ...envelope, ...body } : body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();

  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    asked,
    kv,
    old,
    tokens,
    approle,
    kubernetes,
    wrapSecretId: () => {
      const token = `hvs.wrap.${randomBytes(16).toString('hex')}`;
      wrapped.set(token, { secret_id: approle.secretId, secret_id_accessor: randomUUID() });
      return token;
    },
    rotateTransit: () => {
      transit.push(randomBytes(32));
    },
    get sealed() {
      return state.sealed;
    },
    set sealed(value) {
      state.sealed = value;
    },
    hold: () => {
      let release = (): void => undefined;
      state.held = new Promise((resolve) => {
        release = resolve;
      });
      return () => {
        state.held = undefined;
        release();
      };
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
