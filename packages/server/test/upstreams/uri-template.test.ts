import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearRegExp } from '../../src/upstreams/linear-regexp.ts';
import { uriMatcher } from '../../src/upstreams/uri-template.ts';

function matches(template: string, uri: string): boolean | undefined {
  return uriMatcher(template, linearRegExp)?.(uri);
}

describe('a template stands for', () => {
  it.each([
    ['test://template/{id}/data', 'test://template/123/data'],
    ['crm://{table}/{id}', 'crm://people/7'],
    ['file:///{+path}', 'file:///a/b/c.txt'],
    ['x://a{?q,lang}', 'x://a?q=1&lang=de'],
    ['x://a{?q,lang}', 'x://a'],
    ['x://a{/seg*}', 'x://a/b/c'],
    ['x://a{#frag}', 'x://a#b'],
    ['x://a{;p}', 'x://a;p=1'],
    ['x://a.{ext}', 'x://a.txt'],
    ['x://{a,b}', 'x://1,2'],
    ['x://{a:3}', 'x://abc'],
    ['x://{a}', 'x://a%20b'],
    ['x://{a}', 'x://a%2Fb'],
    ['x://(a)[b]+{c}', 'x://(a)[b]+d'],
  ])('%s: %s', (template, uri) => expect(matches(template, uri)).toBe(true));

  it.each([
    ['test://template/{id}/data', 'test://template/a/b/data'],
    ['test://template/{id}/data', 'test://template//data'],
    ['test://template/{id}/data', 'test://template/1/data/more'],
    ['test://template/{id}/data', 'TEST://template/1/data'],
    ['file:///docs/{+path}', 'file:///docs/../../etc/passwd'],
    ['file:///docs/{+path}', 'file:///docs/%2e%2e/etc/passwd'],
    ['file:///docs/{path}', 'file:///docs/..%2F..%2Fetc'],
    ['file:///docs/{path}', 'file:///docs/..%5c..'],
    ['file:///docs/{path}', 'file:///docs/a\\b'],
    ['file:///docs/{path}', 'file:///docs/..'],
    ['crm://{id}', 'crm://%73ecret'],
    ['crm://{id}', 'crm://a%'],
    ['crm://{id}', 'crm://a%zz'],
    ['crm://{id}', 'crm://ä'],
    ['crm://{id}', 'crm://a b'],
    ['crm://{id}', 'crm://a?b'],
    ['crm://{id}', 'crm://a\n'],
    ['x.y://{a}', 'xzy://a'],
  ])('%s, but not %s', (template, uri) => expect(matches(template, uri)).toBe(false));

  it.each(['x://{', 'x://}', 'x://{}', 'x://{a b}', 'x://{!a}', 'x://{{a}}', `x://${'{a}'.repeat(40)}`])(
    '%s is no template',
    (template) => expect(uriMatcher(template, linearRegExp)).toBeUndefined(),
  );

  it('whatever simple expansion makes of plain values', () => {
    const value = fc
      .string({ minLength: 1, maxLength: 20 })
      .filter((text) => text.isWellFormed() && !/\/|\\|\.\./.test(text) && text !== '.');
    fc.assert(
      fc.property(value, value, (a, b) => {
        const encode = (text: string): string =>
          encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
        expect(matches('crm://{a}/x/{b}', `crm://${encode(a)}/x/${encode(b)}`)).toBe(true);
      }),
    );
  });

  it('a hostile template and a long URI take no time', () => {
    const before = performance.now();
    expect(matches(`x://${'{a}'.repeat(30)}!`, `x://${'a'.repeat(8_000)}`)).toBe(false);
    expect(performance.now() - before).toBeLessThan(1_000);
  });
});
