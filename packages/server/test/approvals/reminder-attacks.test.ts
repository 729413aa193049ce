/** What one workspace arranges keeps nobody else from being told. */
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../actions/workspace.ts';
import { type Office, openOffice } from './office.ts';

const MANY = 250;
/** As many as one look for those to be told takes on. */
const A_LOOK = 200;

let office: Office;
let admin: pg.Client;

beforeAll(async () => {
  office = await openOffice();
  admin = new pg.Client({ connectionString: office.server.ownerUrl });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await office.close();
});

it('tells of a call however many of before cannot be told of', async () => {
  await office.capability('notes.write', {});
  const guard = { id: 'held', action: '*', when: { field: 'n', gte: 0 }, effect: 'review' };
  await office.role('writer', ['notes.write'], [guard]);
  const bot = await office.agent('note-bot', 'writer');
  const held = async (n: number): Promise<string> => {
    const { body } = await office.act(bot.token, 'notes.write', { n }, { prefer: 'respond-async' });
    return body.approval.id;
  };
  const first = await held(1);
  await admin.query(
    `INSERT INTO approvals
     SELECT copy.* FROM approvals a, generate_series(1, $2) n,
            jsonb_populate_record(a, jsonb_build_object('id', 'apr_broken' || n, 'call_digest', 'broken' || n,
                                                        'requested_at', a.requested_at - interval '1 minute')) copy
      WHERE a.id = $1`,
    [first, A_LOOK],
  );
  await admin.query(
    `CREATE FUNCTION break_notice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$;
     CREATE TRIGGER break_notice BEFORE INSERT ON approval_notices
        FOR EACH ROW WHEN (NEW.approval_id LIKE 'apr_broken%') EXECUTE FUNCTION break_notice();
     INSERT INTO approval_reminders (workspace_id, capability, remind_after_seconds)
     SELECT id, 'notes.write', 1 FROM workspaces`,
  );
  const told = await eventually(async () => {
    const { body } = await office.call('GET', `/v1/approvals/${first}`);
    return body.told.length > 0 ? body.told : undefined;
  });
  expect(told).toMatchObject([{ kind: 'reminded' }]);
  // and those are tried again, for as long as they wait
  await admin.query('DROP TRIGGER break_notice ON approval_notices');
  await eventually(async () => {
    const { rows } = await admin.query("SELECT FROM approval_notices WHERE approval_id LIKE 'apr_broken%'");
    return rows.length > 0 ? true : undefined;
  });
  await admin.query("UPDATE approvals SET status = 'cancelled' WHERE id LIKE 'apr_broken%'");
  await admin.query('DELETE FROM approval_reminders');
});

it('tells as many as fit into a record, however many people and groups there are', async () => {
  const { body: workspace } = await office.call('GET', '/v1/workspace');
  await office.capability('mail.send', {});
  const guard = { id: 'held', action: '*', when: { field: 'note', ne: '' }, effect: 'review' };
  await office.role('mailer', ['mail.send'], [guard]);
  const bot = await office.agent('mail-bot', 'mailer');
  // addresses as long as they may be: of people with keys, and of people in a group
  await admin.query(
    `INSERT INTO people (workspace_id, id, email, groups)
     SELECT $1, 'per_' || kind || n, rpad(kind || n, 64, 'x') || '@' || rpad('', 180, 'y') || '.example', ARRAY[kind]
       FROM unnest(ARRAY['keys', 'crowd']) kind, generate_series(1, $2) n`,
    [workspace.id, MANY],
  );
  await admin.query(
    `INSERT INTO admin_keys (workspace_id, id, name, lookup_hmac, last4, created_by, person_id)
     SELECT $1, 'key_' || id, id, sha256(convert_to(id, 'UTF8')), '0000', 'test', id
       FROM people WHERE workspace_id = $1 AND 'keys' = ANY(groups)`,
    [workspace.id],
  );
  await admin.query(
    `INSERT INTO approval_reminders (workspace_id, capability, remind_after_seconds, escalate_after_seconds, escalate_to)
     VALUES ($1, '*', 1, 1, ARRAY['crowd'])`,
    [workspace.id],
  );
  const { body } = await office.act(bot.token, 'mail.send', { note: 'hello' }, { prefer: 'respond-async' });
  const told = await eventually(async () => {
    const { rows } = await admin.query<{ kind: string; to: string[] }>(
      `SELECT kind, record -> 'to' AS to FROM actions WHERE record ->> 'approval_id' = $1
          AND kind IN ('approval.reminded', 'approval.escalated') ORDER BY kind`,
      [body.approval.id],
    );
    return rows.length === 2 ? rows : undefined;
  });
  expect(told.map(({ kind, to }) => [kind, to.length])).toEqual([
    ['approval.escalated', 200],
    ['approval.reminded', 200],
  ]);
  // who was named comes before those who are told anyway
  expect(told[0]?.to.every((email) => email.startsWith('crowd'))).toBe(true);
});
