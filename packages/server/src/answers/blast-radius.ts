/** The most that an agent can do if it is compromised, what binds that, and who has accepted it. */
import { type RadiusReaders, type RadiusView, readRadius } from '../blast-radius/index.ts';
import type { WorkspaceId } from '../ids.ts';
import { type Answer, ASKED, type Claim, computed, iso, recorded, unrecorded } from './answer.ts';

const LINES: Readonly<Record<RadiusView['cells'][number]['line'], string>> = {
  alone: 'without help of a person',
  fooled: 'if one approver is fooled',
  bypassed: 'if nothing of the gateway holds',
};

const ACCEPTED = `
SELECT event_id FROM actions
 WHERE workspace_id = $1 AND kind NOT IN ('tool.call', 'tool.result') AND kind = 'blast_radius.accepted'
   AND record ->> 'acceptance' = $2`;

const SWEPT = `
SELECT id, event_id, differences, cells, inputs, made_at FROM blast_radius_certificates
 WHERE workspace_id = $1 AND policy_hash = $2 ORDER BY made_at DESC LIMIT 1`;

interface Swept {
  readonly id: string;
  readonly event_id: string;
  readonly differences: number;
  readonly cells: number;
  readonly inputs: number;
  readonly made_at: Date;
}

/** As of now: the numbers follow what is enforced. Throws `agent_not_found`. */
export async function blastRadiusAnswer(
  context: RadiusReaders,
  workspaceId: WorkspaceId,
  agent: string,
): Promise<Answer> {
  const { pool, clock } = context;
  const radius = await readRadius(context, workspaceId, { agent });
  const [accepted, swept] = await Promise.all([
    radius.acceptance === null
      ? undefined
      : pool.query<{ event_id: string }>(ACCEPTED, [workspaceId, radius.acceptance.id]),
    pool.query<Swept>(SWEPT, [workspaceId, radius.policy]),
  ]);
  const { name, id } = radius.subject;
  return {
    object: 'answer',
    question: 'blast_radius',
    asked: ASKED.blast_radius,
    agent: name,
    agent_id: id,
    as_of: new Date(clock()).toISOString(),
    period: null,
    sentence: sentenceOf(radius),
    claims: [
      ...boundClaims(radius),
      computed('Until it is contained', radius.containment.sentence, 'stops and rehearsals of the last 90 days'),
      ...radius.escalations.map(({ sentence }) => computed('Way up', sentence, radius.policy)),
      sweepClaim(swept.rows[0]),
      acceptanceClaim(radius, accepted?.rows[0]?.event_id ?? null),
    ],
    tables: [numbersTable(radius), bindingTable(radius)],
    not_covered: radius.excluded,
  };
}

function inADay({ cells }: RadiusView): readonly RadiusView['cells'][number][] {
  return cells.filter(({ horizon, line }) => horizon === '24h' && line === 'alone');
}

function sentenceOf(radius: RadiusView): string {
  const { name } = radius.subject;
  const most = inADay(radius).map(({ amount, unit }) =>
    amount.kind === 'bounded' ? amount.text : `${amount.kind.toUpperCase()} in ${unit.replaceAll('_', ' ')}`,
  );
  return most.length === 0
    ? `${name} can do nothing that is counted, in any 24 hours and without help of a person.`
    : `In any 24 hours and without help of a person, ${name} can do at most: ${most.join(', ')}.`;
}

function boundClaims(radius: RadiusView): readonly Claim[] {
  return inADay(radius).map(({ unit, amount, binding }) => {
    const why =
      amount.kind === 'bounded'
        ? binding.map(({ sentence, origin }) => `${sentence} (${origin})`)
        : amount.reasons.map(({ sentence }) => sentence);
    const what = `${amount.kind === 'bounded' ? amount.text : amount.kind.toUpperCase()} in 24 hours`;
    return computed(
      unit.replaceAll('_', ' '),
      why.length === 0 ? `${what}.` : `${what}: ${why.join('; ')}.`,
      radius.policy,
    );
  });
}

function sweepClaim(swept: Swept | undefined): Claim {
  if (swept === undefined) return unrecorded('Sweep', 'Reachability was not swept under the policy in force.');
  const { cells, inputs, differences, made_at: at, event_id: event } = swept;
  return recorded(
    'Sweep',
    `The decision engine was asked about ${inputs} calls in ${cells} cells; ${differences} differ from what is computed.`,
    event,
    { at: at.toISOString() },
  );
}

function acceptanceClaim({ acceptance, subject }: RadiusView, record: string | null): Claim {
  if (acceptance === null) return unrecorded('Acceptance', `Nobody has accepted the blast radius of ${subject.name}.`);
  const { person, accepted_at: at, until, exceeded, expired } = acceptance;
  const state = exceeded ? ', and a number is larger now' : expired ? ', and that time is over' : '';
  return recorded('Acceptance', `${person} accepted it until ${iso(until)?.slice(0, 10)}${state}.`, record, {
    at: iso(at),
    by: person,
  });
}

function numbersTable({ cells, horizons, units }: RadiusView): Answer['tables'][number] {
  return {
    name: 'numbers',
    title: 'At most',
    columns: ['what', 'line', ...horizons.map(({ id }) => (id === 'contained' ? 'until contained' : id))],
    rows: units.flatMap((unit) =>
      (Object.keys(LINES) as (keyof typeof LINES)[]).map((line) => [
        unit.replaceAll('_', ' '),
        LINES[line],
        ...horizons.map(({ id }) => {
          const cell = cells.find((each) => each.unit === unit && each.line === line && each.horizon === id);
          if (cell === undefined) return null;
          return cell.amount.kind === 'bounded' ? cell.amount.text : cell.amount.kind.toUpperCase();
        }),
      ]),
    ),
  };
}

function bindingTable(radius: RadiusView): Answer['tables'][number] {
  return {
    name: 'binding',
    title: 'What binds it in 24 hours, and how much of that was used at most',
    columns: ['what', 'guard', 'of', 'limit', 'largest use', 'share'],
    rows: inADay(radius).flatMap(({ unit, binding }) =>
      binding.map(({ sentence, origin, limit, used }) => [
        unit.replaceAll('_', ' '),
        sentence,
        origin,
        limit,
        used?.largest ?? null,
        used === null ? null : `${Math.round(used.share * 100)} %`,
      ]),
    ),
  };
}
