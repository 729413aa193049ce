/** What is loaded for a command is what has it. */
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { COMMAND_MODULES, loadCommands } from '../src/commands/index.ts';

describe('a module of commands', () => {
  it.each(COMMAND_MODULES)('has $names, and no other', async ({ names, load }) => {
    const program = new Command();
    (await load())(program);
    const added = program.commands.flatMap((command) => [command.name(), ...command.aliases()]);
    expect(added.sort()).toEqual(names.split(' ').sort());
  });
});

it('loads whatever has the command, and everything where nothing has', async () => {
  expect(await loadCommands('detections')).toHaveLength(2);
  expect(await loadCommands('kill')).toHaveLength(1);
  for (const name of [undefined, '--help', 'no-such-command', 'login logout'])
    expect(await loadCommands(name)).toHaveLength(COMMAND_MODULES.length);
});
