/** What Slack shows of a held call. Pure. */
import { approvalLink, type FullApproval } from '../../approvals/index.ts';
import type { Failure } from '../../errors.ts';
import { inert, inertJson } from './inert.ts';

/** Characters that Slack takes in one text (docs.slack.dev, Block Kit). */
const TEXT = 3000;
/** Of what nobody decides by: it is cut off behind it. */
const CUT = 2500;
/** People that a note mentions. */
const MAX_NAMED = 50;
/** Blocks of arguments. Slack takes 50 blocks, and refuses a message of more than about 13,000 characters in all. */
const ARGUMENT_BLOCKS = 3;
const FENCE = '```';

export const APPROVE = 'hivekey_approve';
export const DENY = 'hivekey_deny';
const OPEN = 'hivekey_open';
export const DENY_VIEW = 'hivekey_deny_view';
export const REASON_BLOCK = 'reason';
export const REASON_ACTION = 'text';

export type Block = { readonly type: string; readonly [member: string]: unknown };

export interface SlackText {
  /** For notifications, and clients without blocks. */
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** What a button says, and brings back: which approval, and what of it was shown. */
export interface Shown {
  readonly approvalId: string;
  readonly hash: string;
}

export function shownText({ approvalId, hash }: Shown): string {
  return `${approvalId} ${hash}`;
}

/** Undefined for what `shownText` never made. */
export function parseShown(text: string): Shown | undefined {
  const [, approvalId, hash] = /^(apr_[0-9A-Za-z]{1,32}) (sha256:[0-9a-f]{64})$/.exec(text) ?? [];
  return approvalId === undefined || hash === undefined ? undefined : { approvalId, hash };
}

const plain = (text: string) => ({ type: 'plain_text', text, emoji: false }) as const;
const mrkdwn = (text: string) => ({ type: 'mrkdwn', text, verbatim: true }) as const;
const section = (text: string): Block => ({ type: 'section', text: mrkdwn(text), expand: true });
/** As few sections as hold the lines, each of which is far below the limit. */
function sections(lines: readonly string[]): readonly Block[] {
  const texts: string[] = [];
  for (const line of lines) {
    const last = texts.at(-1);
    if (last === undefined || last.length + 1 + line.length > TEXT) texts.push(line);
    else texts[texts.length - 1] = `${last}\n${line}`;
  }
  return texts.map(section);
}
const fenced = (text: string): string => `${FENCE}\n${text}\n${FENCE}`;

/** The request, as it is now: with buttons while it waits and all of it is shown. */
export function cardOf(approval: FullApproval, url: string): SlackText {
  const { status } = approval;
  const facts = fenced(factsOf(approval));
  const whole = facts.length <= TEXT ? argumentBlocks(approval) : undefined;
  const head = `${inert(approval.agent)} asks for ${inert(approval.action)}`;
  return {
    text: status === 'pending' ? `Approval needed: ${head}` : `${STATES[status]}: ${head}`,
    blocks: [
      { type: 'header', text: plain(status === 'pending' ? 'Approval needed' : STATES[status]) },
      ...(facts.length <= TEXT ? [section(facts)] : []),
      ...(whole ?? [section('*It is too long for Slack.* Read all of it in HiveKey, and decide there.')]),
      ...sections(status === 'pending' ? waitingLines(approval) : outcomeLines(approval)),
      { type: 'context', elements: [mrkdwn(`\`${approval.id}\` bound by \`${approval.hash}\``)] },
      {
        type: 'actions',
        elements: [
          ...(status === 'pending' && whole !== undefined ? decidingButtons(approval) : []),
          { type: 'button', action_id: OPEN, text: plain('Open in HiveKey'), url: approvalLink(url, approval.id) },
        ],
      },
    ],
  };
}

const STATES: Readonly<Record<FullApproval['status'], string>> = {
  pending: 'Waiting',
  approved: 'Approved, not run yet',
  released: 'Approved, running',
  finished: 'Approved, and ran',
  unknown: 'Approved, outcome unknown',
  denied: 'Denied',
  expired: 'Expired',
  cancelled: 'Cancelled',
  stopped: 'Approved, and stopped',
};

function factsOf(approval: FullApproval): string {
  const { view, impact } = approval;
  const about = (field: string): string => (typeof view[field] === 'string' ? inert(view[field]) : '–');
  const rules = Array.isArray(view.rules) ? view.rules : [];
  const lines: (readonly [string, string])[] = [
    ['agent', `${inert(approval.agent)} (${inert(approval.agent_id)})`],
    ['owner', inert(approval.owner)],
    ['roles', Array.isArray(view.roles) ? view.roles.map((role) => inert(String(role))).join(', ') : '–'],
    ['place', `${about('workspace')} / ${about('environment')}`],
    ['capability', inert(approval.action)],
    ['tool', inert(approval.namespace === null ? approval.tool : `${approval.tool} of ${approval.namespace}`)],
    ['access', `${approval.access ?? 'not known'}${approval.destructive === true ? ', destructive' : ''}`],
    ['spends', impactText(impact)],
    ['why', inert(approval.reason)],
    ...rules.map((rule): readonly [string, string] => ['rule', ruleText(rule)]),
  ];
  return lines.map(([name, text]) => `${name.padEnd(11)}${text}`).join('\n');
}

function ruleText(rule: unknown): string {
  if (typeof rule !== 'object' || rule === null || !('rule' in rule) || !('sentence' in rule)) return '–';
  return `${inert(String(rule.rule))}: ${inert(String(rule.sentence))}`;
}

function impactText(impact: FullApproval['impact']): string {
  const amounts = Object.entries(impact).map(([unit, amount]) => `${amount} ${inert(unit)}`);
  return amounts.length === 0 ? 'nothing' : `${amounts.join(', ')} (money in minor units)`;
}

/** Undefined when they do not fit: a line is not cut, and nothing is left out. */
function argumentBlocks({ view }: FullApproval): readonly Block[] | undefined {
  const room = TEXT - fenced('').length;
  const blocks: string[] = [];
  let open: string | undefined;
  for (const line of inertJson(view.arguments).split('\n')) {
    if (line.length > room) return undefined;
    if (open === undefined) open = line;
    else if (open.length + 1 + line.length <= room) open += `\n${line}`;
    else {
      blocks.push(open);
      open = line;
    }
  }
  if (open !== undefined) blocks.push(open);
  return blocks.length > ARGUMENT_BLOCKS ? undefined : blocks.map((text) => section(fenced(text)));
}

/** In the reader's own time zone where Slack can tell it. */
function timeText(seconds: number): string {
  const utc = new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ');
  return `<!date^${seconds}^{date_short_pretty} {time}|${utc} UTC>`;
}

function waitingLines({ requirement, missing, expires_at, decisions }: FullApproval): readonly string[] {
  const groups = missing.groups.map((group) => `one of \`${inert(group)}\``);
  const still = [`${missing.people} more of ${requirement.people}`, ...groups].join(', ');
  return [
    `*Must approve:* ${still}`,
    `*Until:* ${timeText(expires_at)}. No answer is a denial.`,
    ...decisionLines(decisions),
  ];
}

function outcomeLines({ decisions, ended_reason, stop_code, outcome, error_code }: FullApproval): readonly string[] {
  const lines = [
    ...decisionLines(decisions),
    ...(outcome === null ? [] : [`*Outcome:* ${outcome}${error_code === null ? '' : ` \`${inert(error_code)}\``}`]),
    ...(stop_code === null ? [] : [`*Stopped:* \`${inert(stop_code)}\``]),
    ...(ended_reason === null || ended_reason === '' ? [] : [`*Reason:* \`${shortened(ended_reason)}\``]),
  ];
  return lines.length === 0 ? ['Nobody decided.'] : lines;
}

/** People are shown by their e-mail, as they stand in the log. */
function decisionLines(decisions: FullApproval['decisions']): readonly string[] {
  return decisions.map(
    ({ person, on_behalf_of: other, decision, decided_at, channel }) =>
      `${decision === 'approve' ? 'Approved' : 'Denied'} by \`${inert(person)}\`${other === null ? '' : ` for \`${inert(other)}\``} ${timeText(decided_at)} (${channel})`,
  );
}

/** Words of people, which nobody decides by. */
function shortened(text: string): string {
  const shown = inert(text);
  return shown.length <= 500 ? shown : `${shown.slice(0, 500).replace(/\\u?[0-9a-f]{0,3}$/, '')}…`;
}

function decidingButtons({ id, hash }: FullApproval): readonly Block[] {
  const value = shownText({ approvalId: id, hash });
  return [
    {
      type: 'button',
      action_id: APPROVE,
      style: 'primary',
      text: plain('Approve'),
      value,
      confirm: {
        title: plain('Approve this call?'),
        text: plain('It runs once, with exactly these arguments. Your name stands on the log.'),
        confirm: plain('Approve'),
        deny: plain('Back'),
      },
    },
    { type: 'button', action_id: DENY, style: 'danger', text: plain('Deny'), value },
  ];
}

/** Says once more that a request waits. `users`: whom it addresses, as far as they have accounts in Slack. */
export function noteOf(
  approval: FullApproval,
  purpose: 'reminder' | 'escalation',
  users: readonly string[],
  url: string,
): SlackText {
  const head = purpose === 'reminder' ? 'Still waiting' : 'Escalated: nobody has decided yet';
  const what = `\`${inert(approval.agent)}\` asks for \`${inert(approval.action)}\``;
  const people = users
    .slice(0, MAX_NAMED)
    .map((user) => `<@${user}>`)
    .join(' ');
  const text = `*${head}.* ${what}, until ${timeText(approval.expires_at)}. ${people}`.trimEnd();
  return {
    text: `${head}: ${inert(approval.agent)} asks for ${inert(approval.action)}`,
    blocks: [
      section(text),
      {
        type: 'actions',
        elements: [
          { type: 'button', action_id: OPEN, text: plain('Open in HiveKey'), url: approvalLink(url, approval.id) },
        ],
      },
    ],
  };
}

/** A sentence of ours, with `facts` in code. */
export function plainMessage(sentence: string, facts: readonly (readonly [string, string])[] = []): SlackText {
  const lines = facts.map(([name, text]) => `${name.padEnd(11)}${inert(text)}`).join('\n');
  const shown = lines === '' ? sentence : `${sentence}\n${fenced(lines.slice(0, CUT))}`;
  return { text: sentence, blocks: [section(shown)] };
}

/** Cause and remedy, to whoever clicked. */
export function refusalMessage({ code, message, remedy }: Failure): SlackText {
  return {
    text: `That did not count: ${code}`,
    blocks: [
      section(`That did not count (\`${code}\`).\n${fenced(`${inert(message)}\n${inert(remedy)}`.slice(0, CUT))}`),
    ],
  };
}

/** Asks why. `metadata` comes back with the answer. */
export function denyView(approvalId: string, metadata: string): Block {
  return {
    type: 'modal',
    callback_id: DENY_VIEW,
    private_metadata: metadata,
    title: plain('Deny the call'),
    submit: plain('Deny'),
    close: plain('Back'),
    blocks: [
      { type: 'section', text: plain(`It never runs, and its agent is told why. ${approvalId}`) },
      {
        type: 'input',
        block_id: REASON_BLOCK,
        optional: true,
        label: plain('Reason'),
        element: { type: 'plain_text_input', action_id: REASON_ACTION, multiline: true, max_length: 1000 },
      },
    ],
  };
}
