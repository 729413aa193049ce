import type { JsonObject, JsonValue } from '@hivekey/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closeSchema } from '../../src/upstreams/schema/close.ts';
import { compileArguments, compileOutput } from '../../src/upstreams/schema/compile.ts';
import { measureSchema } from '../../src/upstreams/schema/measure.ts';
import { sensitivePathsOf } from '../../src/upstreams/schema/sensitive.ts';

function problems(schema: JsonObject, value: JsonValue): readonly string[] {
  const compiled = compileArguments(schema);
  if (!compiled.ok) throw new Error(compiled.problem);
  return compiled.validate(value);
}

const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({ type: 'object', properties, ...more });

describe('closing', () => {
  it.each<[string, JsonObject, JsonValue]>([
    ['a member that is not named', object({ a: {} }), { a: 1, b: 2 }],
    ['any member of a tool without arguments', { type: 'object' }, { a: 1 }],
    ['a member of a nested object', object({ a: object({ b: {} }) }), { a: { c: 1 } }],
    ['a member of an item', object({ a: { type: 'array', items: object({ b: {} }) } }), { a: [{ c: 1 }] }],
    ['a member named by no branch', { anyOf: [object({ a: {} }), object({ b: {} })] }, { a: 1, c: 1 }],
    ['a member beside a reference', { $ref: '#/$defs/x', $defs: { x: object({ a: {} }) } }, { a: 1, b: 1 }],
    [
      'a member named in allOf of draft 7',
      { $schema: 'http://json-schema.org/draft-07/schema#', allOf: [object({ a: {} })] },
      { b: 1 },
    ],
    ['a member called __proto__', object({}), JSON.parse('{"__proto__":1}')],
  ])('refuses %s', (_what, schema, value) => expect(problems(schema, value)).not.toEqual([]));

  it.each<[string, JsonObject, JsonValue]>([
    ['named members', object({ a: {} }), { a: 1 }],
    ['members by pattern', { type: 'object', patternProperties: { '^x-': {} } }, { 'x-a': 1 }],
    ['what the tool leaves open', object({ a: {} }, { additionalProperties: true }), { b: 1 }],
    ['a map inside', object({ a: { type: 'object' } }), { a: { anything: 1 } }],
    ['members of either branch', { anyOf: [object({ a: {} }), object({ b: {} })] }, { a: 1, b: 1 }],
    ['members behind a reference', { $ref: '#/$defs/x', $defs: { x: object({ a: {} }) } }, { a: 1 }],
  ])('lets through %s', (_what, schema, value) => expect(problems(schema, value)).toEqual([]));

  it('does not alter the schema it is given', () => {
    const schema = object({ a: object({ b: {} }) });
    const before = JSON.stringify(schema);
    closeSchema(schema);
    expect(JSON.stringify(schema)).toBe(before);
  });

  it('what fits the closed schema fits the open one', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const leaf = fc.constantFrom<JsonObject>({}, { type: 'string' }, { type: 'number' });
    const schema = fc.letrec<{ node: JsonObject }>((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.dictionary(name, tie('node')).map((properties) => object(properties)),
        tie('node').map((items) => ({ type: 'array', items })),
        fc.array(tie('node'), { minLength: 1, maxLength: 2 }).map((anyOf) => ({ anyOf })),
      ),
    })).node;
    const value = fc.letrec<{ node: JsonValue }>((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<JsonValue>('x', 1, null),
        fc.dictionary(name, tie('node')),
        fc.array(tie('node'), { maxLength: 2 }),
      ),
    })).node;
    fc.assert(
      fc.property(schema, value, (root, candidate) => {
        const [closed, open] = [compileArguments(root), compileOutput(root)];
        if (!closed.ok || !open.ok) throw new Error('a generated schema was refused');
        if (closed.validate(candidate).length === 0) expect(open.validate(candidate)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('compiling', () => {
  it('names the place and not the value', () => {
    const schema = object(
      { card: { type: 'string', maxLength: 3 }, mode: { enum: ['a', 'b'] } },
      { required: ['mode'] },
    );
    const [text = ''] = problems(schema, { mode: 'a', card: '4111-1111' });
    expect(text).toContain('card');
    expect(text).not.toContain('4111');
    expect(problems(schema, {})).toEqual([expect.stringContaining('mode')]);
    expect(problems(schema, { mode: 'z' })).toEqual([expect.stringContaining('"a"')]);
  });

  it.each<[string, JsonObject]>([
    ['an unknown dialect', { $schema: 'https://acme.example/mine' }],
    ['a keyword with a wrong value', { type: 'objekt' }],
    ['a pattern that is none', object({ a: { type: 'string', pattern: '(' } })],
    ['a pattern that takes more than linear time', object({ a: { type: 'string', pattern: '(a)\\1' } })],
    ['a reference to the network', { $ref: 'https://acme.example/schema.json' }],
    ['a reference to a file', { $ref: 'file:///etc/passwd' }],
    ['a reference into nothing', { $ref: '#/$defs/missing' }],
    ['a reference that is its own target', { $ref: '#' }],
    ['references in a circle', { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } }],
    ['an address of its own inside', object({ a: { $id: 'https://acme.example/x' } })],
    ['more than its size', { description: 'x'.repeat(300_000) }],
  ])('refuses %s', (_what, schema) => expect(compileArguments(schema).ok).toBe(false));

  it('refuses nesting and multiplication without bounds', () => {
    let deep: JsonObject = {};
    for (let level = 0; level < 70; level += 1) deep = { not: deep };
    expect(measureSchema(deep).ok).toBe(false);
    const defs: Record<string, JsonObject> = { a0: { type: 'string' } };
    for (let level = 1; level < 20; level += 1)
      defs[`a${level}`] = { allOf: [{ $ref: `#/$defs/a${level - 1}` }, { $ref: `#/$defs/a${level - 1}` }] };
    expect(measureSchema({ $ref: '#/$defs/a19', $defs: defs }).ok).toBe(false);
  });

  it('bounds the depth of values where recursion multiplies, and no other', () => {
    const tree: JsonObject = { type: 'object', properties: { child: { $ref: '#' } } };
    expect(measureSchema(tree)).toEqual({ ok: true });
    const twice: JsonObject = {
      type: 'object',
      allOf: [{ properties: { child: { $ref: '#' } } }, { properties: { child: { $ref: '#' } } }],
    };
    expect(measureSchema(twice)).toEqual({ ok: true, maxDepth: expect.any(Number) });
    let value: JsonObject = {};
    for (let level = 0; level < 40; level += 1) value = { child: value };
    expect(problems(twice, value)).toEqual([expect.stringContaining('deeper')]);
    expect(problems(tree, value)).toEqual([]);
  });

  it('a hostile pattern and a long text take no time', () => {
    const schema = object({ a: { type: 'string', pattern: '^(a+)+$' } });
    const before = performance.now();
    expect(problems(schema, { a: `${'a'.repeat(20_000)}!` })).not.toEqual([]);
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  it('two tools with one $id keep their own schemas', () => {
    const one = compileArguments({ $id: 'https://acme.example/x', ...object({ a: { type: 'string' } }) });
    const other = compileArguments({ $id: 'https://acme.example/x', ...object({ a: { type: 'number' } }) });
    if (!one.ok || !other.ok) throw new Error('refused');
    expect(one.validate({ a: 1 })).not.toEqual([]);
    expect(other.validate({ a: 1 })).toEqual([]);
  });

  it('sees items that are the same in any order of members', () => {
    const schema = object({ a: { type: 'array', uniqueItems: true } });
    expect(
      problems(schema, {
        a: [
          { x: 1, y: 2 },
          { y: 2, x: 1 },
        ],
      }),
    ).not.toEqual([]);
    expect(problems(schema, { a: [1, 2] })).toEqual([]);
  });
});

describe('sensitive arguments', () => {
  it('are those that the schema says are', () => {
    const schema = object(
      {
        user: { type: 'string' },
        password: { type: 'string', format: 'password' },
        card: object({ number: { type: 'string', writeOnly: true } }),
        keys: { type: 'array', items: { $ref: '#/$defs/key' } },
        any: { oneOf: [{ type: 'null' }, object({ pin: { writeOnly: true } })] },
      },
      { $defs: { key: object({ value: { writeOnly: true } }) } },
    );
    expect(sensitivePathsOf(schema)).toEqual(['any.pin', 'card.number', 'keys[].value', 'password']);
  });

  it('are found in a recursive schema, too', () => {
    const schema = object({ secret: { writeOnly: true }, next: { $ref: '#' } });
    expect(sensitivePathsOf(schema)).toContain('next.next.secret');
  });
});
