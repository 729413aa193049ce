/** Item 9: that agents can be stopped, how fast, and that nothing went through afterwards; real stops and drills apart. */
import { revocationDocument, revocationSvg } from '@hivekey/evidence';
import {
  type Attachment,
  endOf,
  pdfOf,
  population,
  type Report,
  type ReportContent,
  type ReportScope,
} from '../evidence/index.ts';
import { DRILLS, PROBES, probeRows, REVOCATIONS, revocationOf, revocationRows } from './revocation-rows.ts';
import { STOPS, type Stop, stopsOf } from './stops.ts';

/** Each takes most of a second to lay out; the tables have all of them. */
const MAX_PAGES = 25;

export const revocationsReport: Report = {
  id: 'revocations',
  folder: '09_revocation',
  item: 9,
  title: 'Revocation demonstrations',
  about:
    'Each stop of the period with a row for each tool and its own clock: when it was asked for, when it was refused, what was running, and that no call was let through afterwards. Last success and first denial come from the log, not from the measurement. What the tool does with a call that it had accepted already, and what somebody does with a credential that HiveKey does not hold, is not seen here.',
  controls: ['AG-06'],
  tables: [REVOCATIONS, DRILLS, PROBES],
  query: STOPS,
  read,
};

async function read(scope: ReportScope): Promise<ReportContent> {
  const stops = await stopsOf(scope);
  const real = stops.filter(({ rehearsal }) => rehearsal === null).flatMap(revocationRows);
  const drilled = stops.filter(({ rehearsal }) => rehearsal !== null).flatMap(revocationRows);
  const probed = stops.flatMap(probeRows);
  const counted = { count: ['kind', 'probe_result'] };
  const revocations = population(REVOCATIONS, real, counted);
  const drills = population(DRILLS, drilled, { count: ['status', 'probe_result'] });
  const probes = population(PROBES, probed, counted);
  return {
    rows: { [REVOCATIONS.name]: revocations.rows, [DRILLS.name]: drills.rows, [PROBES.name]: probes.rows },
    facts: async () => {
      const { rows } = await scope.client.query<{ drill: boolean; stops: number }>(
        `SELECT record ? 'rehearsal' AS drill, count(*) AS stops FROM actions
          WHERE workspace_id = $1 AND kind = 'containment.ordered' AND ts >= $2 AND ts < $3 GROUP BY 1`,
        [scope.workspaceId, scope.period.from, endOf(scope.period, scope.asOf)],
      );
      const facts = (of: typeof revocations, isDrill: boolean) => {
        const here = stops.filter(({ rehearsal }) => (rehearsal !== null) === isDrill).length;
        const logged = rows.find(({ drill }) => drill === isDrill)?.stops ?? 0;
        return of.facts(
          {},
          {
            control_totals: { stops: here, 'stops.log': logged },
            tie_out:
              here === logged
                ? 'equal'
                : { difference: here - logged, reason: `${here} stops are kept, the log has ${logged} orders` },
          },
        );
      };
      return {
        [REVOCATIONS.name]: facts(revocations, false),
        [DRILLS.name]: facts(drills, true),
        [PROBES.name]: probes.facts({}, { exclusions: notListed(stops) }),
      };
    },
    attachments: () => pages(scope, stops),
  };
}

function notListed(stops: readonly Stop[]) {
  const count = stops.filter(({ tools_listed: listed, rehearsal }) => !listed && rehearsal === null).length;
  return count === 0
    ? []
    : [
        {
          what: 'stops whose tools were not tried one by one',
          count,
          reason: 'The policy could not be read soon enough: a stop waits for its answer, not for a list.',
        },
      ];
}

/** `timeline.svg` and `report.pdf` are of the newest real stop, or of the newest drill where there was none; the others have their own. */
async function* pages(scope: ReportScope, stops: readonly Stop[]): AsyncGenerator<Attachment, void, undefined> {
  const newest = stops.findLast(({ rehearsal }) => rehearsal === null) ?? stops.at(-1);
  const ofWorkspace = await scope.client.query<{ name: string; environment: string; sample_data: boolean }>(
    'SELECT name, environment, sample_data FROM workspaces WHERE id = $1',
    [scope.workspaceId],
  );
  const { name: tenant = '', environment = '', sample_data: isSample = false } = ofWorkspace.rows[0] ?? {};
  const frame = {
    tenant,
    environment,
    period: scope.period,
    asOf: scope.asOf,
    generatedAt: scope.asOf,
    csvSha256: null,
    isSample,
  };
  const shown = stops.slice(-MAX_PAGES);
  const references = await referencesOf(scope, shown);
  for (const stop of shown) {
    const revocation = revocationOf(stop, (id) => references.get(id) ?? null);
    const svg = Buffer.from(revocationSvg(revocation));
    const pdf = await pdfOf(revocationDocument(frame, revocation));
    yield { path: `stops/${stop.id}.svg`, bytes: svg };
    yield { path: `stops/${stop.id}.pdf`, bytes: pdf };
    if (stop !== newest) continue;
    yield { path: 'timeline.svg', bytes: svg };
    yield { path: 'report.pdf', bytes: pdf };
  }
}

/** How the tools themselves know what was in flight. */
async function referencesOf(
  { client, workspaceId }: ReportScope,
  stops: readonly Stop[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ call: string; reference: string }>(
    `SELECT call_event_id AS call, record ->> 'tool_reference' AS reference FROM actions
      WHERE workspace_id = $1 AND kind = 'tool.result' AND call_event_id = ANY($2) AND record ? 'tool_reference'`,
    [workspaceId, stops.flatMap(({ calls }) => calls.map(({ event_id: id }) => id))],
  );
  return new Map(rows.map(({ call, reference }) => [call, reference]));
}
