/** The console's files, from a folder as its build leaves it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { fastify } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installConsole } from '../../src/api/console.ts';
import type { Api } from '../../src/api/context.ts';
import { type Client, clientOf } from './client.ts';

const folder = mkdtempSync(join(tmpdir(), 'hivekey-console-'));
let api: Api;
let call: Client;
beforeAll(async () => {
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><div id="root"></div>');
  writeFileSync(join(folder, 'assets', 'index-Ab12Cd34.js'), 'export {};');
  writeFileSync(join(folder, 'assets', 'index-Ab12Cd34.js.br'), brotliCompressSync('export {};'));
  writeFileSync(join(folder, '.env'), 'SECRET=1');
  api = fastify();
  const servePage = await installConsole(api, folder);
  api.setNotFoundHandler((request, reply) => {
    if (!servePage(request, reply)) reply.code(404).send({ error: { code: 'route_not_found' } });
  });
  const url = await api.listen({ port: 0, host: '127.0.0.1' });
  call = clientOf({ url, adminKey: '' });
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

const HTML = { key: null, headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };

describe('the console', () => {
  it.each(['/', '/index.html', '/agents', '/agents/agt_1?tab=log', '/log'])('serves its page at %s', async (path) => {
    const { status, body, headers } = await call('GET', path, HTML);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(body).toContain('id="root"');
    expect(headers.get('cache-control')).toBe('no-cache');
  });

  it('allows the page scripts of its own origin only, and nobody to frame it', async () => {
    const policy = (await call('GET', '/agents', HTML)).headers.get('content-security-policy') ?? '';
    const directives = new Map(policy.split('; ').map((each) => [each.split(' ', 1)[0], each]));
    expect(directives.get('script-src')).toBe("script-src 'self'");
    expect(directives.get('default-src')).toBe("default-src 'none'");
    expect(directives.get('frame-ancestors')).toBe("frame-ancestors 'none'");
    expect(directives.get('base-uri')).toBe("base-uri 'none'");
    expect(policy).not.toContain('unsafe-eval');
  });

  it('lets files that carry their hash be kept for good', async () => {
    const { status, headers } = await call('GET', '/assets/index-Ab12Cd34.js', { key: null });
    expect([status, headers.get('content-type')]).toEqual([200, 'application/javascript; charset=utf-8']);
    expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  });

  it('hands out what the build compressed, to whoever takes it', async () => {
    const path = '/assets/index-Ab12Cd34.js';
    const small = await call('GET', path, { key: null, headers: { 'accept-encoding': 'br' } });
    expect(small.headers.get('content-encoding')).toBe('br');
    expect(small.headers.get('content-type')).toBe('application/javascript; charset=utf-8');
    expect(small.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(small.headers.get('vary')).toMatch(/accept-encoding/i);
    const plain = await call('GET', path, { key: null, headers: { 'accept-encoding': 'identity' } });
    expect(plain.headers.get('content-encoding')).toBe(null);
  });

  it.each(['/assets/gone-12345678.js', '/v1/nothing', '/mcp/x/y', '/access/v1/none', '/.well-known/none'])(
    'is not what is served at %s',
    async (path) => {
      expect((await call('GET', path, HTML)).status).toBe(404);
    },
  );

  it('is for people: a program gets an error where there is no file', async () => {
    const { status, body } = await call('GET', '/agents', { key: null, headers: { accept: 'application/json' } });
    expect([status, body.error.code]).toEqual([404, 'route_not_found']);
    expect((await call('POST', '/agents', HTML)).status).toBe(404);
  });

  it.each(['/.env', '/../package.json', '/%2e%2e/package.json', '/assets/..%2f..%2fpackage.json'])(
    'gives out nothing but its files: %s',
    async (path) => {
      const { body } = await call('GET', path, { key: null });
      expect(JSON.stringify(body)).not.toMatch(/SECRET|dependencies/);
    },
  );

  it('is simply not there when it has not been built', async () => {
    const bare: Api = fastify();
    const servePage = await installConsole(bare, join(folder, 'nothing'));
    bare.setNotFoundHandler((request, reply) => {
      reply.code(404).send({ served: servePage(request, reply) });
    });
    expect((await bare.inject({ url: '/', headers: HTML.headers })).json()).toEqual({ served: false });
  });
});
