/** approval: what waits for people, and deciding about it. */
import type { Approval, FullApproval, ReminderRule } from '@hivekey/sdk';
import type { Command } from 'commander';
import { isConfirmed } from '../confirm.ts';
import { UsageError } from '../exit.ts';
import { type Columns, paint, printable, when } from '../output.ts';
import { online, type Run } from '../run.ts';
import { readText } from '../values.ts';

const APPROVALS: Columns<Approval> = {
  id: ({ id }) => id,
  status: ({ status }) => status,
  agent: ({ agent }) => agent,
  action: ({ action }) => action,
  why: ({ reason }) => reason,
  missing: ({ missing, status }) => (status === 'pending' ? missingText(missing) : '–'),
  until: ({ expires_at }) => when(expires_at),
};

function missingText({ people, groups }: Approval['missing']): string {
  const who = people === 1 ? '1 person' : `${people} people`;
  return groups.length === 0 ? who : `${who} (${groups.join(', ')})`;
}

function mayText({ may, why_not }: Pick<FullApproval['you'], 'may' | 'why_not'>): string {
  return may ? 'may approve' : `may not approve (${why_not})`;
}

function whoText(person: string | null, onBehalfOf: string | null): string {
  return onBehalfOf === null ? `${person}` : `${person} for ${onBehalfOf}`;
}

function payeeText({ payees, calls, looked_at, complete }: NonNullable<FullApproval['history']['payee']>): string {
  const found = calls.map(({ agent, verdict, ts }) => `${agent} ${verdict} ${ts}`).join(', ');
  const none = complete
    ? 'no call in the last 30 days'
    : `none found among the newest ${looked_at} calls, and not all could be read`;
  return `${payees.join(', ')}: ${found === '' ? none : found}`;
}

/** What agents and servers wrote cannot move the cursor or hide in the terminal. */
function wholeText(approval: FullApproval): string {
  const { id, status, agent, owner, action, reason, requirement, missing, expires_at, hash, view, you, history } =
    approval;
  const lines = [
    `${paint('bold', `${agent} asks for ${action}`)} · ${id} · ${status}`,
    `owner       ${owner}`,
    `why         ${reason}`,
    `takes       ${missingText({ ...requirement })}; missing ${missingText(missing)}`,
    `until       ${when(expires_at)}`,
    'arguments',
    ...JSON.stringify(view.arguments, null, 2)
      .split('\n')
      .map((line) => `  ${line}`),
    `you         ${mayText(you)}`,
    ...you.on_behalf_of.map((each) => `for         ${each.person}: ${mayText(each)}`),
    `others      ${
      approval.deciders
        .filter(({ may, person }) => may && person !== you.person)
        .map(({ person, on_behalf_of }) => whoText(person, on_behalf_of))
        .join(', ') || 'nobody'
    }`,
    ...approval.decisions.map(
      ({ person, on_behalf_of, decision, reason: because, decided_at, channel }) =>
        `${decision === 'approve' ? 'approved' : 'denied  '}    ${whoText(person, on_behalf_of)} · ${when(decided_at)} · ${channel}${because === '' ? '' : ` · ${because}`}`,
    ),
    ...approval.told.map(({ kind, at }) => `${kind.padEnd(11)} ${when(at)}`),
    `before      ${approval.history.approvals.map(({ id: each, status: was }) => `${each} ${was}`).join(', ') || 'nothing'}`,
    ...(history.payee === null ? [] : [`payee       ${payeeText(history.payee)}`]),
    `hash        ${hash}`,
  ];
  return lines.map(printableLine).join('\n');
}

/** Keeps the colours that are ours. */
function printableLine(line: string): string {
  return line.startsWith('\u001b') ? line : printable(line);
}

function pathOf(id: string, act = ''): string {
  return `/v1/approvals/${encodeURIComponent(id)}${act}`;
}

async function decide({ out, hivekey }: Run, id: string, body: Readonly<Record<string, string>>): Promise<void> {
  const decided = await hivekey.request<Approval>('POST', pathOf(id, '/decide'), { body });
  out.result(decided, () =>
    decided.status === 'pending'
      ? `${id} is approved by you; missing ${missingText(decided.missing)}.`
      : `${id} is ${decided.status}.`,
  );
}

function reasonOf(reason: string | undefined): Record<string, string> {
  return reason === undefined ? {} : { reason };
}

/** For whom it is decided, where that is somebody else. */
function forOf(person: string | undefined): Record<string, string> {
  return person === undefined ? {} : { on_behalf_of: person };
}

const REMINDERS: Columns<ReminderRule> = {
  capability: ({ capability }) => capability,
  reminded: ({ remind_after_seconds: after }) => (after === null ? '–' : `after ${after} s`),
  escalated: ({ escalate }) =>
    escalate === null ? '–' : `after ${escalate.after_seconds} s to ${escalate.to.join(', ')}`,
};

function jsonList(text: string): unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (Array.isArray(value)) return value;
  throw new UsageError(
    'That is not a JSON list.',
    'Write [{"capability": "payments.*", "remind_after_seconds": 900}].',
  );
}

export function addApprovalCommands(program: Command): void {
  const approval = program.command('approval').description('calls that wait for people: list, read, decide');
  approval
    .command('list')
    .description('what waits for a decision; --all for everything')
    .option('--all', 'also what is over')
    .option('--agent <agent>', 'of one agent')
    .option('--action <capability>', 'of one capability')
    .action(
      online<[], { all?: boolean; agent?: string; action?: string }>(
        async ({ out, hivekey }, { all, agent, action }) => {
          const status = all === true ? undefined : 'pending';
          const approvals = await hivekey.all<Approval>('/v1/approvals', { status, agent, action });
          out.table(approvals, APPROVALS, 'Nothing waits for a decision.');
          return undefined;
        },
      ),
    );
  approval
    .command('get <id>')
    .description('what is asked, what binds it, who may decide, what was before')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const whole = await hivekey.request<FullApproval>('GET', pathOf(id));
        out.result(whole, () => wholeText(whole));
        return undefined;
      }),
    );
  approval
    .command('approve <id>')
    .description('show the call and approve it, with a key of your own')
    .option('--reason <text>', 'why; it stands in the log')
    .option('--hash <hash>', 'approve what was read before, without asking')
    .option('--for <person>', 'for whom you decide, by a delegation')
    .action(
      online<[string], { reason?: string; hash?: string; for?: string }>(
        async (run, { reason, hash, for: other }, id) => {
          let read = hash;
          if (read === undefined) {
            const whole = await run.hivekey.request<FullApproval>('GET', pathOf(id));
            run.out.note(wholeText(whole));
            await run.hivekey.request('POST', `${pathOf(id)}/opened`);
            const otherwise = 'Pass the hash that was read: --hash sha256:…';
            if (!(await isConfirmed('Approve this call, once, as it is?', otherwise))) return 1;
            read = whole.hash;
          }
          await decide(run, id, { decision: 'approve', hash: read, ...reasonOf(reason), ...forOf(other) });
          return undefined;
        },
      ),
    );
  approval
    .command('deny <id>')
    .description('deny it; it never runs')
    .option('--reason <text>', 'why; the agent is told')
    .action(
      online<[string], { reason?: string }>(async (run, { reason }, id) => {
        await decide(run, id, { decision: 'deny', ...reasonOf(reason) });
        return undefined;
      }),
    );
  approval
    .command('reminders')
    .description('who is told when that a call still waits; --file writes all rules')
    .option('-f, --file <path>', 'JSON list of {capability, remind_after_seconds, escalate: {after_seconds, to}}, or -')
    .action(
      online<[], { file?: string }>(async ({ out, hivekey }, { file }) => {
        const path = '/v1/approval-reminders';
        if (file !== undefined) await hivekey.request('PUT', path, { body: { data: jsonList(readText(file)) } });
        out.table(await hivekey.all<ReminderRule>(path), REMINDERS, 'Nobody is told by a rule.');
        return undefined;
      }),
    );
  approval
    .command('cancel <id>')
    .description('withdraw it; it never runs')
    .option('--reason <text>', 'why')
    .action(
      online<[string], { reason?: string }>(async ({ out, hivekey }, { reason }, id) => {
        const over = await hivekey.request<Approval>('POST', pathOf(id, '/cancel'), { body: reasonOf(reason) });
        out.result(over, () => `${id} is ${over.status}.`);
        return undefined;
      }),
    );
}
