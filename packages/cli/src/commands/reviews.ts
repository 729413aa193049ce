/** reviews: campaigns, one's own queue, decisions, what has to change, signatures, and the policy of it all. */
import { writeFileSync } from 'node:fs';
import type {
  Review,
  ReviewItem,
  ReviewPolicy,
  ReviewRecheck,
  ReviewRemediation,
  ReviewSignature,
  ReviewSubmission,
  ReviewSummary,
} from '@hivekey/sdk';
import { type Command, Option } from 'commander';
import { readDocuments } from '../documents.ts';
import { UsageError } from '../exit.ts';
import { type Columns, when } from '../output.ts';
import { online } from '../run.ts';

const CAMPAIGNS: Columns<ReviewSummary> = {
  review: ({ id }) => id,
  status: ({ status, overdue }) => (overdue ? 'overdue' : status),
  decided: ({ decided, items }) => `${decided} of ${items}`,
  'to take effect': ({ remediations_open: open }) => String(open),
  due: ({ due_at }) => when(due_at),
  frozen: ({ snapshot_at }) => when(snapshot_at),
};

const GATES: Columns<Review['gates'][number]> = {
  gate: ({ gate }) => gate.replaceAll('_', ' '),
  passed: ({ passed }) => (passed ? 'yes' : 'no'),
  detail: ({ detail }) => detail,
};

const ITEMS: Columns<ReviewItem> = {
  item: ({ id }) => id,
  what: ({ title }) => title,
  tier: ({ tier }) => tier,
  used: ({ facts: { use_count_90d: calls } }) => (calls === null ? '–' : String(calls)),
  changes: ({ facts: { changes } }) => String(changes.length),
  reviewer: ({ reviewers }) => reviewers.map(({ reviewer }) => reviewer).join(', ') || 'nobody',
  decision: ({ decision, own, status }) => decision ?? own?.decision ?? status,
};

const REMEDIATIONS: Columns<ReviewRemediation> = {
  id: ({ id }) => id,
  what: ({ kind, title }) => `${kind}: ${title}`,
  status: ({ status }) => status,
  due: ({ due_at, days_late: late }) => (late > 0 ? `${when(due_at)}, ${late} d late` : when(due_at)),
  verified: ({ verified_at }) => (verified_at === null ? '–' : when(verified_at)),
  problem: ({ problem }) => problem ?? '',
};

const path = (review: string, what = ''): string => `/v1/reviews/${encodeURIComponent(review)}${what}`;
const itemPath = (review: string, item: string, what: string): string =>
  path(review, `/items/${encodeURIComponent(item)}/${what}`);

export function addReviewCommands(program: Command): void {
  const reviews = program.command('reviews').description('access reviews: who may do what, looked at again');
  addCampaignCommands(reviews);
  addReviewerCommands(reviews);
  addOutcomeCommands(reviews);
  addPolicyCommands(reviews);
}

function addCampaignCommands(reviews: Command): void {
  reviews
    .command('list', { isDefault: true })
    .description('campaigns, newest first')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        out.table(await hivekey.all<ReviewSummary>('/v1/reviews'), CAMPAIGNS, 'No review was held yet.');
        return undefined;
      }),
    );
  reviews
    .command('show <review>')
    .description('how far it is, and what it is not closed without')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, review) => {
        const found = await hivekey.request<Review>('GET', path(review));
        out.note(
          `${found.id} is ${found.status}; ${found.progress.decided} of ${found.progress.items} items are decided.`,
        );
        out.table([...found.gates], GATES, '');
        return undefined;
      }),
    );
  reviews
    .command('launch')
    .description('freeze the population and give each item to somebody without a part in it')
    .requiredOption('--reason <text>', 'why; it stands in the log')
    .option('--type <type...>', 'only these types of items')
    .option('--agent <agent...>', 'only of these agents')
    .option('--role <role...>', 'only of these roles')
    .option('--due-days <days>', 'days to decide')
    .action(
      online<[], { reason: string; type?: string[]; agent?: string[]; role?: string[]; dueDays?: string }>(
        async ({ out, hivekey }, { reason, type, agent, role, dueDays }) => {
          const body = {
            reason,
            ...(type === undefined ? {} : { types: type }),
            ...(agent === undefined ? {} : { agents: agent }),
            ...(role === undefined ? {} : { roles: role }),
            ...(dueDays === undefined ? {} : { due_days: Number(dueDays) }),
          };
          const review = await hivekey.request<Review>('POST', '/v1/reviews', { body });
          out.result(review, () => `${review.id}: ${review.progress.items} items, due ${when(review.due_at)}.`);
          return undefined;
        },
      ),
    );
  reviews
    .command('items <review>')
    .description('its items')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, review) => {
        out.table(await hivekey.all<ReviewItem>(path(review, '/items')), ITEMS, 'There are none.');
        return undefined;
      }),
    );
  reviews
    .command('population <review>')
    .description('the frozen population, byte for byte; sha256sum of it is its snapshot_sha256')
    .option('-o, --output <file>', 'write it there')
    .action(
      online<[string], { output?: string }>(async ({ hivekey }, { output }, review) => {
        const text = await (await hivekey.stream('GET', path(review, '/population'))).text();
        if (output === undefined) process.stdout.write(text);
        else writeFileSync(output, text);
        return undefined;
      }),
    );
  reviews
    .command('close <review>')
    .description('close it; refused while a gate is not passed')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, review) => {
        const closed = await hivekey.request<Review>('POST', path(review, '/close'), { body: {} });
        out.result(closed, () => `${closed.id} is closed.`);
        return undefined;
      }),
    );
  reviews
    .command('void <review>')
    .description('void it: it stays, and counts for nothing')
    .requiredOption('--reason <text>', 'why; it stands in the log')
    .action(
      online<[string], { reason: string }>(async ({ out, hivekey }, { reason }, review) => {
        const done = await hivekey.request<Review>('POST', path(review, '/void'), { body: { reason } });
        out.result(done, () => `${done.id} is void.`);
        return undefined;
      }),
    );
}

function addReviewerCommands(reviews: Command): void {
  reviews
    .command('queue')
    .description('what waits for you')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        out.table(await hivekey.all<ReviewItem>('/v1/review-queue'), ITEMS, 'Nothing waits for your review.');
        return undefined;
      }),
    );
  reviews
    .command('decide <review> <item>')
    .description('decide about an item; nothing happens before you submit')
    .addOption(
      new Option('--decision <decision>', 'what shall become of it')
        .choices(['keep', 'reduce', 'revoke', 'escalate'])
        .makeOptionMandatory(),
    )
    .option('--reason <text>', 'why; it stands in the log', '')
    .option('--staged-days <days>', 'of a revoke: suspend the agent first, for so many days')
    .action(
      online<[string, string], { decision: string; reason: string; stagedDays?: string }>(
        async ({ out, hivekey }, { decision, reason, stagedDays }, review, item) => {
          await hivekey.request('POST', itemPath(review, item, 'open'), { body: {} });
          const body =
            decision === 'reduce'
              ? { decision: 'modify', reason, modification: { kind: 'reduce_to_used' } }
              : { decision, reason, ...(stagedDays === undefined ? {} : { staged_days: Number(stagedDays) }) };
          const decided = await hivekey.request<ReviewItem>('POST', itemPath(review, item, 'decide'), { body });
          out.result(decided, () =>
            decision === 'escalate'
              ? `${decided.id} went up.`
              : `${decided.id} is decided. hivekey reviews submit ${review}`,
          );
          return undefined;
        },
      ),
    );
  reviews
    .command('reassign <review> <item>')
    .description('give an item to another reviewer')
    .requiredOption('--to <person>', 'id or e-mail')
    .option('--from <person>', 'in whose place, where there are several')
    .requiredOption('--reason <text>', 'why; it stands in the log')
    .action(
      online<[string, string], { to: string; from?: string; reason: string }>(
        async ({ out, hivekey }, { to, from, reason }, review, item) => {
          const body = { to, reason, ...(from === undefined ? {} : { from }) };
          const given = await hivekey.request<ReviewItem>('POST', itemPath(review, item, 'reassign'), { body });
          out.result(given, () => `${given.id} is ${given.reviewers.map(({ reviewer }) => reviewer).join(' and ')}'s.`);
          return undefined;
        },
      ),
    );
  reviews
    .command('submit <review>')
    .description('submit what you have decided: it takes effect with this')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, review) => {
        const done = await hivekey.request<ReviewSubmission>('POST', path(review, '/submit'), { body: {} });
        out.result(
          done,
          () => `${done.submitted} submitted, ${done.left} left, ${done.remediations.length} changes begun.`,
        );
        return undefined;
      }),
    );
  reviews
    .command('recheck <review> <item>')
    .description('look at a kept item again, as somebody who has not decided about it')
    .addOption(new Option('--result <result>', 'was it right').choices(['agree', 'disagree']).makeOptionMandatory())
    .requiredOption('--reason <text>', 'why; it stands in the log')
    .action(
      online<[string, string], { result: string; reason: string }>(
        async ({ out, hivekey }, { result, reason }, review, item) => {
          const to = path(review, `/rechecks/${encodeURIComponent(item)}`);
          const { data } = await hivekey.request<{ readonly data: readonly ReviewRecheck[] }>('POST', to, {
            body: { result, reason },
          });
          out.result(data, () => `${data.filter((each) => each.result === null).length} are left.`);
          return undefined;
        },
      ),
    );
  reviews
    .command('sign <review>')
    .description('sign, once the gate before it is passed')
    .addOption(
      new Option('--as <capacity>', 'as whom').choices(['reviewer', 'owner', 'countersigner']).makeOptionMandatory(),
    )
    .action(
      online<[string], { as: string }>(async ({ out, hivekey }, { as }, review) => {
        const signed = await hivekey.request<ReviewSignature>('POST', path(review, '/signatures'), {
          body: { capacity: as },
        });
        out.result(signed, () => `${signed.id}: signed as ${signed.capacity}.`);
        return undefined;
      }),
    );
}

function addOutcomeCommands(reviews: Command): void {
  reviews
    .command('remediations <review>')
    .description('what has to change, until when, and whether it has')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, review) => {
        const found = await hivekey.all<ReviewRemediation>(path(review, '/remediations'));
        out.table(found, REMEDIATIONS, 'Nothing has to change.');
        return undefined;
      }),
    );
  reviews
    .command('except <review> <remediation>')
    .description('ask that it may stay open for a time; with --approve, agree as another person')
    .option('--until <time>', 'ISO 8601, within 92 days')
    .option('--reason <text>', 'why; it stands in the log')
    .option('--approve', 'agree to what somebody else asked for')
    .action(
      online<[string, string], { until?: string; reason?: string; approve?: boolean }>(
        async ({ out, hivekey }, { until, reason, approve }, review, id) => {
          const to = path(review, `/remediations/${encodeURIComponent(id)}/exception`);
          if (approve !== true && (until === undefined || reason === undefined))
            throw new UsageError('An exception has an end and a reason.', 'Give --until and --reason, or --approve.');
          const done = await hivekey.request<ReviewRemediation>('POST', approve === true ? `${to}/approve` : to, {
            body: approve === true ? {} : { until: Math.floor(Date.parse(until ?? '') / 1000), reason },
          });
          out.result(done, () => `${done.id} is ${done.status}.`);
          return undefined;
        },
      ),
    );
}

function addPolicyCommands(reviews: Command): void {
  const policy = reviews.command('policy').description('the rules by which access is reviewed');
  policy
    .command('show', { isDefault: true })
    .description('as it is in force')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        const found = await hivekey.request<ReviewPolicy>('GET', '/v1/review-policy');
        out.result(found, () => JSON.stringify(found, null, 2));
        return undefined;
      }),
    );
  policy
    .command('set <file>')
    .description('another version of it, from YAML or JSON; what is absent stays')
    .requiredOption('--reason <text>', 'why; it stands in the log')
    .action(
      online<[string], { reason: string }>(async ({ out, hivekey }, { reason }, file) => {
        const [document] = readDocuments([file]);
        if (document === undefined) throw new UsageError(`${file} holds nothing.`, 'Write the policy into it.');
        const body = { ...document.value, reason };
        const made = await hivekey.request<ReviewPolicy>('PUT', '/v1/review-policy', { body });
        out.result(made, () => `Version ${made.version} is in force.`);
        return undefined;
      }),
    );
}
