import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { Failure } from '../../src/errors.ts';
import { parseServerMap } from '../../src/upstreams/server-map.ts';

const PUBLISHED = `namespace: crm
default_access: read-only
tools:
  crm.read:   { maps: getRecord,    access: read }
  crm.search: { maps: query,        access: read }
  crm.update: { maps: putRecord,    access: write }
  crm.delete: { maps: deleteRecord, access: write }
`;

function problemsOf(document: unknown): readonly { code: string; path: string; line?: number; column?: number }[] {
  try {
    parseServerMap(document, 'crm');
  } catch (error) {
    if (error instanceof Failure && error.code === 'server_map_invalid')
      return (error.problems ?? []) as ReturnType<typeof problemsOf>;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('the published server map', () => {
  it('round-trips unchanged, as YAML, as JSON and parsed', () => {
    const value: unknown = parse(PUBLISHED);
    for (const document of [PUBLISHED, JSON.stringify(value), value]) {
      const map = parseServerMap(document, 'crm');
      expect(map).toEqual(value);
      expect(Object.keys(map.tools)).toEqual(['crm.read', 'crm.search', 'crm.update', 'crm.delete']);
      expect(parseServerMap(stringify(map), 'crm')).toEqual(value);
    }
  });

  it('needs no tools', () => {
    expect(parseServerMap({ namespace: 'crm', default_access: 'none' }, 'crm').tools).toEqual({});
  });
});

const tools = (entries: string): string => `namespace: crm\ndefault_access: read-only\ntools:\n${entries}`;

describe('a wrong server map', () => {
  it.each([
    ['another namespace', PUBLISHED.replace('namespace: crm', 'namespace: erp'), 'value', 'namespace', 1],
    ['an unknown access', PUBLISHED.replace('read-only', 'all'), 'value', 'default_access', 2],
    ['an unknown key', `${PUBLISHED}extra: 1\n`, 'unknown_key', 'extra', 8],
    ['an unknown class', tools('  crm.a: { maps: a, access: admin }\n'), 'value', 'tools.crm.a.access', 4],
    ['a name of another namespace', tools('  erp.a: { maps: a, access: read }\n'), 'name_invalid', 'tools.erp.a', 4],
    [
      'a tool mapped twice',
      tools('  crm.a: { maps: a, access: read }\n  crm.b: { maps: a, access: read }\n'),
      'duplicate',
      'tools.crm.b.maps',
      5,
    ],
    [
      'names that fold together',
      tools('  crm.a-b: { maps: a, access: read }\n  crm.a_b: { maps: b, access: read }\n'),
      'collision',
      'tools.crm.a_b',
      5,
    ],
    ['a tool that is no map', tools('  crm.a: read\n'), 'type', 'tools.crm.a', 4],
    [
      'a key twice',
      tools('  crm.a: { maps: a, access: read }\n  crm.a: { maps: b, access: write }\n'),
      'syntax',
      '',
      5,
    ],
    ['broken YAML', 'namespace: [', 'syntax', '', 1],
  ])('%s is named with its place', (_what, document, code, path, line) => {
    expect(problemsOf(document)).toContainEqual(expect.objectContaining({ code, path, line }));
  });

  it('all problems are told at once', () => {
    expect(problemsOf({ namespace: 'crm', default_access: 'x', tools: { a: 1, b: {} } }).length).toBeGreaterThan(3);
  });

  it.each([null, 1, [], 'text', '- a', '*x', 'a: &b 1\nc: *b'])('%j is no map', (document) => {
    expect(problemsOf(document).length).toBeGreaterThan(0);
  });

  it('a tool may be called __proto__ upstream', () => {
    const map = parseServerMap(tools('  crm.p: { maps: __proto__, access: read }\n'), 'crm');
    expect(map.tools['crm.p']).toEqual({ maps: '__proto__', access: 'read' });
  });
});
