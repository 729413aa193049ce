import type { Pool } from 'pg';
import type { RunningLog } from '../log/index.ts';
import type { Logger } from '../observability/index.ts';
import type { ActionPath } from '../path/index.ts';
import type { Previews } from '../previews/index.ts';
import type { ControlledTypes } from '../versions/index.ts';

/** What changes work with. */
export interface ChangesContext {
  readonly pool: Pool;
  readonly log: RunningLog;
  readonly path: Pick<ActionPath, 'invalidate'>;
  readonly logger: Logger;
  readonly controlled: ControlledTypes;
  readonly previews: Previews;
}
