/** What people read and sign: nothing in it comes from data but text, and the same document has the same bytes. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import pdfFonts from 'pdfmake/fonts/Roboto.js';
import { describe, expect, it } from 'vitest';
import { type Amount, dayBarsSvg, logBarsSvg, timelineSvg } from '../src/charts/index.ts';
import { fitted, LACKING } from '../src/documents/glyphs.ts';
import {
  answerDocument,
  type EvidenceDocument,
  type Frame,
  headerFields,
  ipeJson,
  matrixDocument,
  PDF_ROWS,
  type Revocation,
  renderHtml,
  renderPdf,
  revocationDocument,
  revocationSentence,
  revocationSvg,
  signOffDocument,
  type TableShape,
  tablesDocument,
} from '../src/index.ts';
import { HEADER } from './header.ts';
import { HOSTILE, hostileText } from './hostile.ts';

const FRAME: Frame = {
  tenant: 'Acme',
  environment: 'prod',
  period: { from: '2026-07-01T00:00:00.000Z', to: '2026-10-01T00:00:00.000Z' },
  asOf: '2026-10-05T09:00:00.000Z',
  generatedAt: '2026-10-05T09:00:01.000Z',
  csvSha256: 'a'.repeat(64),
  isSample: true,
};

/** The example of the demonstration: nine tools, one call in flight. */
const REVOCATION: Revocation = {
  id: 'rev_1',
  kind: 'production',
  agent: 'lead-mailer',
  trigger: 'access review',
  requestedBy: 'ana@acme.example',
  approvedBy: null,
  mechanism: 'one transaction',
  requestedAt: '2026-09-04T10:31:06.900Z',
  lastSuccessAt: '2026-09-04T10:31:05.400Z',
  firstDeniedAt: '2026-09-04T10:31:07.100Z',
  tools: Array.from({ length: 9 }, (_, i) => ({
    tool: `tool ${i + 1}`,
    credential: 'vault lease',
    effectiveAt: '2026-09-04T10:31:07.100Z',
    probeAt: `2026-09-04T10:31:0${7 + Math.floor(i / 4)}.200Z`,
    probeResult: '403',
    isDenied: true,
    residualUntil: null,
  })),
  inFlight: [{ what: 'email.send', outcome: 'already accepted by the provider', reference: 'msg_8812' }],
  queuedCancelled: 0,
  subAgents: [],
  laterSuccesses: { count: 0, hours: 24 },
  records: ['evt_1'],
};

/** Names of what a PDF can do beside being read. */
const ACTIVE =
  /\/(?:JavaScript|JS|URI|Launch|OpenAction|AA|SubmitForm|ImportData|GoToR|EmbeddedFile|RichMedia|Annots|Annot|AcroForm|XFA|ObjStm)\b.{0,40}/g;

/** Every kind of document, with the text wherever a text goes. */
function documentsWith(text: string): readonly EvidenceDocument[] {
  const frame = { ...FRAME, tenant: text, environment: text };
  const shape: TableShape = {
    name: 'agents',
    title: text,
    columns: Array.from({ length: 11 }, (_, i) => ({ name: `c${i}`, kind: 'text', about: text })),
  };
  const cell = { role: text, capability: 'crm.read', mark: 'A', text, guards: [text] };
  const claim = { topic: text, sentence: text, at: null, by: text };
  return [
    tablesDocument(text, [
      {
        header: { ...HEADER, tenant: text, query_text: text, filters: [text], parameters: { [text]: text } },
        shape,
        rows: [shape.columns.map(() => text)],
      },
    ]),
    signOffDocument(frame, {
      campaignId: text,
      campaign: text,
      items: { file: text, sha256: text, rows: 1 },
      outcome: { Keep: text },
      signatures: [
        {
          capacity: text,
          person: text,
          subject: text,
          mfaAt: null,
          signedAt: FRAME.asOf,
          statement: text,
          record: text,
        },
      ],
      outstanding: [text],
    }),
    revocationDocument(frame, {
      ...REVOCATION,
      agent: text,
      trigger: text,
      mechanism: text,
      tools: REVOCATION.tools.map((tool) => ({ ...tool, tool: text, credential: text, probeResult: text })),
      inFlight: [{ what: text, outcome: text, reference: text }],
      subAgents: [text],
      records: [text],
    }),
    answerDocument(
      frame,
      {
        asked: text,
        agent: text,
        sentence: text,
        claims: [
          { ...claim, record: text, computed_from: null },
          { ...claim, record: null, computed_from: text },
          { ...claim, record: null, computed_from: null },
        ],
        tables: [{ title: text, columns: [text], rows: [[text]] }],
        not_covered: [text],
      },
      [
        { title: text, svg: logBarsSvg({ title: text, unit: text, items: [{ label: text, amount: 5 }] }) },
        {
          title: text,
          svg: dayBarsSvg({ title: text, series: [{ name: text, tone: 'good' }], days: [{ day: text, values: [1] }] }),
        },
      ],
    ),
    matrixDocument(
      frame,
      {
        policy: text,
        policy_revision: 1,
        roles: [text],
        capabilities: ['crm.read'],
        cells: [cell],
        counts: { A: 1 },
        wildcards: 0,
      },
      '<svg xmlns="http://www.w3.org/2000/svg" width="9000" height="9000"></svg>',
    ),
  ];
}

describe('PDF', () => {
  it('does nothing, links nowhere, carries nothing, whatever the texts are', async () => {
    const text = `${HOSTILE.filter(({ length }) => length < 500).join(' ')} https://attacker.example/`;
    for (const document of documentsWith(text)) {
      const { objects, names } = parts(await renderPdf(document));
      expect(names.match(ACTIVE) ?? []).toEqual([]);
      expect(objects).toBeGreaterThan(5);
    }
  });

  it('has the same bytes twice, and in another time zone', async () => {
    const document = answerDocument(FRAME, {
      asked: 'What?',
      agent: 'ap-bot',
      sentence: 'This.',
      claims: [],
      tables: [],
      not_covered: [],
    });
    const before = process.env.TZ;
    const first = digest(await renderPdf(document));
    try {
      process.env.TZ = 'America/New_York';
      expect(digest(await renderPdf(document))).toBe(first);
    } finally {
      if (before === undefined) delete process.env.TZ;
      else process.env.TZ = before;
    }
  });

  it('shows the revocation of nine tools on one page', async () => {
    expect(pages(await renderPdf(revocationDocument(FRAME, REVOCATION)))).toBe(1);
  });

  it('holds texts that fit no cell, and tables without rows', async () => {
    const shape: TableShape = {
      name: 't',
      title: 'T',
      columns: Array.from({ length: 20 }, (_, i) => ({ name: `c${i}`, kind: 'text', about: 'It.' })),
    };
    const long = tablesDocument('Long', [
      { header: HEADER, shape, rows: [shape.columns.map(() => 'x'.repeat(40_000))] },
    ]);
    const empty = tablesDocument('Empty', [{ header: HEADER, shape, rows: [] }]);
    expect(pages(await renderPdf(long))).toBeLessThan(10);
    expect(pages(await renderPdf(empty))).toBeLessThan(5);
  });

  it('takes no drawing that could fetch, link or run', async () => {
    const svg = (inner: string): string =>
      `<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10">${inner}</svg>`;
    for (const inner of [
      '<image href="file:///etc/passwd"/>',
      '<a href="https://attacker.example/"><text>x</text></a>',
      '<script>1</script>',
      '<style>*{}</style>',
      '<rect onclick="x()"/>',
      '<rect fill="url(https://attacker.example/)"/>',
      '<foreignObject/>',
      '<text>a<b',
    ]) {
      const document: EvidenceDocument = {
        ...FRAME,
        title: 'T',
        paper: 'portrait',
        blocks: [{ kind: 'drawing', svg: svg(inner), alt: '' }],
      };
      await expect(renderPdf(document)).rejects.toThrow('a drawing holds');
    }
  });

  it('has a font for every character that is not replaced', () => {
    const fonts = Object.values(pdfFonts.Roboto ?? {}).map((file) => codePoints(readFileSync(file)));
    expect(fonts).toHaveLength(4);
    for (let point = 0; point <= 0xffff; point += 1) {
      const character = String.fromCharCode(point);
      if (fitted(character) !== character || character === '\n' || character === LACKING) continue;
      expect(
        fonts.every((covered) => covered.has(point)),
        point.toString(16),
      ).toBe(true);
    }
    for (const text of ['Žluťoučký', 'Ελληνικά', 'Кириллица', 'Tiếng Việt', '≤ $1,000 — “€”'])
      expect(fitted(text)).toBe(text);
    expect(fitted('שלום 日本 😀')).toBe(`${LACKING.repeat(4)} ${LACKING.repeat(2)} ${LACKING}`);
    expect(fitted('v2→v3\u202e')).toBe('v2->v3\\u202e');
  });
});

describe('HTML', () => {
  it('has the same elements whatever the texts are', () => {
    const plain = documentsWith('x').map((document) => skeleton(renderHtml(document)));
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...HOSTILE), hostileText), (text) => {
        expect(documentsWith(text).map((document) => skeleton(renderHtml(document)))).toEqual(plain);
      }),
      { numRuns: 60 },
    );
  });

  it('lets no script run, nothing load, and only its own style', () => {
    const html = renderHtml(
      documentsWith(HOSTILE[0] ?? '')[3] ?? { ...FRAME, title: '', paper: 'portrait', blocks: [] },
    );
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1];
    const style = /<style>([^<]*)<\/style>/.exec(html)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(policy).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'`,
    );
    expect(html).toContain('Management&#39;s self-assessment. Not an auditor&#39;s opinion.');
  });
});

describe('drawings', () => {
  it('have the same elements whatever the texts are, and say what is to be seen', () => {
    const drawn = (text: string): readonly string[] => [
      timelineSvg({
        title: text,
        rows: [
          {
            label: text,
            spans: [{ fromMs: 1, toMs: 5, tone: 'good' }],
            points: [{ atMs: 3, label: text, tone: 'bad' }],
          },
        ],
      }),
      dayBarsSvg({ title: text, series: [{ name: text, tone: 'good' }], days: [{ day: text, values: [3] }] }),
      logBarsSvg({
        title: text,
        unit: text,
        items: [
          { label: text, amount: 'UNBOUNDED' },
          { label: text, amount: 7 },
        ],
      }),
      revocationSvg({ ...REVOCATION, agent: text, tools: REVOCATION.tools.map((tool) => ({ ...tool, tool: text })) }),
    ];
    const plain = drawn('x').map(skeleton);
    fc.assert(
      fc.property(hostileText, (text) => {
        expect(drawn(text).map(skeleton)).toEqual(plain);
      }),
    );
    for (const svg of drawn('x'))
      expect(svg).toMatch(/role="img" aria-label="[^"]+".*\n<title>.+<\/title>\n<desc>.+<\/desc>/);
  });

  it('hold for any times and amounts', () => {
    const amount = fc.oneof<fc.Arbitrary<Amount>[]>(
      fc.double({ min: 0, max: 1e15, noNaN: true }),
      fc.constantFrom('UNBOUNDED', 'UNKNOWN'),
    );
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 2e12 })),
        fc.array(amount),
        fc.array(fc.nat(1e9)),
        (times, amounts, counts) => {
          const all = [
            timelineSvg({
              title: 't',
              rows: times.map((atMs) => ({ label: 'l', points: [{ atMs, label: 'p', tone: 'plain' }] })),
            }),
            logBarsSvg({ title: 't', unit: 'USD', items: amounts.map((each) => ({ label: 'l', amount: each })) }),
            dayBarsSvg({
              title: 't',
              series: [{ name: 's', tone: 'good' }],
              days: counts.map((n) => ({ day: 'd', values: [n] })),
            }),
          ].join('');
          expect(all).not.toMatch(/NaN|Infinity|="-\d/);
          expect((all.match(/<line x1/g) ?? []).length).toBeLessThan(100 + 2 * times.length);
        },
      ),
    );
  });

  it('put what has no bound first, in words', () => {
    const svg = logBarsSvg({
      title: 't',
      unit: 'USD',
      items: [
        { label: 'a', amount: 10 },
        { label: 'b', amount: 'UNKNOWN' },
        { label: 'c', amount: 'UNBOUNDED' },
      ],
    });
    expect([...svg.matchAll(/<title>(.): /g)].map(([, label]) => label)).toEqual(['c', 'b', 'a']);
  });
});

describe('what documents say', () => {
  it('tells a revocation in one sentence', () => {
    expect(revocationSentence(REVOCATION)).toBe(
      'Last successful call 10:31:05.400Z, request 10:31:06.900Z, first denied 10:31:07.100Z, probes denied on 9 of 9 tools by 10:31:09.200Z, 1 in flight (already accepted by the provider, reference msg_8812), 0 later successes up to +24 h.',
    );
    const nothing = {
      ...REVOCATION,
      lastSuccessAt: null,
      firstDeniedAt: null,
      tools: [],
      inFlight: [],
      laterSuccesses: null,
    };
    expect(revocationSentence(nothing)).toBe(
      'No successful call before, request 10:31:06.900Z, no denied call was seen, probes denied on 0 of 0 tools, no call in flight, nobody looked for later successes.',
    );
  });

  it('shows a claim without a record in red', () => {
    const document = documentsWith('x')[3];
    expect(document && renderHtml(document)).toContain('<bdi class="missing">no record</bdi>');
  });

  it('says of a long table how many rows the CSV has', () => {
    const shape: TableShape = { name: 'agents', title: 'Agents', columns: [{ name: 'id', kind: 'id', about: 'It.' }] };
    const rows = Array.from({ length: PDF_ROWS + 5 }, (_, i) => [`agt_${i}`]);
    const { blocks } = tablesDocument('Agents', [{ header: { ...HEADER, row_count: 9000 }, shape, rows }]);
    expect(blocks).toContainEqual({
      kind: 'text',
      emphasis: 'muted',
      text: 'The first 2000 of 9000 rows. The CSV agents.csv has all of them.',
    });
    expect(blocks.flatMap((block) => (block.kind === 'table' ? [block.rows.length] : []))).toEqual([PDF_ROWS]);
  });

  it('draws a matrix on one page where it can be read, and makes an index where not', () => {
    const matrix = {
      policy: 'p',
      policy_revision: 1,
      roles: ['r'],
      capabilities: ['c'],
      cells: [],
      counts: {},
      wildcards: 0,
    };
    const paper = (width: number, height: number): readonly string[] => {
      const document = matrixDocument(FRAME, matrix, `<svg xmlns="x" width="${width}" height="${height}">`);
      return [document.paper, document.blocks[0]?.kind ?? ''];
    };
    expect(paper(900, 400)).toEqual(['landscape', 'drawing']);
    expect(paper(1900, 800)).toEqual(['large landscape', 'drawing']);
    expect(paper(6000, 800)).toEqual(['landscape', 'facts']);
  });

  it('writes a header with its names in order, and shows every field of it', () => {
    expect(JSON.parse(ipeJson(HEADER))).toEqual(HEADER);
    const names = [...ipeJson(HEADER).matchAll(/^ {2}"(\w+)":/gm)].map(([, name]) => name);
    expect(names).toEqual(names.toSorted());
    expect(
      headerFields(HEADER)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(Object.keys(HEADER).toSorted());
  });
});

/** Names of elements in order, and how many quotes there are: data adds to neither. */
function skeleton(markup: string): string {
  return `${(markup.match(/<\/?[^\s>]+/g) ?? []).join('')} ${(markup.match(/"/g) ?? []).length}`;
}

/** Dictionaries without their texts. Streams are left out: none of them holds objects, as `ObjStm` is among what is looked for. */
function parts(pdf: Uint8Array): { readonly objects: number; readonly names: string } {
  const raw = Buffer.from(pdf).toString('latin1');
  const dictionaries = raw
    .replace(/stream\r?\n[\s\S]*?\r?\nendstream/g, '')
    .replace(/\((?:\\[\s\S]|[^\\()])*\)/g, '()');
  return { objects: (raw.match(/ obj\b/g) ?? []).length, names: dictionaries };
}

function pages(pdf: Uint8Array): number {
  return (
    Buffer.from(pdf)
      .toString('latin1')
      .match(/\/Type \/Page\b/g) ?? []
  ).length;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Code points of a TrueType font: its `cmap` in format 4 or 12 (OpenType 1.9). */
function codePoints(font: Buffer): ReadonlySet<number> {
  const found = new Set<number>();
  const tables = font.readUInt16BE(4);
  const at = Array.from({ length: tables }, (_, i) => 12 + i * 16).find(
    (each) => font.toString('latin1', each, each + 4) === 'cmap',
  );
  const cmap = font.readUInt32BE((at ?? 0) + 8);
  for (let i = 0; i < font.readUInt16BE(cmap + 2); i += 1) {
    const table = cmap + font.readUInt32BE(cmap + 4 + i * 8 + 4);
    if (font.readUInt16BE(table) === 4) {
      const segments = font.readUInt16BE(table + 6) / 2;
      for (let s = 0; s < segments; s += 1) {
        const end = font.readUInt16BE(table + 14 + s * 2);
        const start = font.readUInt16BE(table + 16 + (segments + s) * 2);
        for (let point = start; point <= end; point += 1) found.add(point);
      }
    }
    if (font.readUInt16BE(table) === 12) {
      for (let g = 0; g < font.readUInt32BE(table + 12); g += 1) {
        const group = table + 16 + g * 12;
        for (let point = font.readUInt32BE(group); point <= font.readUInt32BE(group + 4); point += 1) found.add(point);
      }
    }
  }
  return found;
}
