/** Every kind of record in every format, against the published schema of each. */

import { hash } from 'node:crypto';
import { EcsFlat } from '@elastic/ecs';
import { canonicalJson } from '@hivekey/action-log';
import { describe, expect, it } from 'vitest';
import { typeOf } from '../src/fields.ts';
import {
  ENVELOPE_FIELDS,
  FORMATS,
  type MapSettings,
  mapAttested,
  mapItem,
  RECORD_FIELDS,
  readOtlpLine,
  type StreamItem,
} from '../src/index.ts';
import { CHECKPOINT_ITEM } from './checkpoint-item.ts';
import { entryOf, fieldsOf, KINDS, recordOf, VARIANTS } from './every-kind.ts';
import { checkOcsf, ocsfSchema } from './ocsf-schema.ts';
import { checkEcs, checkUdm, parseCef } from './other-schemas.ts';

const SETTINGS: MapSettings = { raw: true, compact: false, replayed: false, omit: [] };
const FORMS: readonly MapSettings[] = [
  { ...SETTINGS, raw: false },
  { ...SETTINGS, compact: true, replayed: true },
  { ...SETTINGS, omit: ['owner', 'args', 'agent'] },
  { ...SETTINGS, maxBytes: 1 },
];
const ITEMS: readonly StreamItem[] = [
  ...KINDS.flatMap((kind) => VARIANTS.map((variant) => entryOf(recordOf(kind, variant)))),
  entryOf(recordOf('unheard.of', 0)),
  CHECKPOINT_ITEM,
];
const v18 = ocsfSchema('1.8.0');
const v19 = ocsfSchema('1.9.0');

/** Each item as it is, and in the other forms in turn. */
function problems(check: (item: StreamItem, settings: MapSettings) => readonly string[]): string[] {
  const found = ITEMS.flatMap((item, i) =>
    [SETTINGS, FORMS[i % FORMS.length] ?? SETTINGS].flatMap((settings) =>
      check(item, settings).map((each) => `${kindOf(item)}: ${each}`),
    ),
  );
  return [...new Set(found)];
}

function kindOf(item: StreamItem): string {
  return item.type === 'entry' ? item.record.kind : 'stream.checkpoint';
}

describe('every kind of record', () => {
  it('is known here with the fields that the page names', () => {
    expect(KINDS.length).toBeGreaterThan(150);
    expect(KINDS).toContain('tool.call');
    expect(fieldsOf('tool.call')).toEqual(
      expect.arrayContaining(['agent', 'args', 'reason_class', 'src_ip', 'latency_ms']),
    );
    expect(fieldsOf('freeze.override')).toEqual(expect.arrayContaining(['override_id', 'requested_by_person']));
  });

  it('is valid OCSF 1.8.0', () => {
    expect(problems((item, settings) => checkOcsf(JSON.parse(mapItem('ocsf-1.8.0', item, settings)), v18))).toEqual([]);
  });

  it('is valid OCSF 1.9.0, with and without its attestation', () => {
    const chain = { uid: 'acme/siem-a', previous: { uid: 'evt_0', typeUid: 600303, fingerprint: 'a'.repeat(64) } };
    expect(
      problems((item, settings) => [
        ...checkOcsf(JSON.parse(mapItem('ocsf-1.9.0', item, settings)), v19),
        ...checkOcsf(JSON.parse(mapAttested(item, settings, chain).line), v19),
      ]),
    ).toEqual([]);
  });

  it('is valid ECS 9.4.0, with nothing of its own outside of `hivekey`', () => {
    expect(Object.keys(EcsFlat)).toHaveLength(2605);
    expect(problems((item, settings) => checkEcs(JSON.parse(mapItem('ecs-9.4', item, settings))))).toEqual([]);
  });

  it('is UDM by its rules', () => {
    expect(problems((item, settings) => checkUdm(JSON.parse(mapItem('udm', item, settings))))).toEqual([]);
  });

  it('is CEF that its grammar gives back', () => {
    expect(
      problems((item, settings) => {
        const cef = parseCef(mapItem('cef', item, settings));
        return cef.extension.externalId === idOf(item) && cef.header[4] === kindOf(item) ? [] : ['does not come back'];
      }),
    ).toEqual([]);
  });

  it('is an OTLP log record', () => {
    expect(
      problems((item, settings) => {
        const record = readOtlpLine(mapItem('otlp', item, settings));
        return record?.attributes['event.id'] === idOf(item) && [9, 13, 17, 21].includes(record.severityNumber)
          ? []
          : ['is none'];
      }),
    ).toEqual([]);
  });

  it('has in the flat view typed columns whose names a table takes', () => {
    const types: Readonly<Record<string, string>> = { ...RECORD_FIELDS, ...ENVELOPE_FIELDS };
    const js: Readonly<Record<string, string>> = {
      whole: 'number',
      number: 'number',
      flag: 'boolean',
      texts: 'object',
    };
    expect(
      problems((item, settings) =>
        Object.entries<unknown>(JSON.parse(mapItem('flat', item, settings))).flatMap(([name, value]) => {
          const type = types[name];
          if (type === undefined) return [`${name} is no column`];
          return typeof value === (name === 'more' ? 'object' : (js[type] ?? 'string'))
            ? []
            : [`${name} is no ${type}`];
        }),
      ),
    ).toEqual([]);
    const reserved = ['id', 'type', 'title', 'tenantid', 'uniqueid', 'timegenerated', '_resourceid', '_subscriptionid'];
    for (const name of Object.keys(types)) {
      expect(name).toMatch(/^[a-z][a-z0-9_]{0,44}$/);
      expect(reserved).not.toContain(name);
    }
  });
});

describe('a wrong event', () => {
  type Change = (event: Record<string, unknown> & { metadata: Record<string, unknown> }) => void;
  const wrong: readonly (readonly [string, Change, string])[] = [
    ['another class', (event) => (event.class_uid = 3004), 'entity is required'],
    ['no such class', (event) => (event.class_uid = 1), 'does not exist'],
    ['a type that does not follow', (event) => (event.type_uid = 600399), 'type_uid is wrong'],
    ['a caption of another id', (event) => (event.disposition = 'Blocked'), 'is called Allowed'],
    ['an id that there is none', (event) => (event.severity_id = 42), 'none of its enumeration'],
    ['nothing that is required', (event) => (event.api = undefined), 'api is required'],
    ['an attribute that there is none', (event) => (event.agent = 'x'), 'agent is unknown'],
    ['a text for a number', (event) => (event.time = '2026'), 'time is not a whole number'],
    ['no list', (event) => (event.resources = {}), 'resources is not a list'],
    ['an address that is none', (event) => (event.src_endpoint = { ip: 'here' }), 'is no ip_t'],
    ['an endpoint without any name', (event) => (event.src_endpoint = {}), 'has none of'],
    [
      'a profile that is not claimed',
      ({ metadata }) => (metadata.profiles = ['security_control']),
      'needs one of the profiles',
    ],
    ['a profile of another class', ({ metadata }) => (metadata.profiles = ['incident']), 'is not of class'],
    ['another version', ({ metadata }) => (metadata.version = '1.5.0'), 'metadata.version'],
  ];

  it.each(wrong)('of OCSF is found: %s', (_, change, problem) => {
    const record = { ...recordOf('tool.call', 1), model: 'm', model_provider: 'p' };
    const event = JSON.parse(mapItem('ocsf-1.8.0', entryOf(record), SETTINGS));
    expect(checkOcsf(event, v18)).toEqual([]);
    change(event);
    expect(checkOcsf(JSON.parse(JSON.stringify(event)), v18).join()).toContain(problem);
  });

  it('of OCSF is found where 1.9.0 has left a class, and where just one of two is allowed', () => {
    const event = JSON.parse(mapItem('ocsf-1.8.0', entryOf(recordOf('agent.revoked', 0)), SETTINGS));
    expect(checkOcsf({ ...event, metadata: { ...event.metadata, version: '1.9.0' } }, v19).join()).toContain(
      'deprecated',
    );
    const approval = JSON.parse(mapItem('ocsf-1.8.0', entryOf(recordOf('approval.granted', 0)), SETTINGS));
    expect(checkOcsf({ ...approval, group: { name: 'g' } }, v18).join()).toContain('not just one of');
  });

  it('of ECS and of UDM is found', () => {
    const ecs = JSON.parse(mapItem('ecs-9.4', entryOf(recordOf('tool.call', 0)), SETTINGS));
    const eventWith = (change: object) => checkEcs({ ...ecs, event: { ...ecs.event, ...change } }).join();
    expect(eventWith({ outcome: 'review' })).toContain('not allowed');
    expect(eventWith({ category: ['iam'] })).toContain('is not of iam');
    expect(eventWith({ sequence: '1' })).toContain('not a whole number');
    expect(eventWith({ type: 'access' })).toContain('list');
    expect(checkEcs({ ...ecs, verdict: 'deny' }).join()).toContain('verdict is unknown');
    expect(checkEcs({ ...ecs, gen_ai: { provider: { name: 'p' } } }).join()).toContain(
      'gen_ai.provider.name is unknown',
    );
    const udm = JSON.parse(mapItem('udm', entryOf(recordOf('tool.call', 0)), SETTINGS));
    expect(checkUdm({ ...udm, principal: {} }).join()).toContain("without a principal's user");
    expect(checkUdm({ ...udm, target: {} }).join()).toContain('without a resource');
    expect(checkUdm({ ...udm, metadata: { ...udm.metadata, event_type: 'USER_LOGIN' } }).join()).toContain(
      'USER_LOGIN',
    );
  });
});

describe('every field of a record', () => {
  const sentinels = (value: unknown): string[] =>
    typeof value === 'string' || typeof value === 'number'
      ? [String(value)]
      : typeof value === 'object' && value !== null
        ? Object.values(value).flatMap(sentinels)
        : [];

  it.each(FORMATS.filter((format) => format !== 'cef'))('is in %s, without the raw bytes too', (format) => {
    const missing = KINDS.flatMap((kind) =>
      VARIANTS.flatMap((variant) => {
        const { record, ...entry } = entryOf(recordOf(kind, variant));
        const line = mapItem(format, { ...entry, record }, { ...SETTINGS, raw: false });
        const text = line.replaceAll('\\"', '"');
        return Object.entries(record).flatMap(([name, value]) =>
          // The time of a record stands in other forms too.
          name === 'ts' || sentinels(value).every((each) => text.includes(JSON.stringify(each).slice(1, -1)))
            ? []
            : [`${kind}.${name}`],
        );
      }),
    );
    expect([...new Set(missing)]).toEqual([]);
  });

  it.each(['ocsf-1.8.0', 'ocsf-1.9.0', 'ecs-9.4', 'flat', 'otlp', 'udm', 'native'] as const)(
    'is in the exact bytes that travel in %s',
    (format) => {
      for (const item of ITEMS) {
        if (item.type === 'checkpoint') continue;
        const event = JSON.parse(mapItem(format, item, SETTINGS));
        const raw =
          event.raw_data ??
          event.event?.original ??
          event.raw ??
          event.body?.stringValue ??
          event.additional?.raw ??
          canonicalJson(event.record);
        expect(raw).toBe(item.canonical);
        if (format.startsWith('ocsf')) expect(event.raw_data_hash.value).toBe(hash('sha256', item.canonical));
        if (format === 'ecs-9.4') expect(event.event.hash).toBe(hash('sha256', item.canonical));
      }
    },
  );

  it('is typed in the flat view, or under `more`', () => {
    for (const item of ITEMS) {
      if (item.type === 'checkpoint') continue;
      const event = JSON.parse(mapItem('flat', item, SETTINGS));
      for (const name of Object.keys(item.record))
        expect(Object.hasOwn(event, name) || Object.hasOwn(event.more ?? {}, name), `${item.record.kind}.${name}`).toBe(
          true,
        );
      for (const name of Object.keys(event.more ?? {}))
        expect(typeOf(name) === undefined || name in item.record).toBe(true);
    }
  });
});

function idOf(item: StreamItem): string {
  return item.type === 'entry' ? item.record.event_id : item.id;
}
