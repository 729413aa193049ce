/** budget: how full the windows of caps and rates are. */
import type { Budget } from '@hivekey/sdk';
import type { Command } from 'commander';
import { UsageError } from '../exit.ts';
import { type Columns, span } from '../output.ts';
import { online } from '../run.ts';

interface Whose {
  readonly agent?: string;
  readonly role?: string;
  readonly owner?: string;
}

/** 54000 usd as `540.00 usd`: the decimals of the currency, as this machine knows them. */
function amountOf(amount: number, unit: string | null): string {
  if (unit === null) return `${amount} ${amount === 1 ? 'call' : 'calls'}`;
  const currency = unit.toUpperCase();
  if (!Intl.supportedValuesOf('currency').includes(currency)) return `${amount} ${unit}`;
  const format = new Intl.NumberFormat('en-US', { style: 'currency', currency });
  const decimals = format.resolvedOptions().maximumFractionDigits ?? 2;
  return `${(amount / 10 ** decimals).toFixed(decimals)} ${currency}`;
}

const COLUMNS: Columns<Budget> = {
  rule: ({ rule, origin }) => `${origin} ${rule}`,
  of: ({ scope, subject, per }) =>
    `${scope === 'workspace' ? 'workspace' : `${scope} ${subject}`}${per === null ? '' : ` · ${per.by} ${per.value.slice(0, 12)}`}`,
  used: ({ used, unit }) => amountOf(used, unit),
  left: ({ left, unit }) => amountOf(left, unit),
  limit: ({ limit, unit, window_seconds }) => `${amountOf(limit, unit)} in ${span(window_seconds)}`,
  'frees in': ({ frees_in_seconds }) => (frees_in_seconds === null ? '–' : span(frees_in_seconds)),
  beyond: ({ otherwise }) => otherwise,
};

export function addBudgetCommands(program: Command): void {
  const budget = program
    .command('budget')
    .description('caps and rates: what is used, what is left, when more frees up');
  budget
    .command('list')
    .description('windows of an agent, a role or an owner; without one, those that the whole workspace shares')
    .option('--agent <agent>', 'everything it is under')
    .option('--role <role>', 'what all who wear it share, and each of them has')
    .option('--owner <email>', 'what all agents of the person share')
    .addHelpText('after', '\nExamples:\n  hivekey budget list --agent billing-bot\n  hivekey budget list --json')
    .action(
      online<[], Whose>(async ({ out, hivekey }, { agent, role, owner }) => {
        const query = Object.entries({ agent, role, owner }).filter(([, value]) => value !== undefined);
        if (query.length > 1) throw new UsageError('Name one of them.', 'Use --agent, --role or --owner.');
        const budgets = await hivekey.all<Budget>('/v1/budgets', Object.fromEntries(query));
        out.table(budgets, COLUMNS, 'No window applies.');
        return undefined;
      }),
    );
}
