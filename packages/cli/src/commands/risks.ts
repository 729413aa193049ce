/** risk: what detectors say of agents, owners and tools. */
import type { Risk, RiskTransmitter } from '@hivekey/sdk';
import type { Command } from 'commander';
import { UsageError } from '../exit.ts';
import { type Columns, when } from '../output.ts';
import { online } from '../run.ts';
import { duration, jsonObject, readText } from '../values.ts';

const RISKS: Columns<Risk> = {
  id: ({ id }) => id,
  about: ({ subject: { kind, name } }) => `${kind} ${name}`,
  level: ({ level }) => level,
  status: ({ status }) => status,
  until: ({ expires_at }) => when(expires_at),
  by: ({ source }) => source,
  reason: ({ reason }) => reason,
};

const TRANSMITTERS: Columns<RiskTransmitter> = {
  name: ({ name }) => name,
  issuer: ({ issuer }) => issuer,
  audience: ({ audience }) => audience,
  lasts: ({ lasts_seconds }) => `${lasts_seconds} s`,
};

export function addRiskCommands(program: Command): void {
  const risk = program.command('risk').description('risk signals: what detectors say of agents, owners and tools');
  risk
    .command('raise <kind> <subject> <level>')
    .description('kind: agent, owner or tool; level: low, medium, high or critical')
    .option('--reason <text>', 'why; it stands in the log')
    .option('--expires <duration>', 'when it ends by itself; 1h where nothing is said', duration)
    .addHelpText('after', '\nExample:\n  hivekey risk raise agent billing-bot high --expires 2h')
    .action(
      online<[string, string, string], { reason?: string; expires?: number }>(
        async ({ out, hivekey }, { reason, expires }, kind, id, level) => {
          const body = {
            subject: { kind, id },
            level,
            ...(reason === undefined ? {} : { reason }),
            ...(expires === undefined ? {} : { expires_in_seconds: expires }),
          };
          const raised = await hivekey.request<Risk>('POST', '/v1/risks', { body });
          const { subject } = raised;
          out.result(
            raised,
            () =>
              `${subject.kind} ${subject.name} is at ${raised.level} until ${when(raised.expires_at)} · ${raised.id}`,
          );
          return undefined;
        },
      ),
    );
  risk
    .command('list')
    .description('signals that stand')
    .option('--all', 'also those that are over')
    .action(
      online<[], { all?: boolean }>(async ({ out, hivekey }, { all }) => {
        const risks = await hivekey.all<Risk>('/v1/risks', all === true ? {} : { active: true });
        out.table(risks, RISKS, 'There are none.');
        return undefined;
      }),
    );
  risk
    .command('clear <id>')
    .description('end a signal before its time')
    .option('--reason <text>', 'why; it stands in the log')
    .action(
      online<[string], { reason?: string }>(async ({ out, hivekey }, { reason }, id) => {
        const body = reason === undefined ? {} : { reason };
        const cleared = await hivekey.request<Risk>('POST', `/v1/risks/${encodeURIComponent(id)}/clear`, { body });
        out.result(cleared, () => `Signal ${cleared.id} about ${cleared.subject.name} is cleared.`);
        return undefined;
      }),
    );
  risk
    .command('transmitter <file>')
    .description('let somebody push security event tokens: JSON with name, issuer, audience and jwks')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, file) => {
        const { name, ...body } = jsonObject(readText(file));
        if (typeof name !== 'string') throw new UsageError(`${file} has no name.`, 'Add "name": "edr".');
        const path = `/v1/risk-transmitters/${encodeURIComponent(name)}`;
        const made = await hivekey.request<RiskTransmitter>('PUT', path, { body });
        out.result(made, () => `Transmitter ${made.name} may push security events as ${made.issuer}.`);
        return undefined;
      }),
    );
  risk
    .command('transmitters')
    .description('who may push security event tokens')
    .action(
      online(async ({ out, hivekey }) => {
        const transmitters = await hivekey.all<RiskTransmitter>('/v1/risk-transmitters');
        out.table(transmitters, TRANSMITTERS, 'There are none.');
        return undefined;
      }),
    );
  risk
    .command('untrust <name>')
    .description('let a transmitter push no more; what it has said stands')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const path = `/v1/risk-transmitters/${encodeURIComponent(name)}`;
        const removed = await hivekey.request<RiskTransmitter>('DELETE', path);
        out.result(removed, () => `Transmitter ${removed.name} is believed no more.`);
        return undefined;
      }),
    );
}
