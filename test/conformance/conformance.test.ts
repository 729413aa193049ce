/** The public MCP conformance suite, direct and through the gateway with a token: not one check may come out worse. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorkspace, type Workspace } from '../../packages/server/test/actions/workspace.ts';
import { type Running, startFixture } from '../../packages/server/test/upstreams/http-upstream.ts';
import { count, type Requirements, runSuite, worseThan } from './suite.ts';

let workspace: Workspace;
const running: Running[] = [];

beforeAll(async () => {
  workspace = await startWorkspace();
});

afterAll(async () => {
  await workspace.close();
  for (const upstream of running) await upstream[Symbol.asyncDispose]();
});

/** Registers the fixture, grants all of it to a new agent, and gives the agent's token. */
async function governed(namespace: string, endpoint: string): Promise<string> {
  const registration = { namespace, endpoint, allow_private: true, default_access: 'read-write' };
  await workspace.call('POST', '/v1/mcp/servers', { body: registration });
  const { body } = await workspace.call('GET', `/v1/mcp/servers/${namespace}/definitions?limit=200`);
  const offered: string[] = body.data.map(({ capability }: { capability: string }) => capability);
  const asks = ['sampling', 'elicitation', 'roots'].map((what) => `${namespace}.${what}`);
  await workspace.role(namespace, [...offered, ...asks]);
  return (await workspace.agent(`${namespace}-agent`, namespace)).token;
}

describe.each<[Requirements, string, readonly '--legacy'[]]>([
  ['2025-11-25', 'legacy', ['--legacy']],
  ['2025-11-25', 'shim', []],
  ['2026-07-28', 'modern', []],
])('requirements %s, upstream %s', (requirements, namespace, options) => {
  it('nothing is worse through the gateway', async () => {
    // One for each run: the suite changes definitions, and what has changed is suspended behind the gateway.
    const [open, behind] = await Promise.all([startFixture(...options), startFixture(...options)]);
    running.push(open, behind);
    const token = await governed(namespace, behind.url);
    const [direct, through] = await Promise.all([
      runSuite(open.url, requirements),
      runSuite(`${workspace.server.url}/mcp/${namespace}`, requirements, token),
    ]);
    expect(count(direct, 'SUCCESS')).toBeGreaterThan(50);
    expect(worseThan(direct, through)).toEqual([]);
  }, 60_000);
});
