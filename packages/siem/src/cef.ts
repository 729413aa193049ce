/** ArcSight Common Event Format, version 0: one flat line. It is lossy by nature, and never the record of proof. */
import type { StreamEvent } from './event.ts';
import { endingOf, type Level, levelOf, textOf } from './kinds.ts';
import { PRODUCT } from './product.ts';
import { actingOf, addressOf, agentOf } from './who.ts';

const SEVERITIES: Readonly<Record<Level, number>> = { informational: 2, low: 4, medium: 6, high: 8, critical: 10 };
/** The longest value. Longer ones are cut, and end with an ellipsis. */
const LONGEST = 1_023;

export function cefLine(event: StreamEvent): string {
  const { kind, fields } = event;
  const name = textOf(fields.detection_name) || (fields.tool === undefined ? kind : `Agent tool ${fields.tool}`);
  const head = [PRODUCT.vendor, PRODUCT.name, PRODUCT.version, kind, name, String(SEVERITIES[levelOf(event)])];
  return `CEF:0|${head.map(headerText).join('|')}|${extension(event)}`;
}

function extension(event: StreamEvent): string {
  const { id, kind, time, place, fields, replayed, omitted } = event;
  const { namespace, upstream_tool: upstream, tool, verdict, role, rule, policy, run_id: run, action } = fields;
  const agent = agentOf(event);
  const acting = actingOf(event);
  const ending = endingOf(event);
  const request = textOf(namespace) === '' ? undefined : `mcp://${textOf(namespace)}/${textOf(upstream ?? tool)}`;
  const pairs: readonly (readonly [string, unknown])[] = [
    ['externalId', id],
    ['rt', time],
    ['act', verdict ?? kind],
    ['outcome', ending === 'success' || ending === 'failure' ? ending : undefined],
    ['suser', agent?.name],
    ['suid', agent?.id],
    ['duser', fields.owner],
    // Who acted, where it is not the agent itself.
    ['sproc', acting === undefined || acting.type === 'agent' ? undefined : fields.actor],
    ['src', addressOf(event)],
    ['request', request],
    ['reason', fields.reason],
    ['cat', fields.reason_class],
    ...labelled('cs1', 'policy', policy),
    ...labelled('cs2', 'runId', run),
    ...labelled('cs3', 'capability', action),
    ...labelled('cs4', 'rule', rule),
    ...labelled('cs5', 'role', role),
    ...labelled('cs6', 'entryHash', place?.entryHash ?? fields.root_hash),
    ...labelled('cn1', 'seq', place?.seq ?? fields.tree_size),
    ...labelled('cn2', 'shardSeq', fields.shard_seq),
    ...labelled('cn3', 'amountMinor', fields.amount_minor),
    ...labelled('flexString1', 'workspace', fields.workspace),
    ...labelled('flexString2', 'marks', marksOf(event, replayed, omitted)),
  ];
  return pairs
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([key, value]) => `${key}=${extensionText(cut(String(value)))}`)
    .join(' ');
}

function labelled(key: string, label: string, value: unknown): (readonly [string, unknown])[] {
  return value === undefined
    ? []
    : [
        [`${key}Label`, label],
        [key, value],
      ];
}

/** What nobody may miss: sent again, a test, shortened. */
function marksOf({ fields }: StreamEvent, replayed: boolean, omitted: readonly string[]): string | undefined {
  const marks = [
    ...(replayed ? ['replayed'] : []),
    ...(fields.synthetic === true ? ['synthetic'] : []),
    ...(omitted.length > 0 ? ['shortened'] : []),
  ];
  return marks.length === 0 ? undefined : marks.join(',');
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1).toWellFormed()}…`;
}

/** `|` and `\` are escaped; what breaks lines or terminals becomes a space. */
function headerText(text: string): string {
  return text.toWellFormed().replace(CONTROLS, ' ').replace(/[\\|]/g, '\\$&');
}

/** `=`, `\` and line ends are escaped; other control characters become a space. */
function extensionText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\\=]/g, '\\$&')
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(CONTROLS, ' ');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it takes away
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/g;
