/**
 * A document as one HTML file: no script, no link, nothing from elsewhere, and a content security policy that lets in the one style
 * sheet by its hash. All text is escaped; drawings are images, in which nothing runs.
 */
import { createHash } from 'node:crypto';
import { escaped } from '../charts/svg.ts';
import { SELF_ASSESSMENT } from '../ipe.ts';
import { frameFacts, SAMPLE_DATA } from './frame.ts';
import type { Block, DocumentColumn, EvidenceDocument, Span } from './model.ts';

const STYLE = `
body{font:15px/1.5 system-ui,sans-serif;color:#1b1d21;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0 0 .5rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;width:100%;font-size:.85rem;margin:.5rem 0}.rows{table-layout:fixed}
th,td{text-align:left;vertical-align:top;padding:.3rem .5rem;border-bottom:1px solid #dde0e5;overflow-wrap:anywhere;white-space:pre-wrap}
th{background:#eef0f4}td.n,th.n{text-align:right}
pre{background:#f4f5f8;padding:.7rem;white-space:pre-wrap;overflow-wrap:anywhere}
blockquote{border-left:4px solid #2f5bb7;margin:1rem 0;padding:.3rem 1rem;font-size:1.1rem;overflow-wrap:anywhere}
img{max-width:100%}p{overflow-wrap:anywhere;white-space:pre-wrap}
.strong{font-weight:600}.muted{color:#5a5f69}.missing{color:#b3261e;font-weight:600}.good{color:#2d6a3e;font-weight:600}
footer{margin-top:3rem;color:#5a5f69;font-size:.85rem}
`;
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

export function renderHtml(document: EvidenceDocument): string {
  const sample = document.isSample ? `<p class="missing">${SAMPLE_DATA}</p>` : '';
  const frame = factsTable(frameFacts(document));
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width">',
    '<meta name="referrer" content="no-referrer">',
    `<title>${escaped(document.title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    `<h1>${escaped(document.title)}</h1>`,
    `<p class="strong">${escaped(SELF_ASSESSMENT)}</p>`,
    sample,
    frame,
    ...document.blocks.map(blockHtml),
    `<footer>${escaped(SELF_ASSESSMENT)}</footer>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function blockHtml(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h2 dir="auto">${escaped(block.text)}</h2>`;
    case 'text':
      return `<p class="${block.emphasis}" dir="auto">${escaped(block.text)}</p>`;
    case 'statement':
      return `<blockquote dir="auto">${escaped(block.text)}</blockquote>`;
    case 'facts':
      return factsTable(block.facts);
    case 'list':
      return `<ul>${block.items.map((item) => `<li dir="auto">${escaped(item)}</li>`).join('')}</ul>`;
    case 'code':
      return `<pre>${escaped(block.text)}</pre>`;
    case 'drawing': {
      const data = Buffer.from(block.svg, 'utf8').toString('base64');
      return `<p><img alt="${escaped(block.alt)}" src="data:image/svg+xml;base64,${data}"></p>`;
    }
    case 'page':
      return '<hr>';
    case 'table': {
      if (block.rows.length === 0) return `<p class="muted">${escaped(block.empty)}</p>`;
      const side = (i: number): string => (block.columns[i]?.isNumber === true ? ' class="n"' : '');
      const head = block.columns.map(({ title }, i) => `<th scope="col"${side(i)}>${escaped(title)}</th>`).join('');
      const rows = block.rows.map(
        (row) => `<tr>${row.map((cell, i) => `<td${side(i)}>${cellHtml(cell)}</td>`).join('')}</tr>`,
      );
      return `<table class="rows"><colgroup>${widths(block.columns)}</colgroup><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
    }
  }
}

/** As attributes: the content security policy lets no style in but the one. */
function widths(columns: readonly DocumentColumn[]): string {
  const all = columns.reduce((sum, { weight }) => sum + weight, 0);
  return columns.map(({ weight }) => `<col width="${Math.round((100 * weight) / all)}%">`).join('');
}

/** Isolated, so that what is written from right to left turns nothing around it. */
function cellHtml(cell: string | Span): string {
  const { text, emphasis } = typeof cell === 'string' ? { text: cell, emphasis: 'plain' } : cell;
  return `<bdi class="${emphasis}">${escaped(text)}</bdi>`;
}

function factsTable(facts: readonly { readonly name: string; readonly value: string }[]): string {
  const rows = facts.map(
    ({ name, value }) => `<tr><th scope="row">${escaped(name)}</th><td>${cellHtml(value)}</td></tr>`,
  );
  return `<table><tbody>${rows.join('')}</tbody></table>`;
}
