/** The signed receipt: what it says is what happened, it stands on the log, and a changed byte is found. */
import {
  canonicalJson,
  parseVerifierKey,
  signingKey,
  signNote,
  type VerifierKey,
  verifyReceipt,
} from '@hivekey/action-log';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from '../agents/world.ts';

let world: World;
let key: VerifierKey;
let text: string;
let stopId: string;

const getText = async (path: string): Promise<string> =>
  (await fetch(`${world.server.url}${path}`, { headers: { authorization: `Bearer ${world.server.adminKey}` } })).text();

beforeAll(async () => {
  world = await openWorld();
  await world.capability('payments.pay');
  await world.capability('notes.add');
  await world.role('support', ['payments.pay', 'notes.add']);
  await world.agent('biller', {});
  const token = await world.token('biller');
  expect((await world.act(token, 'payments.pay')).status).toBe(200);
  ({ id: stopId } = await world.ok('POST', '/v1/agents/biller/revoke', { reason: 'runaway' }));
  expect((await world.act(token, 'notes.add')).status).toBe(401);
  await world.events('agent=biller&kind=tool.call&verdict=deny', 1);
  key = parseVerifierKey((await world.ok('GET', '/v1/audit/key')).key);
  text = await getText(`/v1/containments/${stopId}/receipt`);
});
afterAll(() => world.server.close());

it('has a line a tool and a node, every time, and its place on the log', () => {
  const { receipt } = JSON.parse(text);
  expect(receipt).toMatchObject({
    v: 1,
    workspace: 'default',
    containment: {
      id: stopId,
      scope: 'agent',
      target: 'biller',
      reason: 'runaway',
      actor: 'key:first',
      rehearsal: null,
    },
    two_people: null,
    agents: [
      {
        name: 'biller',
        owner: 'dana@acme.example',
        tokens_ended: 1,
        last_allowed_at: expect.any(String),
        first_denied_at: expect.any(String),
      },
    ],
    tools: [
      { capability: 'notes.add', agents: 1, established: 'probe', refused_at: expect.any(String) },
      { capability: 'payments.pay', agents: 1, established: 'probe', refused_at: expect.any(String) },
    ],
    nodes: [{ effective_at: expect.any(String), bound_at: null }],
    calls: [{ agent: 'biller', capability: 'payments.pay', fate: 'unknown' }],
    permits_ended: [],
    log: { proof: { seq: expect.any(Number) } },
  });
  const { ordered_at, committed_at, effective_at } = receipt.times;
  const [agent] = receipt.agents;
  const inOrder = [agent.last_allowed_at, ordered_at, committed_at, effective_at, agent.first_denied_at];
  expect(inOrder).toEqual(inOrder.toSorted());
});

it('verifies with the key alone', () => {
  expect(verifyReceipt(text, key)).toMatchObject({
    isVerified: true,
    findings: [],
    stop: {
      id: stopId,
      target: 'biller',
      isRehearsal: false,
      agents: 1,
      tools: 2,
      toolsProbed: 2,
      nodes: 1,
      nodesSilent: 0,
    },
  });
  expect(verifyReceipt(`${text}\n`, key).isVerified).toBe(true);
  expect(verifyReceipt(text)).toMatchObject({
    isVerified: true,
    findings: [{ code: 'key_not_trusted', fatal: false }],
  });
});

it('still verifies when its workspace has been renamed', async () => {
  await world.ok('PATCH', '/v1/workspace', { name: 'renamed' });
  const renamed = await getText(`/v1/containments/${stopId}/receipt`);
  expect(JSON.parse(renamed).receipt.workspace).toBe('renamed');
  expect(verifyReceipt(renamed, key)).toMatchObject({ isVerified: true, findings: [] });
});

it('names who was accountable when the stop was given', async () => {
  await world.ok('POST', '/v1/people', { email: 'lee@acme.example' });
  await world.ok('PATCH', '/v1/agents/biller', { owner: 'lee@acme.example' });
  const { agents } = JSON.parse(await getText(`/v1/containments/${stopId}/receipt`)).receipt;
  expect(agents).toMatchObject([{ name: 'biller', owner: 'dana@acme.example' }]);
});

describe('is refused', () => {
  it('with any byte changed, added or taken', () => {
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.constantFrom('change', 'add', 'take'),
        (at, by, how) => {
          const changed = Buffer.from(bytes);
          changed[at] = ((changed[at] ?? 0) + by) % 256;
          const forged = {
            change: changed,
            add: Buffer.concat([bytes.subarray(0, at), Buffer.from([by % 128]), bytes.subarray(at)]),
            take: Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]),
          }[how];
          expect(verifyReceipt(forged.toString(), key).isVerified).toBe(false);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('with a value changed and the whole written anew', () => {
    const forge = (change: (receipt: Record<string, Record<string, unknown>>) => void): string => {
      const value = JSON.parse(text);
      change(value.receipt);
      return canonicalJson(value);
    };
    const forgeries = [
      forge(({ times }) => {
        if (times) times.effective_at = times.ordered_at;
      }),
      forge((receipt) => {
        (receipt.calls as unknown as unknown[]).pop();
      }),
      forge(({ containment }) => {
        if (containment) containment.rehearsal = 'reh_x';
      }),
    ];
    for (const forged of forgeries)
      expect(verifyReceipt(forged, key)).toMatchObject({
        isVerified: false,
        findings: expect.arrayContaining([expect.objectContaining({ code: 'entry_edited' })]),
      });
  });

  it('signed by another key, or for another stop than the one on the log', () => {
    const { receipt } = JSON.parse(text);
    const other = signingKey(key.name, new Uint8Array(32).fill(7));
    const forged = canonicalJson({ note: signNote('HiveKey containment receipt v1\nx\n', [other]), receipt });
    expect(verifyReceipt(forged, key)).toMatchObject({ isVerified: false, findings: [{ code: 'key_unknown' }] });
    expect(verifyReceipt(text, other.verifier).isVerified).toBe(false);
    for (const nothing of ['', '{}', '[]', 'null', '{"note":"","receipt":{}}', '{"note":"","receipt":{"v":1}}'])
      expect(verifyReceipt(nothing, key).isVerified).toBe(false);
  });
});

it('tells of a permit that nobody living held', async () => {
  await world.agent('orphan', {});
  const token = await world.token('orphan');
  const { status } = await world.act(token, 'payments.pay');
  expect(status).toBe(200);
  world.server = await world.server.restart();
  const call = (method: string, path: string, body?: unknown) =>
    fetch(`${world.server.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${world.server.adminKey}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const { id } = JSON.parse(await (await call('POST', '/v1/agents/orphan/revoke', {})).text());
  const { receipt } = JSON.parse(await getText(`/v1/containments/${id}/receipt`));
  expect(receipt.permits_ended).toEqual([
    { event_id: expect.stringMatching(/^evt_/), agent: 'orphan', capability: 'payments.pay' },
  ]);
  await expect
    .poll(
      async () => {
        const answer = await call('GET', `/v1/audit/events/${receipt.permits_ended[0].event_id}`);
        return JSON.parse(await answer.text()).result?.error_code;
      },
      { timeout: 10_000 },
    )
    .toBe('aborted_by_stop');
});
