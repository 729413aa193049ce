import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWebhook, type WebhookReceiver } from '../../../../test/receivers/webhook.ts';
import { Secret } from '../../src/secret.ts';
import { signaturesOf } from '../../src/siem/webhook/signatures.ts';
import { eventually, startSecondNode } from '../actions/workspace.ts';
import { addWorkspace } from '../agents/second-workspace.ts';
import { type Decider, type Office, openOffice } from '../approvals/office.ts';

const SECRETS = [
  `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  `whsec_${Buffer.alloc(32, 2).toString('base64')}`,
] as const;

let office: Office;
let folder: string;
let receiver: WebhookReceiver;
let dana: Decider;
let lee: Decider;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hivekey-sinks-'));
  office = await openOffice({ sink_files: folder, upstream_allow: ['127.0.0.0/8'] });
  receiver = await startWebhook(SECRETS);
  dana = await office.person('dana');
  lee = await office.person('lee');
  await office.done('PUT', '/v1/secrets/siem', { value: SECRETS[0] });
  await office.done('PUT', '/v1/secrets/siem-next', { value: SECRETS[1] });
});
afterAll(async () => {
  await receiver[Symbol.asyncDispose]();
  await office.close();
  rmSync(folder, { recursive: true, force: true });
});

function webhook(name: string, more: object = {}) {
  const settings = { url: `${receiver.url}/hook`, signing_secret_refs: ['vault://siem'] };
  return { name, kind: 'webhook', settings, ...more };
}

async function sink(name: string) {
  return (await office.call('GET', `/v1/siem/sinks/${name}`)).body;
}

/** Waits until nothing is behind. A few records of the system may come meanwhile. */
async function caughtUp(name: string, seq = 0) {
  return eventually(async () => {
    const now = await sink(name);
    return now.cursor_seq >= seq && now.backlog_events === 0 && now.cursor_seq > 0 ? now : undefined;
  });
}

async function inState(name: string, state: string) {
  return eventually(async () => {
    const now = await sink(name);
    return now.state === state ? now : undefined;
  });
}

/** The records of a kind, once one is as wanted. */
async function recorded(kind: string, wanted: object) {
  return eventually(async () => {
    const { body } = await office.call('GET', `/v1/audit/events?kind=${kind}&limit=100`);
    return body.data.find((record: object) => expect.objectContaining(wanted).asymmetricMatch(record));
  });
}

describe('a webhook', () => {
  it('is signed as the specification says', () => {
    // Test vector of the reference libraries of Standard Webhooks.
    const secret = new Secret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    expect(signaturesOf([secret], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}')).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });

  it('gets all of the log with what proves it, signed, and a checkpoint', async () => {
    const made = await office.done('POST', '/v1/siem/sinks', webhook('all', { start: { seq: 1 } }));
    expect(made.body).toMatchObject({
      kind: 'webhook',
      format: 'native',
      from_seq: 1,
      destination: `${receiver.url}/hook`,
    });
    expect(JSON.stringify(made.body)).not.toContain('whsec_');
    await caughtUp('all');
    const seqs = receiver.events.flatMap(({ seq }) => seq ?? []);
    expect(seqs).toEqual(seqs.map((_, place) => place + 1));
    const request = receiver.requests[0];
    expect(request?.headers['webhook-id']).toMatch(new RegExp(`^${made.body.id}:1-\\d+`));
    // A minute has passed.
    await owned((client) => client.query(`UPDATE sink_streams SET checkpointed_at = now() - interval '2 minutes'`));
    await office.done('POST', '/v1/siem/sinks/all/resume', { reason: 'look' });
    const checkpoint = await eventually(async () => receiver.events.find(({ id }) => id.startsWith('ckp_')));
    expect(checkpoint.event).toMatchObject({
      checkpoint: {
        sink: made.body.id,
        counts: expect.stringContaining('"key.created"'),
        note: expect.stringContaining('—'),
      },
    });
    await recorded('sink.changed', { change: 'created', sink: 'all', from_seq: 1 });
  });

  it('is signed with each secret while one is rotated out', async () => {
    receiver.requests.length = 0;
    const { id } = await sink('all');
    const settings = { url: `${receiver.url}/hook`, signing_secret_refs: ['vault://siem', 'vault://siem-next'] };
    const changed = await office.call('PATCH', `/v1/siem/sinks/${id}`, { body: { settings } });
    expect(changed.status).toBe(200);
    await eventually(async () =>
      receiver.requests.find(({ headers }) => String(headers['webhook-signature']).split(' ').length === 2),
    );
  });

  it('holds on a refused credential, tells people, and goes on when a person says so', async () => {
    receiver.secrets.length = 0;
    await office.done('POST', '/v1/people', { email: 'kim@acme.example' });
    const held = await inState('all', 'holding');
    expect(held.hold).toMatchObject({ code: 'receiver_refuses', cause: 'the receiver answered 401' });
    await recorded('alert.opened', { source: 'sink', rule: 'sink.holding', severity: 'high' });
    receiver.secrets.push(...SECRETS);
    const before = (await sink('all')).cursor_seq;
    await office.done('POST', '/v1/siem/sinks/all/resume', { reason: 'the secret is back' });
    const after = await caughtUp('all', before + 1);
    expect(after).toMatchObject({ state: 'healthy', hold: null });
    await recorded('alert.over', { rule: 'sink.holding' });
  });

  it('sets aside what alone is refused, with its record, and sends it once more when told', async () => {
    await office.done('POST', '/v1/people', { email: 'poison@acme.example' });
    // Refused in whatever company it comes: the answer names nothing.
    receiver.refuses = (text) => text.includes('of poison');
    await office.done('PATCH', '/v1/people/poison@acme.example', { label: 'of poison' });
    const letters = await eventually(async () => {
      const { body } = await office.call('GET', '/v1/siem/sinks/all/dead-letters?status=waiting');
      return body.data.length > 0 ? body.data : undefined;
    });
    receiver.refuses = () => false;
    expect(letters[0]).toMatchObject({ kind: 'person.changed', code: 'event_refused', entries: 1, which: true });
    await recorded('sink.dead_letter', { change: 'set_aside', sink: 'all' });
    const ledger = async () => (await office.call('GET', '/v1/siem/sinks/all/ledger')).body.data[0];
    const before = await ledger();
    expect(before.rejected).toBe(letters.length);
    expect(before.produced).toBe(before.accepted + before.rejected);

    expect(
      (await office.done('POST', '/v1/siem/sinks/all/dead-letters/redrive', { reason: 'fixed' })).body.dead_letters,
    ).toBe(letters.length);
    await eventually(async () => ((await ledger()).rejected === 0 ? true : undefined));
    const after = await ledger();
    expect(after.produced).toBe(after.accepted);
    expect(receiver.stored.get(letters[0].event_id)).toBe(1);
    expect(
      (await office.call('POST', '/v1/siem/sinks/all/dead-letters/redrive', { body: { reason: 'again' } })).body.error
        .code,
    ).toBe('dead_letter_not_found');
  });

  it('replays a range under the same ids, marked, and not in the ledger', async () => {
    const before = (await office.call('GET', '/v1/siem/sinks/all/ledger')).body.data[0];
    const ids = receiver.events.filter(({ seq }) => seq !== undefined && seq <= 5).map(({ id }) => id);
    const { body: replay } = await office.done('POST', '/v1/siem/sinks/all/replays', {
      from_seq: 1,
      to_seq: 5,
      reason: 'lost there',
    });
    await eventually(async () => {
      const { body } = await office.call('GET', '/v1/siem/sinks/all/replays');
      return body.data.find(({ id }: { id: string }) => id === replay.id)?.status === 'done' ? true : undefined;
    });
    const marked = receiver.events.filter(({ seq = 0, event }) => seq <= 5 && 'replayed' in Object(event));
    expect(new Set(marked.map(({ id }) => id))).toEqual(new Set(ids.slice(0, 5)));
    const after = (await office.call('GET', '/v1/siem/sinks/all/ledger')).body.data[0];
    expect(after.replayed).toBe(before.replayed + 5);
    const beyond = await office.call('POST', '/v1/siem/sinks/all/replays', {
      body: { from_seq: 1, to_seq: 1e6, reason: 'x' },
    });
    expect(beyond.body.error.code).toBe('replay_range_invalid');
  });

  it('holds on 410, and skips what two people pass over', async () => {
    receiver.faults.push(...Array.from({ length: 5 }, () => ({ status: 410 })));
    await office.done('PATCH', '/v1/people/kim@acme.example', { label: 'gone' });
    expect((await inState('all', 'holding')).hold.code).toBe('receiver_gone');
    const { cursor_seq: cursor, head_seq: head } = await sink('all');
    const propose = (by: Decider, to: number) =>
      by.call('POST', '/v1/siem/sinks/all/skips', { body: { to_seq: to, reason: 'it never wants them' } });
    expect(
      (await office.call('POST', '/v1/siem/sinks/all/skips', { body: { to_seq: head, reason: 'x' } })).body.error.code,
    ).toBe('person_required');
    expect((await propose(dana, cursor)).body.error.code).toBe('skip_range_invalid');
    const { body: skip } = await propose(dana, head);
    expect((await dana.call('POST', `/v1/siem/sinks/all/skips/${skip.id}/confirm`, { body: {} })).body.error.code).toBe(
      'skip_own',
    );
    expect((await lee.call('POST', `/v1/siem/sinks/all/skips/${skip.id}/confirm`, { body: {} })).body.status).toBe(
      'confirmed',
    );
    expect((await lee.call('POST', `/v1/siem/sinks/all/skips/${skip.id}/withdraw`, { body: {} })).body.error.code).toBe(
      'skip_closed',
    );
    receiver.faults.length = 0;
    await office.done('POST', '/v1/siem/sinks/all/resume', { reason: 'go on' });
    await caughtUp('all', head + 1);
    const { body } = await office.call('GET', '/v1/siem/sinks/all/dead-letters?status=waiting');
    expect(body.data[0]).toMatchObject({
      code: 'skipped',
      first_seq: cursor + 1,
      last_seq: head,
      entries: head - cursor,
    });
    await office.done('POST', '/v1/siem/sinks/all/dead-letters/redrive', { reason: 'it wants them now' });
    await eventually(async () => ((await sink('all')).dead_letters === 0 ? true : undefined));
    const distinct = new Set(receiver.events.flatMap(({ seq }) => seq ?? []));
    for (let seq = 1; seq <= head; seq += 1) expect(distinct).toContain(seq);
  });

  it('says what the receiver should have, so that it can compare', async () => {
    await office.done('POST', '/v1/siem/sinks/all/pause', { reason: 'to count' });
    expect((await office.call('POST', '/v1/siem/sinks/all/pause', { body: { reason: 'x' } })).body.error.code).toBe(
      'sink_paused',
    );
    const { body } = await office.call('GET', '/v1/siem/sinks/all/completeness');
    expect(body).toMatchObject({ from_seq: 1, left_out: 0, set_aside: 0, open: 0, filter: null });
    expect(body.settled).toBe(body.to_seq);
    const hashes = new Map(
      receiver.events.flatMap(({ seq, event }) =>
        seq === undefined ? [] : [[seq, String(Object(event).entry_hash)] as const],
      ),
    );
    const hash = createHash('sha256');
    for (let seq = 1; seq <= body.to_seq; seq += 1)
      hash.update(Buffer.from(hashes.get(seq)?.slice('sha256:'.length) ?? '', 'hex'));
    expect(body.digest).toBe(`sha256:${hash.digest('hex')}`);
    const { id } = await sink('all');
    expect((await office.call('DELETE', '/v1/siem/sinks/all?reason=over')).status).toBe(204);
    expect((await office.call('GET', '/v1/siem/sinks/all')).body.error.code).toBe('sink_not_found');
    expect(await sink(id)).toMatchObject({ status: 'deleted', state: 'deleted' });
    expect((await office.call('POST', `/v1/siem/sinks/${id}/resume`, { body: { reason: 'x' } })).body.error.code).toBe(
      'sink_deleted',
    );
  });
});

describe('settings', () => {
  it('are tried before they are kept, and the answer is shown', async () => {
    const tried = await office.done('POST', '/v1/siem/sinks/test', webhook('trial'));
    expect(tried.body).toMatchObject({ delivered: true, confirmed: true, code: null });
    expect(receiver.stored.get(tried.body.event_id)).toBe(1);
    receiver.faults.push('html_error');
    const refused = await office.done('POST', '/v1/siem/sinks/test', webhook('trial'));
    expect(refused.body).toMatchObject({ delivered: false, code: 'receiver_busy', cause: 'the receiver answered 502' });
    expect(
      (await office.call('GET', '/v1/siem/sinks')).body.data.map(({ name }: { name: string }) => name),
    ).not.toContain('trial');
    await recorded('sink.changed', { change: 'tested', delivered: true });
  });

  const url = 'https://siem.acme.example/';
  it.each([
    ['sink_settings_invalid', { settings: { url } }],
    ['sink_settings_invalid', { kind: 'file', settings: { path: '../log.ndjson' } }],
    ['sink_url_refused', { settings: { url: 'http://169.254.169.254/hook', signing_secret_refs: ['vault://siem'] } }],
    ['sink_url_invalid', { settings: { url: 'http://siem.acme.example/', signing_secret_refs: ['vault://siem'] } }],
    ['credential_unavailable', { settings: { url, signing_secret_refs: ['vault://nowhere'] } }],
    ['credential_ref_invalid', { settings: { url, signing_secret_refs: [SECRETS[0]] } }],
    ['sink_format_unsupported', { format: 'cef' }],
    ['sink_limits_invalid', { limits: { events: 100_000 } }],
    ['sink_start_invalid', { start: { seq: 1e9 } }],
    ['request_invalid', { leave_out: ['policy'] }],
  ])('are refused: %s', async (code, change) => {
    const { status, body } = await office.call('POST', '/v1/siem/sinks', { body: { ...webhook('wrong'), ...change } });
    expect(status).toBe(400);
    expect(body.error.code).toBe(code);
    expect(JSON.stringify(body)).not.toContain(SECRETS[0]);
  });

  it('are read by an auditor, and set by whoever operates', async () => {
    const { body: key } = await office.done('POST', '/v1/keys', { name: 'ann', roles: ['auditor'] });
    expect((await office.call('GET', '/v1/siem/sinks', { key: key.key })).status).toBe(200);
    const refused = await office.call('POST', '/v1/siem/sinks', { key: key.key, body: webhook('auditor') });
    expect(refused.body.error.code).toBe('role_missing');
  });

  it('are those of one workspace', async () => {
    const { body: made } = await office.done('POST', '/v1/siem/sinks', webhook('first-only'));
    const key = await addWorkspace(office.server);
    expect((await office.call('GET', '/v1/siem/sinks', { key })).body.data).toEqual([]);
    const reason = { reason: 'x' };
    const attempts: readonly (readonly [string, string, object?])[] = [
      ['GET', ''],
      ['PATCH', '', { name: 'mine' }],
      ['DELETE', '?reason=x'],
      ['POST', '/test', {}],
      ['POST', '/pause', reason],
      ['POST', '/resume', reason],
      ['GET', '/replays'],
      ['POST', '/replays', { from_seq: 1, to_seq: 1, ...reason }],
      ['POST', '/replays/rpl_1/cancel', {}],
      ['GET', '/dead-letters'],
      ['POST', '/dead-letters/redrive', reason],
      ['POST', '/dead-letters/drop', { ids: ['sdl_1'], ...reason }],
      ['GET', '/ledger'],
      ['GET', '/completeness'],
      ['GET', '/skips'],
      ['POST', '/skips', { to_seq: 1, ...reason }],
      ['POST', '/skips/skp_1/confirm', {}],
      ['POST', '/skips/skp_1/withdraw', {}],
    ];
    for (const [method, path, body] of attempts)
      for (const name of [made.id, 'first-only']) {
        const call = { key, ...(body === undefined ? {} : { body }) };
        const answer = await office.call(method, `/v1/siem/sinks/${name}${path}`, call);
        // A range is looked at in one's own log first, which is empty.
        expect([method, path, answer.body.error?.code]).toEqual([
          method,
          path,
          path === '/replays' && method === 'POST' ? 'replay_range_invalid' : 'sink_not_found',
        ]);
      }
    expect(await sink('first-only')).toMatchObject({ status: 'active' });
    await office.call('DELETE', '/v1/siem/sinks/first-only?reason=over');
  });
});

describe('a file', () => {
  it('gets lines, of what is not left out, while another sink is dead', async () => {
    const dead = { url: 'https://127.0.0.1:9/hook', signing_secret_refs: ['vault://siem'] };
    await office.done('POST', '/v1/siem/sinks', { name: 'dead', kind: 'webhook', settings: dead, start: { seq: 1 } });
    const file = { kind: 'file', settings: { path: 'siem/log.ndjson' }, start: { seq: 1 } };
    await office.done('POST', '/v1/siem/sinks', { ...file, name: 'tail', leave_out: ['log_reads', 'drift_checks'] });
    const now = await caughtUp('tail');
    const lines = readFileSync(join(folder, 'siem/log.ndjson'), 'utf8').trimEnd().split('\n');
    const seqs = lines.flatMap((line) => JSON.parse(line).seq ?? []);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    const kinds = new Set(lines.map((line) => JSON.parse(line).record?.kind));
    expect(kinds).not.toContain('log.read');
    expect(kinds).toContain('sink.skipped');
    await office.done('POST', '/v1/siem/sinks/tail/pause', { reason: 'to count' });
    const [day] = (await office.call('GET', '/v1/siem/sinks/tail/ledger')).body.data;
    expect(day.filtered).toBeGreaterThan(0);
    expect(day.produced + day.filtered).toBeGreaterThanOrEqual(now.cursor_seq);
    expect(await sink('dead')).toMatchObject({ cursor_seq: 0, last_error: { code: 'receiver_unreachable' } });
    expect((await sink('dead')).failures).toBeGreaterThan(0);
  });

  it('is nowhere but below the folder that the operator allows', async () => {
    symlinkSync(tmpdir(), join(folder, 'out'));
    const { body } = await office.call('POST', '/v1/siem/sinks', {
      body: { name: 'out', kind: 'file', settings: { path: 'out/log.ndjson' } },
    });
    expect(body.error.code).toBe('sink_path_refused');
    expect(readdirSync(folder)).toEqual(['out', 'siem']);
  });
});

describe('two nodes', () => {
  it('skip nothing when one takes over from the other', async () => {
    const second = await startSecondNode(office);
    receiver.events.length = 0;
    const { body: made } = await office.done('POST', '/v1/siem/sinks', webhook('both', { start: { seq: 1 } }));
    await caughtUp('both');
    // Whoever has the lease is taken for dead, again and again, while it is at work.
    for (let turn = 0; turn < 6; turn += 1) {
      await office.done('PATCH', '/v1/people/kim@acme.example', { label: `turn-${turn}` });
      await owned((client) =>
        client.query(
          `UPDATE sink_streams SET lease_node = 'node_gone', lease_until = now() - interval '1 second' WHERE sink_id = $1`,
          [made.id],
        ),
      );
    }
    await office.done('PATCH', '/v1/people/kim@acme.example', { label: 'last' });
    const now = await caughtUp('both', (await sink('both')).head_seq);
    await second.close();
    const seqs = receiver.events.flatMap(({ seq }) => seq ?? []);
    const first = seqs.filter((seq, place) => seqs.indexOf(seq) === place);
    expect(first).toEqual(first.map((_, place) => place + 1));
    expect(first.length).toBeGreaterThanOrEqual(now.cursor_seq);
    const bodies = Map.groupBy(receiver.events, ({ id }) => id);
    for (const same of bodies.values()) expect(new Set(same.map(({ event }) => JSON.stringify(event))).size).toBe(1);
  });
});

async function owned<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: office.server.ownerUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
