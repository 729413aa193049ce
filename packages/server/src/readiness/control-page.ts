/** All about one control: what it says, how it is tested, what deviates, and how it went at earlier runs. */
import type { Period } from '@hivekey/evidence';
import { BANNER, controlOf, withParameters } from '@hivekey/evidence/controls';
import type { z } from 'zod';
import { type ApiContext, openNameCursor, sealCursor } from '../api/route.ts';
import { inSnapshot } from '../evidence/index.ts';
import type { WorkspaceId } from '../ids.ts';
import { deviationsOf, evaluate, querySha256, queryText } from './evaluate.ts';
import { exemptionsAt, knownControl } from './exemptions.ts';
import { listRuns } from './run.ts';
import { testScope } from './scope.ts';
import { testOf } from './tests/index.ts';
import type { controlPageSchema } from './views.ts';

const TREND = 30;

type ControlPage = z.output<typeof controlPageSchema>;

/** Throws `control_not_found`, `cursor_invalid`. */
export async function controlPage(
  { pool, log, keys }: Pick<ApiContext, 'pool' | 'log' | 'keys'>,
  workspaceId: WorkspaceId,
  asked: string,
  period: Period,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<ControlPage> {
  const id = knownControl(asked);
  const list = { list: 'deviations', workspaceId, filter: { id, from: period.from, to: period.to } };
  const after = openNameCursor(keys.state, list, cursor);
  const runs = await listRuns(pool, workspaceId, undefined, TREND);
  return inSnapshot({ pool, log }, workspaceId, async ({ client, asOf }) => {
    const scope = await testScope({ client, workspaceId, asOf }, period);
    const exemption = (await exemptionsAt(scope)).get(id) ?? null;
    const { tested, verdict } = await evaluate(scope, id, exemption);
    const control = testOf(id);
    const rows = tested.error === null ? (await deviationsOf(scope, control, after, limit + 1)).deviations : [];
    const deviations = rows.slice(0, limit);
    const last = deviations.at(-1);
    const hasMore = rows.length > limit && last !== undefined;
    const known = controlOf(id);
    if (known === undefined) throw new Error(`no control ${id}`);
    const { words } = scope.parameters;
    const said = (text: string): string => withParameters(text, words);
    return {
      object: 'readiness_control',
      banner: BANNER,
      id,
      title: known.title,
      statement: said(known.statement),
      criteria: known.criteria,
      parameters: Object.fromEntries(known.parameters.map((name) => [name, words[name]])),
      ...verdict,
      population: tested.population,
      deviating: tested.deviating,
      deviations,
      sources: tested.sources,
      exemption,
      query_sha256: querySha256(control),
      period_from: period.from,
      period_to: period.to,
      as_of: asOf,
      member: known.member,
      test: said(known.test),
      enough_when: said(known.enough),
      remedy: known.remedy,
      sample: known.sample,
      query: queryText(control),
      has_more: hasMore,
      next_cursor: hasMore ? sealCursor(keys.state, list, [last.record_id]) : null,
      trend: runs.toReversed().flatMap(({ stored: { view, run } }) => {
        const then = run.controls.find((each) => each.id === id);
        const { id: of, made_at, period_from, period_to } = view;
        return then === undefined ? [] : [{ run: of, made_at, period_from, period_to, state: then.state }];
      }),
    };
  });
}
