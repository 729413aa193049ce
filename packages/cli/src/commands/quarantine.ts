/** quarantine, release, breaker: containment that lets an agent read on. */
import type { Breaker, Quarantine } from '@hivekey/sdk';
import type { Command } from 'commander';
import { readDocuments, textField } from '../documents.ts';
import { UsageError } from '../exit.ts';
import { type Columns, span, when } from '../output.ts';
import { online } from '../run.ts';

const QUARANTINES: Columns<Quarantine> = {
  id: ({ id }) => id,
  agent: ({ agent }) => agent,
  since: ({ entered_at }) => when(entered_at),
  until: ({ until }) => (until === null ? 'released' : when(until)),
  ended: ({ ended_at }) => when(ended_at),
  by: ({ actor }) => actor,
  reason: ({ reason }) => reason,
};

const BREAKERS: Columns<Breaker> = {
  name: ({ name }) => name,
  trips: ({ signal, threshold, unit, window_seconds }) =>
    `${signal} ≥ ${threshold}${unit === undefined ? '' : ` ${unit}`} in ${span(window_seconds)}`,
  watches: ({ roles }) => roles?.join(', ') ?? 'every agent',
  does: ({ action, exit }) => `${action}, ${exit}`,
  open: ({ agents }) =>
    agents
      .filter(({ state }) => state !== 'closed')
      .map(({ agent, state }) => (state === 'open' ? agent : `${agent} (on trial)`))
      .join(', ') || '–',
};

export function addQuarantineCommands(program: Command): void {
  program
    .command('quarantine <agent>')
    .description('let an agent read on and do nothing else; its roles are kept')
    .option('--role <role>', 'no more than this role grants')
    .option('--for <seconds>', 'it ends by itself after that; without it, with hivekey release')
    .option('--reason <text>', 'why; it stands in the log')
    .action(
      online<[string], { role?: string; for?: string; reason?: string }>(async ({ out, hivekey }, options, agent) => {
        const { role, for: seconds, reason } = options;
        if (seconds !== undefined && !/^[1-9][0-9]*$/.test(seconds))
          throw new UsageError(`${seconds} is no number of seconds.`, 'Write --for 3600.');
        const body = {
          ...(role === undefined ? {} : { role }),
          ...(seconds === undefined ? {} : { expires_in_seconds: Number(seconds) }),
          ...(reason === undefined ? {} : { reason }),
        };
        const path = `/v1/agents/${encodeURIComponent(agent)}/quarantine`;
        const quarantine = await hivekey.request<Quarantine>('POST', path, { body });
        out.result(quarantine, () => `${quarantine.agent} is in quarantine · ${quarantine.id}`);
        out.note(`It reads on. To end it: hivekey release ${quarantine.id} --reason …`);
        return undefined;
      }),
    );
  program
    .command('release <quarantine>')
    .description('end a quarantine: the agent’s roles count again')
    .requiredOption('--reason <text>', 'what the review found; it stands in the log')
    .action(
      online<[string], { reason: string }>(async ({ out, hivekey }, { reason }, id) => {
        const path = `/v1/quarantines/${encodeURIComponent(id)}/release`;
        const quarantine = await hivekey.request<Quarantine>('POST', path, { body: { reason } });
        out.result(quarantine, () => `${quarantine.agent} is out of quarantine, with ${quarantine.roles.join(', ')}.`);
        return undefined;
      }),
    );
  program
    .command('quarantines')
    .description('agents in quarantine')
    .option('--all', 'also those that ended')
    .action(
      online<[], { all?: boolean }>(async ({ out, hivekey }, { all }) => {
        const found = await hivekey.all<Quarantine>('/v1/quarantines', all === true ? {} : { active: true });
        out.table(found, QUARANTINES, 'No agent is in quarantine.');
        return undefined;
      }),
    );

  const breaker = program.command('breaker').description('circuit breakers: what an agent does trips them');
  breaker
    .command('list')
    .description('breakers, and the agents they have tripped for')
    .action(
      online(async ({ out, hivekey }) => {
        out.table(await hivekey.all<Breaker>('/v1/breakers'), BREAKERS, 'There is no breaker.');
        return undefined;
      }),
    );
  breaker
    .command('apply')
    .description('create or change breakers from a file of {name, signal, threshold, window_seconds, …}')
    .requiredOption('-f, --file <path...>', 'YAML or JSON files or folders, - for standard input')
    .action(
      online<[], { file: readonly string[] }>(async ({ out, hivekey }, { file }) => {
        const breakers = readDocuments(file).map((document) => ({ name: textField(document, 'name'), document }));
        for (const { name, document } of breakers) {
          const { name: _, ...body } = document.value;
          const applied = await hivekey.request<Breaker>('PUT', `/v1/breakers/${encodeURIComponent(name)}`, { body });
          out.line(applied, () => `Breaker ${applied.name} watches.`);
        }
        return undefined;
      }),
    );
  breaker
    .command('remove <name>')
    .description('remove a breaker; whom it put into quarantine stays there')
    .action(
      online<[string], object>(async ({ out, hivekey }, _options, name) => {
        const removed = await hivekey.request<Breaker>('DELETE', `/v1/breakers/${encodeURIComponent(name)}`);
        out.result(removed, () => `Breaker ${removed.name} is gone.`);
        return undefined;
      }),
    );
}
