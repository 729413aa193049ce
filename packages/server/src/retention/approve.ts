/** Agreeing to what somebody else asked for: it is done in the same transaction, and payloads are gone before the answer. */
import type { Administrator } from '../api/route.ts';
import { prepareRedaction, stateRedaction } from './redact.ts';
import { approveRequest, type RetentionRequest, readRequest } from './requests.ts';
import { changedPeriods, readSettings, writeSettings } from './settings.ts';
import { carryOut, type WorkContext } from './work.ts';

/** Throws what {@link approveRequest}, a change of the settings, and a redaction do. */
export async function approve(context: WorkContext, who: Administrator, id: string): Promise<RetentionRequest> {
  const { workspaceId } = who;
  const { kind } = await readRequest(context.pool, workspaceId, id);
  if (kind === 'redaction') await prepareRedaction(context, workspaceId);
  const approved = await approveRequest(context.log, who, id, async (transaction, request, two) => {
    const { periods, redaction, reason, requested_by: requestedBy } = request;
    if (redaction !== null) await stateRedaction(transaction, who, request, redaction, two);
    if (periods === null) return;
    const settings = await readSettings(transaction.client, workspaceId);
    await writeSettings(transaction, who, changedPeriods(settings, periods), reason, { id, requestedBy });
  });
  if (kind === 'redaction') await carryOut(context, workspaceId, id);
  return approved;
}
