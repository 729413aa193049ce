/** Starting as `npm start` does, with many agents and roles, and what they cost in memory. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { HiveKey } from '../../packages/sdk/src/index.ts';
import { startEmbeddedPostgres } from '../../packages/server/src/database/index.ts';
import { echoCall, type Ground, gatewaySettings, openCompany, roleDocument } from '../company.ts';
import { median, openLoad } from '../load.ts';
import { type Subject, startServerProcess } from '../process.ts';
import { atMost, type Row } from '../rows.ts';
import type { Effort } from '../run.ts';

const AGENTS = 10_000;
const ROLES = 1_000;
const GRANTS = 10;
const STARTS = 5;
/** Agents that call, to see what the gateway keeps of each. */
const CALLING = 1_000;
const CALLING_AT_ONCE = 16;

interface Starts {
  readonly seconds: number;
  /** Bytes, once the policy has been read and a decision made. */
  readonly resident: number;
}

export async function benchScale(ground: Ground, { scale }: Effort): Promise<Row[]> {
  const agents = AGENTS * scale;
  const roles = ROLES * scale;
  const empty = await ground.folder();
  const full = await ground.folder();
  await withServer(empty, (admin) => seed(admin));
  await withServer(full, (admin) => seed(admin));
  await populate(full, agents, roles);
  // The start took what was written past the API for an older installation's; here it is published, as one revision.
  await withServer(full, async (admin) => {
    await admin.request('POST', '/v1/drift/restore', { body: { reason: 'written past the API for the benchmark' } });
  });
  const starts = { empty: [] as Starts[], full: [] as Starts[] };
  for (let run = 0; run < STARTS; run += 1) {
    starts.empty.push(await startOnce(empty));
    starts.full.push(await startOnce(full));
  }
  const seconds = median(starts.full.map((each) => each.seconds));
  const emptySeconds = median(starts.empty.map((each) => each.seconds));
  const resident = median(starts.full.map((each) => each.resident)) / 1e6;
  const emptyResident = median(starts.empty.map((each) => each.resident)) / 1e6;
  const size = `${agents} agents, ${roles} roles`;
  return [
    {
      measure: `start with the embedded PostgreSQL, ${size}`,
      value: seconds,
      unit: 's',
      baseline: `nearly empty: ${emptySeconds.toFixed(2)} s`,
      target: { text: '< 2 s', met: seconds < 2 },
    },
    {
      measure: `resident memory of the server after a first decision, ${size}`,
      value: resident,
      unit: 'MB',
      baseline: `nearly empty: ${emptyResident.toFixed(0)} MB`,
      target: atMost(200, resident, 'MB'),
    },
    {
      measure: `memory of a role with ${GRANTS} grants and a guard`,
      value: ((resident - emptyResident) * 1000) / roles,
      unit: 'KB',
    },
    await memoryOfCallers(ground, CALLING * scale),
  ];
}

async function withServer(data: string, work: (admin: HiveKey, server: Subject) => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  // The only setting that matters here: the database is the embedded one.
  const { HIVEKEY_DATABASE_URL: _, ...settings } = gatewaySettings('', data);
  const server = await startServerProcess(settings);
  const seconds = (performance.now() - startedAt) / 1000;
  try {
    const key = (await readFile(join(data, 'admin.key'), 'utf8')).trim();
    await work(new HiveKey({ url: `http://127.0.0.1:${server.port}`, key }), server);
  } finally {
    await server.stop();
  }
  return seconds;
}

async function startOnce(data: string): Promise<Starts> {
  let resident = 0;
  const seconds = await withServer(data, async (admin, server) => {
    const body = { roles: ['last'], action: 'seed.act', arguments: {} };
    await admin.request('POST', '/v1/policies/evaluate', { body });
    resident = server.residentBytes();
  });
  return { seconds, resident };
}

async function seed(admin: HiveKey): Promise<void> {
  await admin.request('PUT', '/v1/capabilities/seed.act', { body: { access: 'write' } });
  await admin.request('PUT', '/v1/roles/last', { body: roleDocument('last', ['seed.act']) });
  await admin.request('POST', '/v1/agents', { body: { name: 'first', role: 'last', owner: 'dana@acme.example' } });
}

/** Agents, roles and as many capabilities, as the API writes them. Through it this would take minutes. */
async function populate(data: string, agents: number, roles: number): Promise<void> {
  const postgres = await startEmbeddedPostgres(data);
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  const documents = Array.from({ length: roles }, (_, i) => {
    const allow = Array.from({ length: GRANTS }, (__, grant) => `tools.tool${(i + grant * 7) % roles}`);
    const guard = {
      id: 'rows',
      action: allow[0],
      when: { field: 'rows', lte: 100 },
      effect: 'allow',
      otherwise: 'deny',
    };
    return { name: `role-${i}`, document: roleDocument(`role-${i}`, [...new Set(allow)], [guard]) };
  });
  await client.query('BEGIN');
  await client.query(
    `INSERT INTO capabilities (workspace_id, name, access)
     SELECT w.id, 'tools.tool' || i, 'write' FROM workspaces w, generate_series(0, $1::int - 1) i`,
    [roles],
  );
  await client.query(
    `INSERT INTO roles (workspace_id, name, current_revision)
     SELECT w.id, d ->> 'name', 1 FROM workspaces w, jsonb_array_elements($1::jsonb) d`,
    [JSON.stringify(documents)],
  );
  await client.query(
    `INSERT INTO role_revisions (workspace_id, role, revision, document, sha256, author)
     SELECT w.id, d ->> 'name', 1, d -> 'document', 'bench', 'bench' FROM workspaces w, jsonb_array_elements($1::jsonb) d`,
    [JSON.stringify(documents)],
  );
  await client.query(
    `INSERT INTO agents (workspace_id, id, handle, skeleton, owner_id, created_by)
     SELECT p.workspace_id, 'agt_' || lpad(i::text, 12, '0'), 'agent-' || i, 'bench-' || i, p.id, 'bench'
       FROM people p, generate_series(1, $1::int) i`,
    [agents],
  );
  await client.query(
    `INSERT INTO agent_state (workspace_id, agent_id)
     SELECT workspace_id, id FROM agents WHERE created_by = 'bench'`,
  );
  await client.query(
    `INSERT INTO agent_roles (workspace_id, agent_id, role, position, granted_by)
     SELECT workspace_id, id, 'role-' || (right(id, 8)::int % $1::int), 1, 'bench' FROM agents WHERE created_by = 'bench'`,
    [roles],
  );
  // As if it were from before versions were kept: the next start takes what is there as it is.
  await client.query('ALTER TABLE object_adoptions DISABLE TRIGGER ALL');
  await client.query('DELETE FROM object_adoptions');
  await client.query('ALTER TABLE object_adoptions ENABLE TRIGGER ALL');
  await client.query('COMMIT');
  await client.end();
  await postgres.stop();
}

/** What each agent that has called leaves in memory: its principal, its place in the log, its allowance. */
async function memoryOfCallers(ground: Ground, count: number): Promise<Row> {
  const company = await openCompany(ground, { flags: ['--expose-gc'] });
  try {
    const [gateway] = company.gateways;
    if (gateway === undefined) throw new Error('no gateway');
    const tokens: string[] = [];
    // Names of two letters only, for names that look alike are refused.
    for (let i = 0; i < count; i += 1)
      tokens.push(await company.addAgent(`agent-${i.toString(2).replaceAll('0', 'x')}`));
    const [first = ''] = tokens;
    const warm = openLoad(echoCall(gateway.port, first), CALLING_AT_ONCE);
    await warm.run({ calls: 4 * count });
    await warm.close();
    await gateway.ask('collect');
    const before = gateway.residentBytes();
    for (const token of tokens) {
      const load = openLoad(echoCall(gateway.port, token), 1);
      await load.run({ calls: 2 });
      await load.close();
    }
    await gateway.ask('collect');
    const kilobytes = (gateway.residentBytes() - before) / tokens.length / 1000;
    return { measure: `memory of an agent that has called, ${count} of them`, value: kilobytes, unit: 'KB' };
  } finally {
    await company.close();
  }
}
