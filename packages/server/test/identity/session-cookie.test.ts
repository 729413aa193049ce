import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sessionCookie, sessionIdOf } from '../../src/identity/session-cookie.ts';

const id = randomBytes(32).toString('base64url');

describe('the session cookie', () => {
  it.each([true, false])('comes back as it was sent (secure: %s)', (secure) => {
    const [pair = ''] = sessionCookie(id, 60, secure).split(';');
    expect(sessionIdOf({ headers: { cookie: `theme=dark; ${pair};other=1` } }, secure)).toBe(id);
  });

  it.each([
    ['none', undefined],
    ['another name', `session=${id}`],
    ['another shape', 'hivekey=short'],
    ['a name that only ends alike', `xhivekey=${id}`],
    ['quotes', `hivekey="${id}"`],
  ])('is not found in %s', (_what, cookie) => {
    expect(sessionIdOf({ headers: cookie === undefined ? {} : { cookie } }, false)).toBeUndefined();
  });

  it('is not taken from plain HTTP where people come by HTTPS', () => {
    expect(sessionIdOf({ headers: { cookie: `hivekey=${id}` } }, true)).toBeUndefined();
    expect(sessionIdOf({ headers: { cookie: `__Host-hivekey=${id}` } }, true)).toBe(id);
  });
});
