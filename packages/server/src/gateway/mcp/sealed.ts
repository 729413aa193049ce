/**
 * State that a client carries for us and gives back (cursors, request states): readable, but bound by
 * HMAC-SHA-256 to its purpose and to one agent, and expiring. The length of each bound part goes into
 * the MAC, so no two different bindings share one.
 */

import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { parseJson } from '@hivekey/action-log';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { isObject } from './wire.ts';

/** What a sealed value may be used for, and by whom. */
export interface Binding {
  readonly purpose: 'cursor' | 'request-state';
  readonly workspaceId: string;
  readonly agentId: string;
}

export class Sealer {
  readonly #key: KeyObject;
  readonly #clock: () => number;

  /** `clock`: epoch milliseconds. */
  constructor(key: KeyObject, clock: () => number) {
    this.#key = key;
    this.#clock = clock;
  }

  seal(binding: Binding, value: JsonObject, ttlMs: number): string {
    const payload = Buffer.from(JSON.stringify({ v: value, exp: this.#clock() + ttlMs })).toString('base64url');
    return `${payload}.${this.#mac(binding, payload).toString('base64url')}`;
  }

  /** The value, or undefined when it was altered, made for another agent or purpose, or has expired. */
  open(binding: Binding, sealed: string): JsonObject | undefined {
    const dot = sealed.indexOf('.');
    if (dot === -1) return undefined;
    const payload = sealed.slice(0, dot);
    const mac = Buffer.from(sealed.slice(dot + 1), 'base64url');
    const expected = this.#mac(binding, payload);
    // Compared as text too: base64url decoding ignores characters that do not belong to it.
    if (mac.length !== expected.length || mac.toString('base64url') !== sealed.slice(dot + 1)) return undefined;
    if (!timingSafeEqual(mac, expected)) return undefined;
    const content: JsonValue = parseJson(Buffer.from(payload, 'base64url').toString());
    if (!isObject(content) || !isObject(content.v) || typeof content.exp !== 'number') return undefined;
    return content.exp > this.#clock() ? content.v : undefined;
  }

  #mac(binding: Binding, payload: string): Buffer {
    const mac = createHmac('sha256', this.#key);
    for (const part of [binding.purpose, binding.workspaceId, binding.agentId, payload]) {
      mac.update(`${Buffer.byteLength(part)}:`).update(part);
    }
    return mac.digest();
  }
}
