/** What holds for every path, query and answer. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchTemplate, PathTable, parseTemplate, readPath, writePath } from '../../src/http-apis/path-template.ts';
import { planOf } from '../../src/http-apis/plan.ts';
import { Secret } from '../../src/secret.ts';
import { scrubberFor } from '../../src/upstreams/index.ts';

function template(path: string) {
  const parsed = parseTemplate(path);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

describe('a path', () => {
  const byTwo = template('/a/{x}/b/{y}.json');

  it('that is written from values is read as those values, or not at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ unit: 'binary', minLength: 1 }), (x, y) => {
        fc.pre(x.isWellFormed() && y.isWellFormed());
        const segments = readPath(writePath(byTwo, [x, y]));
        if (typeof segments !== 'string') expect(matchTemplate(byTwo, segments)).toEqual([x, y]);
      }),
    );
  });

  it('that is read is written in one spelling, which is read the same', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...'ab%2eEfF.5c/\\;?#&+ 0'), { maxLength: 12 }), (parts) => {
        const segments = readPath(`/a/${parts.join('')}/b/y.json`);
        if (typeof segments === 'string') return;
        const values = matchTemplate(byTwo, segments);
        if (values === undefined) return;
        const written = writePath(byTwo, values);
        expect(readPath(written)).toEqual(segments);
        // To whoever decodes it once or twice, and takes dots away, it stays the same path.
        const { pathname } = new URL(written, 'http://x');
        expect(pathname).toBe(written);
        expect(decodeURIComponent(written).split('/')).toHaveLength(5);
      }),
    );
  });

  it('names the most concrete template, or none', () => {
    const table = new PathTable<string>();
    for (const path of ['/{a}/{b}', '/x/{b}', '/{a}/y', '/x/y', '/p/{q}', '/{a}/q']) table.add(template(path), path);
    expect(table.find(['x', 'y'])?.of).toBe('/x/y');
    expect(table.find(['x', 'z'])?.of).toBe('/x/{b}');
    expect(table.find(['w', 'y'])?.of).toBe('/{a}/y');
    expect(table.find(['w', 'z'])?.of).toBe('/{a}/{b}');
    expect(table.find(['p', 'q'])).toBeUndefined();
    expect(table.find(['x'])).toBeUndefined();
  });
});

describe('a query', () => {
  const plan = planOf({
    openapi: '3.1.0',
    operation: 'x',
    method: 'GET',
    path: '/x',
    summary: '',
    description: '',
    parameters: [
      { name: 'a', in: 'query', required: false, schema: { type: 'string' } },
      { name: 'b c', in: 'query', required: false, schema: { type: 'array', items: { type: 'number' } } },
      { name: 'd', in: 'query', required: false, explode: false, schema: { type: 'array', items: { type: 'string' } } },
    ],
    components: { schemas: {} },
  });
  if (typeof plan === 'string') throw new Error(plan);
  const read = (query: string) =>
    plan.read({ pathValues: [], query, header: () => [], contentType: undefined, body: Buffer.alloc(0) });

  it('that is taken is written so that it is read as the same arguments, by others too', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab %20+&=;,#?\u00e9\u{1f600}'), maxLength: 8 });
    fc.assert(
      fc.property(text, fc.array(fc.integer()), fc.array(text, { minLength: 1 }), (a, numbers, items) => {
        const given = [
          `a=${encodeURIComponent(a)}`,
          ...numbers.map((each) => `b+c=${each}`),
          `d=${items.map(encodeURIComponent).join(',')}`,
        ];
        const first = read(given.join('&'));
        if (!first.ok) return;
        expect(first.arguments.a).toBe(a);
        const written = first.target.slice('/x?'.length);
        expect(read(written)).toEqual(first);
        const others = new URLSearchParams(written);
        expect(others.get('a')).toBe(a);
        expect(others.getAll('b c').map(Number)).toEqual(numbers.map((each) => (Object.is(each, -0) ? 0 : each)));
      }),
    );
  });

  it('of any characters is taken or refused, and never throws', () => {
    fc.assert(
      fc.property(fc.string(), (query) => {
        expect(read(query).ok).toBeTypeOf('boolean');
      }),
    );
  });
});

describe('an answer in pieces', () => {
  const secret = 'abcab-secret-abcabc';
  const scrubber = scrubberFor(new Secret(secret));

  it('never holds the credential, and is otherwise as it was', () => {
    const piece = fc.oneof(fc.constant(secret), fc.constantFrom('abcab', 'abcab-secret-', 'x', '\u00e9', 'abc'));
    fc.assert(
      fc.property(fc.array(piece), fc.integer({ min: 1, max: 9 }), (pieces, size) => {
        const whole = Buffer.from(pieces.join(''));
        const stream = scrubber.stream();
        const out: Buffer[] = [];
        for (let at = 0; at < whole.length; at += size) out.push(stream.push(whole.subarray(at, at + size)));
        out.push(stream.end());
        expect(Buffer.concat(out).toString()).toBe(whole.toString().replaceAll(secret, '[secret]'));
      }),
    );
  });
});
