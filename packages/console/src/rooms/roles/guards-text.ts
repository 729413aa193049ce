/** Guards as people edit them: a list in YAML or JSON. Pure, apart from the check that is asked of the server. */
import { isSeq, parse, parseDocument, stringify, YAMLParseError } from 'yaml';
import { send } from '../../api/client.ts';
import { ApiError } from '../../api/problem.ts';
import type { GuardDocument, PolicyCheck, Problem } from '../../api/types.ts';

export type Format = 'yaml' | 'json';

/** What is written around the list so that it is a whole document; the places of problems are counted without it. */
const AROUND: Readonly<Record<Format, { readonly before: string; readonly after: string }>> = {
  yaml: { before: 'apiVersion: policy.hivekey.ai/v1\nkind: WorkspaceGuards\nguards:\n', after: '' },
  json: { before: '{"apiVersion": "policy.hivekey.ai/v1", "kind": "WorkspaceGuards", "guards":\n', after: '\n}' },
};

export function writeGuards(guards: readonly GuardDocument[], format: Format): string {
  if (format === 'json') return JSON.stringify(guards, null, 2);
  return guards.length === 0 ? '' : stringify(guards, { lineWidth: 100 });
}

/**
 * The text with another guard in the place of one (`at`), or without it where there is none. In YAML, comments and spelling of
 * the others stay. `text` can be parsed.
 */
export function replaceGuard(text: string, format: Format, at: number, guard: GuardDocument | undefined): string {
  if (format === 'json') {
    const guards: unknown[] = JSON.parse(text);
    guards.splice(at, 1, ...(guard === undefined ? [] : [guard]));
    return JSON.stringify(guards, null, 2);
  }
  const document = parseDocument(text, { version: '1.2', schema: 'core' });
  if (guard === undefined) document.deleteIn([at]);
  else document.setIn([at], document.createNode(guard));
  const isEmpty = isSeq(document.contents) && document.contents.items.length === 0;
  return isEmpty ? '' : document.toString({ lineWidth: 100 });
}

export type Parsed =
  | { readonly ok: true; readonly guards: readonly unknown[] }
  | { readonly ok: false; readonly problem: Problem };

/** The list as values, with the reading of numbers and keys that the server has. What it means is the server's to say. */
export function parseGuards(text: string, format: Format): Parsed {
  try {
    const value: unknown =
      format === 'json'
        ? JSON.parse(text.trim() === '' ? '[]' : text)
        : (parse(text, { version: '1.2', schema: 'core' }) ?? []);
    if (Array.isArray(value)) return { ok: true, guards: value };
    return { ok: false, problem: { code: 'list', message: 'Guards are a list.', remedy: 'Begin each with "- ".' } };
  } catch (error) {
    const place = error instanceof YAMLParseError ? error.linePos?.[0] : undefined;
    const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'It cannot be read.';
    return {
      ok: false,
      problem: {
        code: 'syntax',
        message: message.replace(/ at line \d+, column \d+:?$/, ''),
        ...(place === undefined ? {} : { line: place.line, column: place.col }),
      },
    };
  }
}

export interface GuardsCheck {
  /** With their places in the text; empty when the server takes it. */
  readonly problems: readonly Problem[];
  /** Undefined where there are problems. */
  readonly sentences: readonly string[] | undefined;
}

/** What the server says of the text. */
export async function checkGuards(text: string, format: Format): Promise<GuardsCheck> {
  const { before, after } = AROUND[format];
  // An empty list is fine, and an empty JSON text stands for one.
  const body = format === 'json' && text.trim() === '' ? '[]' : text;
  try {
    const { documents } = await send<PolicyCheck>('POST', '/v1/policies/check', {
      document: `${before}${body}${after}`,
    });
    return { problems: [], sentences: documents[0]?.guards ?? [] };
  } catch (error) {
    if (!(error instanceof ApiError) || error.problems.length === 0) throw error;
    const offset = before.split('\n').length - 1;
    const problems = error.problems.map((problem) =>
      problem.line === undefined ? problem : { ...problem, line: Math.max(1, problem.line - offset) },
    );
    return { problems, sentences: undefined };
  }
}

export interface Template {
  readonly label: string;
  readonly guard: GuardDocument;
}

/** What "Add rule" adds: one of each kind, to be filled in. */
export function templatesFor(action: string): readonly Template[] {
  return [
    {
      label: 'Approved domains',
      guard: {
        id: 'approved-domains',
        action,
        when: { field: 'to.domain', in: ['acme.example', '*.acme.example'] },
        effect: 'allow',
        otherwise: 'deny',
      },
    },
    {
      label: 'Spend cap a day',
      guard: {
        id: 'daily-cap',
        action,
        when: { field: 'sum(usd, 24h)', lte: 500 },
        effect: 'allow',
        otherwise: 'deny',
      },
    },
    {
      label: 'Approval above an amount',
      guard: { id: 'approval', action, when: { field: 'amount', gt: 200 }, effect: 'review' },
    },
    {
      label: 'Rate limit an hour',
      guard: {
        id: 'hourly-rate',
        action,
        when: { field: 'rate.per_hour', lte: 20 },
        effect: 'allow',
        otherwise: 'deny',
      },
    },
    {
      label: 'Argument on a list',
      guard: {
        id: 'approved-targets',
        action,
        when: { field: 'target', in: ['staging'] },
        effect: 'allow',
        otherwise: 'deny',
      },
    },
    {
      label: 'Deny outright',
      guard: { id: 'never', action, when: { field: 'action', eq: action }, effect: 'deny' },
    },
  ];
}

/** An id that no guard of the list has yet. */
export function freeId(id: string, guards: readonly unknown[]): string {
  const taken = new Set(guards.map((guard) => (guard as { readonly id?: unknown } | null)?.id));
  if (!taken.has(id)) return id;
  let n = 2;
  while (taken.has(`${id}-${n}`)) n += 1;
  return `${id}-${n}`;
}
