/** policy tests: behaviour tests that the workspace keeps, run on every change of the policy. */
import type { PolicyTest } from '@hivekey/sdk';
import type { Command } from 'commander';
import { paint } from '../output.ts';
import { online } from '../run.ts';
import { readText } from '../values.ts';

function testText({ name, passed, failed, failures }: PolicyTest): string {
  return [
    `${paint(failed === 0 ? 'green' : 'red', failed === 0 ? '✓' : '✗')} ${name}: ${passed} passed, ${failed} failed`,
    ...failures.flatMap(({ name: of, differences }) => [`    ${of}`, ...differences.map((each) => `      ${each}`)]),
  ].join('\n');
}

function pathOf(name: string): string {
  return `/v1/policies/tests/${encodeURIComponent(name)}`;
}

export function addPolicyTestCommands(policy: Command): void {
  const tests = policy.command('tests').description('behaviour tests that the workspace keeps');
  tests
    .command('list', { isDefault: true })
    .description('all of them, with how they fare under the policy in force')
    .action(
      online<[], object>(async ({ out, hivekey }) => {
        const found = await hivekey.all<PolicyTest>('/v1/policies/tests');
        const list = { object: 'list', data: found };
        out.result(list, () => (found.length === 0 ? 'There are no tests.' : found.map(testText).join('\n')));
        return undefined;
      }),
    );
  tests
    .command('put <name>')
    .description('keep a PolicyTest file under this name, in place of what was there')
    .requiredOption('-f, --file <path>', 'file, or -')
    .addHelpText('after', '\nExample:\n  hivekey policy tests put billing -f tests/billing.yaml')
    .action(
      online<[string], { file: string }>(async ({ out, hivekey }, { file }, name) => {
        const kept = await hivekey.request<PolicyTest>('PUT', pathOf(name), {
          body: readText(file),
          contentType: 'application/yaml',
        });
        out.result(kept, () => testText(kept));
        return undefined;
      }),
    );
  tests
    .command('remove <name>')
    .description('run it no more')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        await hivekey.request<undefined>('DELETE', pathOf(name));
        out.result({ removed: name }, () => `${name} is removed.`);
        return undefined;
      }),
    );
}
