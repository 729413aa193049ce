/** Alerts as the parts of the server raise them: in a transaction of the log, which here is that of a second node. */
// The server first: its parts know each other in circles, which can be entered there.
import '../../src/server.ts';
import pg from 'pg';
import type { TestServer } from '../../../../test/setup/server.ts';
import { endCondition, type NewAlert, type Raised, raiseAlert } from '../../src/alerts/index.ts';
import { openDatabase } from '../../src/database/index.ts';
import { loadServerKeys } from '../../src/identity/keys.ts';
import type { WorkspaceId } from '../../src/ids.ts';
import { createActionLog } from '../../src/log/index.ts';

export interface Raiser {
  readonly workspaceId: WorkspaceId;
  raise(alert: Partial<NewAlert>): Promise<Raised>;
  /** The id of a new alert. */
  raised(alert: Partial<NewAlert>): Promise<string>;
  /** What alerts of this kind tell of is over. */
  over(of: Pick<NewAlert, 'source' | 'rule' | 'subject'>): Promise<void>;
  /** As the role that owns the schema. */
  sql(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  close(): Promise<void>;
}

const ALERT: NewAlert = {
  source: 'detection',
  rule: 'D01',
  ruleVersion: '1.0.0',
  severity: 'medium',
  subject: { kind: 'agent', id: 'agt_000000000000', name: 'some-bot' },
  title: 'Ten denials in five minutes.',
  evidence: { eventIds: ['evt_00000000000000000000000001'], count: 10 },
};

export async function openRaiser(server: TestServer): Promise<Raiser> {
  const keys = loadServerKeys(server.config.data, undefined);
  const database = await openDatabase({ ownerUrl: server.ownerUrl, roleKey: keys.databaseRole, maxConnections: 2 });
  const owner = new pg.Client({ connectionString: server.ownerUrl });
  await owner.connect();
  const { rows } = await owner.query<{ id: WorkspaceId }>('SELECT id FROM workspaces ORDER BY created_at LIMIT 1');
  const [first] = rows;
  if (first === undefined) throw new Error('there is no workspace');
  const workspaceId = first.id;
  const log = await createActionLog({
    pool: database.pool,
    connectionString: database.url,
    nodeId: 'raiser',
    signingKey: keys.signing,
  });
  const raiser: Raiser = {
    workspaceId,
    raise: (alert) =>
      log.transact(workspaceId, (transaction) => raiseAlert(transaction, workspaceId, { ...ALERT, ...alert })),
    over: (of) => log.transact(workspaceId, (transaction) => endCondition(transaction, workspaceId, of)),
    raised: async (alert) => {
      const raised = await raiser.raise(alert);
      if (raised.kind !== 'raised') throw new Error('it was suppressed');
      return raised.alertId;
    },
    sql: async (text, values = []) => (await owner.query(text, [...values])).rows,
    close: async () => {
      await log.close();
      await owner.end();
      await database.close();
    },
  };
  return raiser;
}
