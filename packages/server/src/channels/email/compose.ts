/**
 * Mails about held calls. They name agent, owner, capability and the amount, and lead to the console: no arguments, no
 * reason (which may repeat an argument), nothing that decides. Pure.
 */
import type { FullApproval } from '../../approvals/index.ts';
import type { Purpose } from '../outbox.ts';

export interface Mail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

type Line = readonly [name: string, value: string];

const HEADS: Readonly<Record<Exclude<Purpose, 'delegation' | 'transfer' | 'alert'>, string>> = {
  request: 'Approval needed',
  reminder: 'Still waiting for approval',
  escalation: 'Escalated: nobody has decided yet',
};

export function requestMail(
  approval: FullApproval,
  purpose: Exclude<Purpose, 'delegation' | 'transfer' | 'alert'>,
  link: string,
): Mail {
  const { agent, owner, action, impact, requirement, missing, expires_at, hash, id, namespace, access } = approval;
  const spends = Object.entries(impact).map(([unit, amount]) => `${amount} ${unit}`);
  const lines: readonly Line[] = [
    ['Agent', agent],
    ['Owner', owner],
    ['Capability', action],
    ...(namespace === null ? [] : [['Server', namespace] as const]),
    ...(access === null
      ? []
      : [['Access', approval.destructive === true ? `${access}, destructive` : access] as const]),
    ...(spends.length === 0 ? [] : [['Spends', `${spends.join(', ')} (money in minor units)`] as const]),
    [
      'Must approve',
      [`${missing.people} more of ${requirement.people}`, ...missing.groups.map((group) => `one of ${group}`)].join(
        ', ',
      ),
    ],
    [
      'Until',
      `${new Date(expires_at * 1000).toISOString().slice(0, 16).replace('T', ' ')} UTC. No answer is a denial.`,
    ],
    ['Approval', id],
    ['Bound by', hash],
  ];
  return mailOf(`${HEADS[purpose]}: ${agent} asks for ${action}`, lines, {
    words: 'Read all of it and decide in HiveKey',
    link,
  });
}

/** `link`: absent where there is nothing to do. */
export function mailOf(
  subject: string,
  lines: readonly Line[],
  { words, link }: { readonly words: string; readonly link?: string },
): Mail {
  const clean = lines.map(([name, value]): Line => [name, oneLine(value)]);
  const width = Math.max(0, ...clean.map(([name]) => name.length)) + 2;
  const head = oneLine(subject);
  const rows = clean.map(([name, value]) => `<tr><th align="left">${markup(name)}</th><td>${markup(value)}</td></tr>`);
  const end = link === undefined ? markup(words) : `<a href="${markup(link)}">${markup(words)}</a>`;
  return {
    subject: head,
    text: [
      head,
      '',
      ...clean.map(([name, value]) => `${name.padEnd(width)}${value}`),
      '',
      link === undefined ? words : `${words}:\n${link}`,
      '',
    ].join('\n'),
    html: `<!doctype html><html><body><p>${markup(head)}</p><table>${rows.join('')}</table><p>${end}</p></body></html>`,
  };
}

/**
 * One line of what can be seen: line ends, other controls, invisible characters and those that turn the direction of
 * reading would let a value look like another line, or hide.
 */
export function oneLine(text: string): string {
  return text.toWellFormed().replaceAll(/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, '\u{fffd}');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function markup(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
