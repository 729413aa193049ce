/** Whoever gets records of the log to see is on it: held against every route that there is. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startWorkspace, type Workspace } from '../actions/workspace.ts';

const SOURCES = fileURLToPath(new URL('../../src/', import.meta.url));

let workspace: Workspace;
let event: string;
beforeAll(async () => {
  workspace = await startWorkspace();
  await workspace.capability('own.act', {});
  await workspace.role('user', ['own.act']);
  await workspace.agent('bot', 'user');
  event = await eventually(
    async () => (await workspace.call('GET', '/v1/audit/events?limit=1')).body.data[0]?.event_id,
  );
});
afterAll(() => workspace.close());

interface Asked {
  readonly path: () => string;
  readonly record: object;
}

const read = (path: string, what: string, selection: object, count?: number): Asked => ({
  path: () => path.replace(':id', event),
  record: { kind: 'log.read', read: what, selection, ...(count === undefined ? {} : { count }) },
});

/** Each route that gives out records of the log, or numbers about them, and what the log says of it. */
const READING: Readonly<Record<string, Asked>> = {
  'GET /v1/audit/events': read('/v1/audit/events?kind=role.changed&limit=1', 'list', { kind: 'role.changed' }, 1),
  'GET /v1/audit/events/{id}': read('/v1/audit/events/:id', 'event', expect.any(Object), 1),
  'GET /v1/audit/events/{id}/proof': read('/v1/audit/events/:id/proof', 'proof', expect.any(Object), 1),
  'GET /v1/audit/stream': read('/v1/audit/stream?kind=role.changed', 'stream', { kind: 'role.changed' }),
  'GET /v1/audit/histogram': read('/v1/audit/histogram?kind=role.changed', 'histogram', { kind: 'role.changed' }),
  'GET /v1/audit/facets': read('/v1/audit/facets?by=kind', 'facets', { by: 'kind' }),
  'GET /v1/audit/activity': read('/v1/audit/activity?agent=bot', 'activity', { about: 'bot' }),
  'GET /v1/audit/export': { path: () => '/v1/audit/export', record: { kind: 'log.exported', first_seq: 1 } },
  'GET /v1/audit/events/export': {
    path: () => '/v1/audit/events/export?format=csv&kind=role.changed',
    record: { kind: 'log.exported', selection: { kind: 'role.changed' } },
  },
};

/** Of the same tag, and without a record in them. */
const SILENT: readonly string[] = [
  'GET /v1/audit/key',
  'GET /v1/audit/checkpoint',
  'GET /v1/audit/presets',
  'GET /v1/audit/queries',
  'POST /v1/audit/queries',
  'PUT /v1/audit/queries/{id}',
  'DELETE /v1/audit/queries/{id}',
];

interface Documented {
  readonly tags?: readonly string[];
  readonly responses?: unknown;
}

function refsOf(value: unknown, schemas: Readonly<Record<string, unknown>>, seen = new Set<string>()): Set<string> {
  if (typeof value !== 'object' || value === null) return seen;
  for (const [key, inner] of Object.entries(value)) {
    const name = key === '$ref' && typeof inner === 'string' ? (inner.split('/').at(-1) ?? '') : undefined;
    if (name === undefined) refsOf(inner, schemas, seen);
    else if (!seen.has(name)) {
      seen.add(name);
      refsOf(schemas[name], schemas, seen);
    }
  }
  return seen;
}

it('no route that gives out records is missing here', async () => {
  const { body } = await workspace.call('GET', '/openapi.json');
  const found: string[] = [];
  for (const [path, methods] of Object.entries<Readonly<Record<string, Documented>>>(body.paths))
    for (const [method, { tags = [], responses }] of Object.entries(methods)) {
      const refs = refsOf(responses, body.components.schemas);
      if (tags.includes('audit') || refs.has('Event') || refs.has('EventProof'))
        found.push(`${method.toUpperCase()} ${path}`);
    }
  expect(found.toSorted()).toEqual([...Object.keys(READING), ...SILENT].toSorted());
});

it('no file of routes reads the log without noting it', () => {
  const READS_LOG = /\blog\.(list|find|follow|entries|export)\(|FROM actions\b/;
  const forgetful = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter((path) => /(^|\/)(audit[^/]*|[a-z-]*routes)\.ts$/.test(path))
    .filter((path) => {
      const text = readFileSync(join(SOURCES, path), 'utf8');
      return READS_LOG.test(text) && !/\breads\.note\(|'log\.exported'/.test(text);
    });
  expect(forgetful).toEqual([]);
});

describe('on the log is', () => {
  it.each(Object.entries(READING))('%s', async (_route, { path, record }) => {
    const { body } = await workspace.done('POST', '/v1/keys', {
      name: `reader-${Object.keys(READING).indexOf(_route)}`,
    });
    const ended = new AbortController();
    const response = await fetch(`${workspace.server.url}${path()}`, {
      headers: { authorization: `Bearer ${body.key}` },
      signal: ended.signal,
    });
    expect(response.status).toBe(200);
    const records = await eventually(async () => {
      const { body: list } = await workspace.call('GET', '/v1/audit/events?order=desc&limit=50');
      const own = list.data.filter(
        ({ actor, kind }: { actor: string; kind: string }) => actor === `key:${body.name}` && kind.startsWith('log.'),
      );
      return own.length > 0 ? own : undefined;
    });
    ended.abort();
    expect(records).toEqual([expect.objectContaining({ key_id: body.id, via: 'key', ...record })]);
  });

  it('each look once, and how much it was in the end', async () => {
    const { body } = await workspace.done('POST', '/v1/keys', { name: 'pages' });
    let cursor: string | null = null;
    let events = 0;
    do {
      const path = `/v1/audit/events?limit=3&order=asc${cursor === null ? '' : `&cursor=${cursor}`}`;
      const { body: page } = await workspace.call('GET', path, { key: body.key });
      events += page.data.length;
      cursor = page.next_cursor;
    } while (cursor !== null && events < 9);
    workspace = await workspace.restart();
    const reads = await eventually(async () => {
      const { body: list } = await workspace.call('GET', '/v1/audit/events?kind=log.read&order=asc&limit=100');
      const own = list.data.filter(({ actor }: { actor: string }) => actor === 'key:pages');
      return own.length > 1 ? own : undefined;
    });
    expect(reads).toMatchObject([
      { read: 'list', selection: {}, count: 3 },
      { read: 'list', selection: {}, count: events - 3, reads: 2, since: expect.any(String) },
    ]);
  });
});
