/** Looks at all sinks again and again: for metrics, and for alerts, which leave by other ways than the sink. */
import { endCondition, raiseAlert } from '../alerts/index.ts';
import type { WorkspaceId } from '../ids.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import type { SinksContext } from './context.ts';
import { alertsOf, SINK_ALERTS, type SinkAlert } from './health.ts';
import { type Overview, overviewOf } from './overview.ts';
import { keepAlerted } from './store.ts';

const LOOK_EVERY_MS = 5_000;
/** What comes and goes is one alert. */
const SUPPRESS_SECONDS = 900;

type WatchContext = Pick<SinksContext, 'pool' | 'log' | 'logger' | 'observe' | 'clock'>;

export function watchSinks(context: WatchContext): Rounds {
  const watch = new Watch(context);
  return startRounds(
    LOOK_EVERY_MS,
    () => watch.look(),
    (error) => context.logger.debug({ err: error }, 'could not look at sinks'),
  );
}

class Watch {
  readonly #context: WatchContext;
  #seen = new Set<string>();

  constructor(context: WatchContext) {
    this.#context = context;
  }

  async look(): Promise<void> {
    const { pool, clock, observe } = this.#context;
    const { rows } = await pool.query<{ id: WorkspaceId }>('SELECT DISTINCT workspace_id AS id FROM sinks');
    const seen = new Set<string>();
    for (const { id } of rows)
      for (const overview of await overviewOf(pool, id, clock())) {
        this.#measure(overview);
        if (overview.sink.status !== 'deleted') seen.add(overview.sink.id);
        await this.#alert(overview);
      }
    for (const id of this.#seen) if (!seen.has(id)) observe.forget(id);
    this.#seen = seen;
  }

  #measure({ sink, standing, deadLetters }: Overview): void {
    if (sink.status === 'deleted') return;
    const { state, headSeq, cursorSeq, lagMs, gapMs } = standing;
    const seconds = { lagSeconds: lagMs / 1000, gapSeconds: gapMs / 1000 };
    this.#context.observe.stands(sink.id, { state, headSeq, cursorSeq, deadLetters, ...seconds });
  }

  /** Which alerts stand is on the row of the sink: of all nodes that see the same, one raises. */
  async #alert({ sink, stream, standing, deadLetters }: Overview): Promise<void> {
    const wanted = alertsOf(standing, deadLetters);
    const stands = new Set(sink.alerted);
    if (stands.size === wanted.length && wanted.every((rule) => stands.has(rule))) return;
    const { workspaceId, id, name } = sink;
    const subject = { kind: 'sink', id, name };
    const code = stream.holdCode ?? stream.lastErrorCode;
    await this.#context.log.transact(workspaceId, async (transaction) => {
      if (!(await keepAlerted(transaction.client, sink, wanted))) return;
      for (const rule of wanted)
        if (!stands.has(rule))
          await raiseAlert(transaction, workspaceId, {
            source: 'sink',
            rule,
            severity: SEVERITY[rule],
            subject,
            title: `${SINK_ALERTS[rule]} ${name}${stream.lastError === null ? '' : `: ${stream.lastError}`}`,
            evidence: { eventIds: [], count: rule === 'sink.dead_letters' ? deadLetters : 0 },
            link: `/pipelines/${id}`,
            suppress: { key: id, seconds: SUPPRESS_SECONDS },
            facts: {
              state: standing.state,
              head_seq: standing.headSeq,
              cursor_seq: standing.cursorSeq,
              lag_seconds: Math.round(standing.lagMs / 1000),
              dead_letters: deadLetters,
              ...(code === null ? {} : { code }),
            },
          });
      for (const rule of stands)
        if (!wanted.some((each) => each === rule))
          await endCondition(transaction, workspaceId, { source: 'sink', rule, subject });
    });
  }
}

const SEVERITY = {
  'sink.holding': 'high',
  'sink.failing': 'high',
  'sink.lagging': 'medium',
  'sink.silent': 'high',
  'sink.dead_letters': 'medium',
} as const satisfies Readonly<Record<SinkAlert, string>>;
