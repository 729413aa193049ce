/** What is shipped for receivers fits what is sent: every name of a field, every type, every table. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EcsFlat } from '@elastic/ecs';
import type { LogRecord } from '@hivekey/action-log';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  ENVELOPE_FIELDS,
  type FieldType,
  type Format,
  mapItem,
  RECORD_FIELDS,
  readCopy,
  type StreamItem,
} from '../src/index.ts';
import { CHECKPOINT_ITEM } from './checkpoint-item.ts';
import { entryOf, KINDS, recordOf, VARIANTS } from './every-kind.ts';
import { type SplunkFields, splEval, splunkFields } from './spl-eval.ts';

const SETTINGS = { raw: true, compact: false, replayed: true, omit: ['latency_ms'] };
const ITEMS: readonly StreamItem[] = [
  ...KINDS.flatMap((kind) => VARIANTS.map((variant) => entryOf(recordOf(kind, variant)))),
  CHECKPOINT_ITEM,
];

function shipped(path: string): string {
  return readFileSync(new URL(`../../../integrations/${path}`, import.meta.url), 'utf8');
}

function mapped(format: Format): Record<string, unknown>[] {
  return ITEMS.map((item) => JSON.parse(mapItem(format, item, SETTINGS)));
}

/** Paths of all values, `a.b`; lists by what is in them. */
function pathsOf(value: unknown, path = ''): (readonly [string, unknown])[] {
  if (Array.isArray(value)) return value.flatMap((each) => pathsOf(each, path));
  if (typeof value !== 'object' || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([name, each]) => pathsOf(each, path === '' ? name : `${path}.${name}`));
}

/** Stanzas of a .conf file of Splunk. */
function stanzas(path: string): Map<string, Map<string, string>> {
  const found = new Map<string, Map<string, string>>();
  let stanza = new Map<string, string>();
  for (const line of shipped(`splunk/TA-hivekey/default/${path}`).split('\n')) {
    const name = /^\[(.+)\]$/.exec(line)?.[1];
    if (name !== undefined) {
      stanza = new Map();
      found.set(name, stanza);
    }
    const [, key, value] = /^([^#\s=][^=]*?)\s*=\s*(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined && name === undefined) stanza.set(key, value);
  }
  return found;
}

describe('the add-on for Splunk', () => {
  const props = stanzas('props.conf').get('hivekey:ocsf') ?? new Map<string, string>();
  const evals = [...props]
    .filter(([key]) => key.startsWith('EVAL-'))
    .map(([key, text]) => [key.slice(5), text] as const);
  const cim = (fields: SplunkFields): Record<string, unknown> =>
    Object.fromEntries(
      evals.map(([name, text]) => [name, splEval(text, fields)]).filter(([, value]) => value !== null),
    );
  const call: LogRecord = {
    ...recordOf('tool.call', 0),
    namespace: 'payments',
    tool: 'payments_pay',
    role: 'Billing',
    rule: 'R2 · daily cap $500',
  };

  it.each(['ocsf-1.8.0', 'ocsf-1.9.0'] as const)('reads only fields that events in %s have', (format) => {
    const known = new Set(mapped(format).flatMap((event) => Object.keys(splunkFields(event))));
    const used = new Set<string>();
    for (const [, text] of evals)
      for (const event of mapped(format).slice(0, 40)) splEval(text, splunkFields(event), used);
    // Where the two versions have different classes, one of the names is of the other version.
    const other = new Set(['entity.name', 'entity.uid', 'iam_role.name', 'iam_role.uid']);
    expect([...used].filter((name) => !known.has(name) && !other.has(name))).toEqual([]);
  });

  const fieldsOf = (record: Parameters<typeof entryOf>[0], format: Format) =>
    cim(splunkFields(JSON.parse(mapItem(format, entryOf(record), { ...SETTINGS, omit: [] }))));

  it.each(['ocsf-1.8.0', 'ocsf-1.9.0'] as const)('gives calls the fields of Data Access, from %s', (format) => {
    expect(fieldsOf(call, format)).toMatchObject({
      action: 'modified',
      app: 'hivekey',
      object: 'payments_pay',
      object_category: 'tool',
      object_id: call.resource,
      dest: 'payments',
      src: '10.4.7.21',
      user: 'samir@acme.example',
      owner: 'samir@acme.example',
      user_role: 'Billing',
      signature: call.reason,
      signature_id: 'R2 · daily cap $500',
      vendor_account: 'acme',
      vendor_product: 'HiveKey',
      verdict: 'deny',
      status: 'failure',
    });
    expect(fieldsOf({ ...call, access: 'read' }, format)).toMatchObject({ action: 'read' });
  });

  it.each(['ocsf-1.8.0', 'ocsf-1.9.0'] as const)(
    'gives agents, roles, policy and approvals the fields of Change, from %s',
    (format) => {
      const agent = { ...recordOf('agent.revoked', 0), agent: 'billing-bot', agent_id: 'agt_1' };
      expect(fieldsOf(agent, format)).toMatchObject({
        action: 'deleted',
        object: 'billing-bot',
        object_id: 'agt_1',
        object_category: 'user',
        src_user: 'dana@acme.example',
        user: 'billing-bot',
        status: 'success',
        command: 'agent.revoked',
      });
      expect(
        fieldsOf({ ...recordOf('role.changed', 0), role: 'Billing', role_rev: 8, prev_role_rev: 7 }, format),
      ).toMatchObject({
        action: 'acl_modified',
        object: 'Billing',
        object_category: 'role',
        object_attrs: '7 -> 8',
        user: 'dana@acme.example',
      });
      expect(
        fieldsOf({ ...recordOf('policy.changed', 0), policy: 'sha256:b', prev_policy: 'sha256:a' }, format),
      ).toMatchObject({
        action: 'modified',
        object_category: 'policy',
        object_attrs: 'sha256:a -> sha256:b',
      });
      expect(
        fieldsOf({ ...recordOf('approval.granted', 0), approval_id: 'apr_1', action: 'payments.pay' }, format),
      ).toMatchObject({
        action: 'acl_modified',
        object: 'apr_1',
        object_category: 'approval',
        object_attrs: 'payments.pay',
      });
    },
  );

  it.each(['ocsf-1.8.0', 'ocsf-1.9.0'] as const)('gives findings the fields of Alerts, from %s', (format) => {
    const record = {
      ...recordOf('system.started', 0),
      kind: 'detection.fired',
      detection_id: 'r1',
      detection_name: 'Denied burst',
      level: 'high',
      reason: '10 denials',
      agent: 'b',
      agent_id: 'agt_1',
      owner: 'maya@acme.example',
    } as const;
    expect(fieldsOf(record as never, format)).toMatchObject({
      id: record.event_id,
      signature: 'Denied burst',
      signature_id: 'r1',
      severity: 'high',
      description: '10 denials',
      user: 'maya@acme.example',
      type: 'alert',
    });
  });

  it('tags each of its event types, and finds them by kinds that there are', () => {
    const types = stanzas('eventtypes.conf');
    const tags = [...stanzas('tags.conf')].map(([name]) => name.replace('eventtype=', ''));
    expect(tags.sort()).toEqual([...types.keys()].sort());
    for (const [, fields] of types)
      for (const [, kind = ''] of (fields.get('search') ?? '').matchAll(/event_code="([a-z._*]+)"/g))
        expect(
          [...KINDS, 'detection.fired'].some((each) => each.startsWith(kind.replace('*', ''))),
          kind,
        ).toBe(true);
  });
});

type Mapping = { readonly type?: string; readonly properties?: Readonly<Record<string, Mapping>> };

describe.each(['index-template.json', 'index-template.opensearch.json'])('the template of Elastic, %s', (file) => {
  const template = JSON.parse(shipped(`elastic/${file}`));
  const leaves = new Map<string, string>();
  const walk = ({ type, properties }: Mapping, path: string): void => {
    if (type !== undefined) leaves.set(path, type);
    for (const [name, mapping] of Object.entries(properties ?? {}))
      walk(mapping, path === '' ? name : `${path}.${name}`);
  };
  walk(template.template.mappings, '');

  it('has every field that is sent, of a type that takes it', () => {
    const fits: Readonly<Record<string, (value: unknown) => boolean>> = {
      long: Number.isSafeInteger,
      double: (value) => typeof value === 'number',
      boolean: (value) => typeof value === 'boolean',
      date: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
    };
    const problems = mapped('ecs-9.4').flatMap((event) =>
      pathsOf(event).flatMap(([path, value]) => {
        if (path.startsWith('hivekey.more.')) return [];
        const type = leaves.get(path);
        if (type === undefined) return [`${path} is not in it`];
        return (fits[type] ?? ((each: unknown) => typeof each === 'string'))(value) ? [] : [`${path} is no ${type}`];
      }),
    );
    expect([...new Set(problems)]).toEqual([]);
    expect(leaves.get('hivekey.more')).toBe(file.includes('opensearch') ? 'flat_object' : 'flattened');
  });

  it('has the types of ECS, and every field of ours', () => {
    const ecs: Readonly<Record<string, { readonly type: string }>> = EcsFlat;
    for (const [path, type] of leaves)
      if (!path.startsWith('hivekey.'))
        expect([path, type === 'text' ? 'match_only_text' : type]).toEqual([path, ecs[path]?.type]);
    const moved = [
      'event_id',
      'kind',
      'ts',
      'workspace',
      'env',
      'agent',
      'agent_id',
      'reason',
      'model',
      'model_provider',
    ];
    for (const name of Object.keys(RECORD_FIELDS)) expect(leaves.has(`hivekey.${name}`)).toBe(!moved.includes(name));
    expect(template.index_patterns).toEqual(['logs-hivekey.action-*']);
  });
});

describe('the table of Sentinel', () => {
  const types: Readonly<Record<FieldType, string>> = {
    text: 'string',
    whole: 'long',
    number: 'real',
    flag: 'boolean',
    time: 'datetime',
    texts: 'dynamic',
    json: 'string',
  };
  const expected = Object.entries({ ...RECORD_FIELDS, ...ENVELOPE_FIELDS }).map(([name, type]) => ({
    name,
    type: name === 'more' ? 'dynamic' : types[type],
  }));
  const { columns } = JSON.parse(shipped('sentinel/table.json')).properties.schema;

  it('has the columns of the flat view, and the rule takes them', () => {
    expect(columns).toEqual([{ name: 'TimeGenerated', type: 'datetime' }, ...expected]);
    expect(columns.length).toBeLessThan(500);
    const [rule] = JSON.parse(shipped('sentinel/data-collection-rule.json')).resources;
    const { streamDeclarations, dataFlows } = rule.properties;
    expect(streamDeclarations['Custom-HiveKeyActions_CL'].columns).toEqual(expected);
    expect(dataFlows[0]).toMatchObject({
      streams: ['Custom-HiveKeyActions_CL'],
      outputStream: 'Custom-HiveKeyActions_CL',
      transformKql: 'source | extend TimeGenerated = todatetime(ts)',
    });
  });

  it('is what its parsers and queries read, by the parser of the language', () => {
    const queries = ['ASimAgentEventHiveKey', 'vimAgentEventHiveKey'].map((name) => ({
      name,
      text: shipped(`sentinel/${name}.kql`),
    }));
    // The parameters of the stored function, which its body passes on.
    const given =
      'let starttime=datetime(null);let endtime=datetime(null);let agentid_has_any=dynamic([]);let agentname_has_any=dynamic([]);let username_has_any=dynamic([]);let disabled=false;\n';
    const complete = completeness('sentinel').map(({ name, query }) => ({ name, text: query }));
    const script = fileURLToPath(new URL('../../detections/test/kql/parse.cjs', import.meta.url));
    const input = {
      columns: columns
        .map(({ name, type }: { name: string; type: string }) => `['${name}']: ${type === 'boolean' ? 'bool' : type}`)
        .join(', '),
      queries: [
        ...queries.map(({ name, text }) => ({ name, text: name.startsWith('vim') ? given + text : text })),
        ...complete,
      ],
    };
    const found = JSON.parse(execFileSync(process.execPath, [script], { input: JSON.stringify(input) }).toString());
    expect(found).toEqual(Object.fromEntries(input.queries.map(({ name }) => [name, []])));
  });

  it('is read by its parsers as the ASIM Agent Event schema asks', () => {
    const wanted = [
      'EventSchema',
      'EventSchemaVersion',
      'EventVendor',
      'EventProduct',
      'EventCount',
      'EventUid',
      'EventOriginalUid',
      'EventStartTime',
      'EventEndTime',
      'EventType',
      'EventOriginalType',
      'EventSessionId',
      'EventRequestId',
      'SrcAgentId',
      'SrcAgentName',
      'SrcIpAddr',
      'ActorUsername',
      'ActorUsernameType',
      'ActorUserId',
      'ToolName',
      'ToolId',
      'ToolDescription',
      'ModelName',
      'ModelProviderName',
      'EventOriginalResultDetails',
      'EventOriginalErrorType',
      'EventErrorDetails',
      'AdditionalFields',
    ];
    const made = (name: string) =>
      [...shipped(`sentinel/${name}.kql`).matchAll(/^ {8}([A-Z]\w+) = /gm)].map(([, column]) => column);
    expect(made('ASimAgentEventHiveKey')).toEqual(wanted);
    expect(made('vimAgentEventHiveKey')).toEqual(wanted);
  });
});

it('the parser of SecOps reads fields that native lines have, and writes the types of UDM that the mapping writes', () => {
  const text = shipped('secops/hivekey.conf');
  const fields = new Set(Object.keys(RECORD_FIELDS));
  const read = [...text.matchAll(/record\.([a-z_]+)|\[record\]\[([a-z_]+)\]/g)].map(([, a, b]) => a ?? b ?? '');
  expect(read.filter((name) => !fields.has(name))).toEqual([]);
  const initialised = new Set([...text.matchAll(/"record\.([a-z_]+)" => ""/g)].map(([, name]) => name));
  expect(read.filter((name) => !initialised.has(name))).toEqual([]);
  const call = { ...recordOf('tool.call', 0), agent_id: 'agt_1' };
  const types = ['create', 'read', 'write', 'delete', undefined].map((access) => {
    const record = access === undefined ? recordOf('system.started', 0) : { ...call, access };
    return JSON.parse(mapItem('udm', entryOf(record), SETTINGS)).metadata.event_type;
  });
  for (const [, type = ''] of text.matchAll(/event_type" => "([A-Z_]+)"/g)) expect(types).toContain(type);
  const depth = [...text].reduce((sum, each) => sum + (each === '{' ? 1 : each === '}' ? -1 : 0), 0);
  expect(depth).toBe(0);
});

interface Query {
  readonly name: string;
  readonly weaker: string;
  readonly fields: readonly string[];
  readonly query: string;
  readonly found: readonly Readonly<Record<string, unknown>>[];
}

function completeness(folder: string): readonly Query[] {
  return parse(shipped(`${folder}/completeness.yaml`));
}

describe.each([
  ['splunk', 'ocsf-1.8.0'],
  ['elastic', 'ecs-9.4'],
  ['sentinel', 'flat'],
] as const)('completeness queries for %s', (folder, format) => {
  it('name fields that events have, and what they find in the sample', async () => {
    const known = new Set(mapped(format).flatMap((event) => pathsOf(event).map(([path]) => path)));
    const sample = await sampleFacts();
    const queries = completeness(folder);
    expect(queries.map(({ name }) => name)).toEqual(Object.keys(sample));
    for (const { name, fields, query, weaker, found } of queries) {
      for (const field of fields) {
        expect(known, field).toContain(field);
        if (field !== 'metadata.uid' && field !== 'event_id' && field !== 'event.code') expect(query).toContain(field);
      }
      expect(weaker).not.toBe('');
      expect(found).toHaveLength(1);
      expect(sample[name]).toMatchObject(found[0] ?? {});
    }
  });
});

/** What the sample holds, worked out from its lines. */
async function sampleFacts(): Promise<Record<string, Record<string, unknown>>> {
  const texts = shipped('completeness-sample.ndjson')
    .trim()
    .split('\n')
    .map((text, i) => ({ place: `sample:${i + 1}`, text }));
  const contents = new Map<number, Set<string>>();
  let sent = 0;
  let heard = '';
  for await (const event of readCopy(texts)) {
    if (event.type === 'entry') contents.set(event.seq, (contents.get(event.seq) ?? new Set()).add(event.entryHash));
    if (event.type === 'checkpoint') [sent, heard] = [event.cursorSeq, event.ts];
  }
  const seqs = [...contents.keys()].sort((a, b) => a - b);
  const gapAt = seqs.findIndex((seq, i) => i > 0 && seq !== (seqs[i - 1] ?? 0) + 1);
  const [before = 0, sequence = 0] = [seqs[gapAt - 1], seqs[gapAt]];
  const twice = [...contents].find(([, hashes]) => hashes.size > 1);
  return {
    'numbers that are missing': {
      before,
      sequence,
      missing: sequence - before - 1,
      lowest: seqs[0],
      highest: seqs.at(-1),
      present: seqs.length,
    },
    'fewer than were sent': { sent, last: seqs.at(-1) },
    'one number with two contents': { sequence: twice?.[0], contents: twice?.[1].size },
    'a stream that is silent': { heard },
  };
}
