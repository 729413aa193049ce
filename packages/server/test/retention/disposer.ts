/** Runs one disposal, as a node does, until it is done or killed. Started by kill.test.ts. */
// Loads the folders in their order.
import '../../src/server.ts';
import { createPrivateKey } from 'node:crypto';
import pg from 'pg';
import type { WorkspaceId } from '../../src/ids.ts';
import { createActionLog } from '../../src/log/index.ts';
import { dispose } from '../../src/retention/dispose.ts';

const [, , url = '', workspace = '', key = ''] = process.argv;
const pool = new pg.Pool({ connectionString: url, max: 5 });
const log = await createActionLog({
  pool,
  connectionString: url,
  nodeId: `child-${process.pid}`,
  signingKey: createPrivateKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'pkcs8' }),
});
process.stdout.write('begins\n');
await dispose({ pool, log, nodeId: 'child', clock: Date.now }, workspace as WorkspaceId, 'system');
process.stdout.write('ended\n');
await log.close();
await pool.end();
