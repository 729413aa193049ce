/**
 * HashiCorp Vault and OpenBao over their HTTP API (version 1): requests with a token that is obtained, renewed and
 * obtained again as needed. Redirects are not followed, so that the token goes nowhere else.
 */
import { Agent, request } from 'undici';
import { type AddressRules, classifyAddress, guardedLookup, literalProblem, parseEndpoint } from '../address-guard.ts';
import { readJson } from './json.ts';
import { CredentialUnavailable } from './unavailable.ts';
import { VaultLogin, type VaultMethod } from './vault-login.ts';
import type { VaultAnswer, VaultSend } from './vault-protocol.ts';

export interface VaultSettings {
  /** `https://vault.acme.example:8200`. */
  readonly address: string;
  readonly namespace?: string;
  readonly method: VaultMethod;
}

const TIMEOUT_MS = 5_000;
const CONNECT_MS = 3_000;
const MAX_BYTES = 1024 * 1024;

export class VaultClient {
  readonly #agent: Agent;
  readonly #login: VaultLogin;
  readonly #send: VaultSend;

  /** Throws `endpoint_invalid`. */
  constructor(settings: VaultSettings, rules: AddressRules, clock: () => number = Date.now) {
    const endpoint = parseEndpoint(settings.address);
    const { url, host, port } = endpoint;
    // Set by who runs HiveKey: its own host may be private, and is still no metadata service unless that is allowed, too.
    const own = { ...rules, allow: { ...rules.allow, hosts: [...rules.allow.hosts, { host, port }] } };
    const isRefused = literalProblem(endpoint, classifyAddress(host) === 'link-local' ? rules : own) !== undefined;
    this.#agent = new Agent({
      connect: { timeout: CONNECT_MS, lookup: guardedLookup(port, own) },
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
    const base = url.origin + url.pathname.replace(/\/+$/, '');
    this.#send = async (method, path, body, token) => {
      if (isRefused) throw new CredentialUnavailable('the address of Vault is refused');
      const headers = {
        'x-vault-request': 'true',
        accept: 'application/json',
        ...(settings.namespace === undefined ? {} : { 'x-vault-namespace': settings.namespace }),
        ...(token === undefined ? {} : { 'x-vault-token': token }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      try {
        const answer = await request(`${base}/v1/${path}`, {
          method,
          headers,
          body: body === undefined ? null : JSON.stringify(body),
          dispatcher: this.#agent,
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        return { status: answer.statusCode, body: await readJson(answer.body, MAX_BYTES) };
      } catch {
        // Undici's own words may name addresses.
        throw new CredentialUnavailable('Vault does not answer');
      }
    };
    this.#login = new VaultLogin(settings.method, this.#send, clock);
  }

  /** `path` below `/v1/`, its segments encoded. Logs in again once when the token is no longer taken. */
  async call(method: 'GET' | 'POST', path: string, body?: object): Promise<VaultAnswer> {
    const token = await this.#login.token();
    const answer = await this.#send(method, path, body, token.reveal());
    if (answer.status !== 403 || !this.#login.refused(token)) return answer;
    return this.#send(method, path, body, (await this.#login.token()).reveal());
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
