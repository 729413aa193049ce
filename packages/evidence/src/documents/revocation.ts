/** One revocation on one page: the sentence, the drawing, and each tool with its own clock. */
import { type TimelineRow, timelineSvg } from '../charts/index.ts';
import { type EvidenceDocument, type Frame, facts, heading, NO_RECORD, paragraph, type Span } from './model.ts';
import { timeText } from './time.ts';

/** Times are ISO 8601 UTC; null: not known, and said so. */
export interface Revocation {
  readonly id: string;
  readonly kind: 'production' | 'drill';
  readonly agent: string;
  readonly trigger: string;
  readonly requestedBy: string;
  readonly approvedBy: string | null;
  readonly mechanism: string;
  readonly requestedAt: string;
  readonly lastSuccessAt: string | null;
  readonly firstDeniedAt: string | null;
  readonly tools: readonly RevokedTool[];
  readonly inFlight: readonly { readonly what: string; readonly outcome: string; readonly reference: string | null }[];
  readonly queuedCancelled: number;
  readonly subAgents: readonly string[];
  /** Successes after the request, and how long was looked; null: nobody looked. */
  readonly laterSuccesses: { readonly count: number; readonly hours: number } | null;
  /** Records that this is made of. */
  readonly records: readonly string[];
}

export interface RevokedTool {
  readonly tool: string;
  readonly credential: string;
  /** When nothing went through any more. */
  readonly effectiveAt: string | null;
  readonly probeAt: string | null;
  readonly probeResult: string | null;
  /** The probe was refused; null: there was no probe. */
  readonly isDenied: boolean | null;
  /** Until when a token lives on where it cannot be ended. */
  readonly residualUntil: string | null;
}

/** What happened, in the order in which an auditor asks; what is not known is said. */
export function revocationSentence(of: Revocation): string {
  const denied = of.tools.filter(({ isDenied }) => isDenied === true);
  const lastProbe =
    denied
      .map(({ probeAt }) => probeAt)
      .toSorted()
      .at(-1) ?? null;
  const parts = [
    of.lastSuccessAt === null ? 'no successful call before' : `last successful call ${clock(of.lastSuccessAt)}`,
    `request ${clock(of.requestedAt)}`,
    of.firstDeniedAt === null ? 'no denied call was seen' : `first denied ${clock(of.firstDeniedAt)}`,
    `probes denied on ${denied.length} of ${of.tools.length} tools${lastProbe === null ? '' : ` by ${clock(lastProbe)}`}`,
    inFlightText(of.inFlight),
    of.laterSuccesses === null
      ? 'nobody looked for later successes'
      : `${of.laterSuccesses.count} later ${of.laterSuccesses.count === 1 ? 'success' : 'successes'} up to +${of.laterSuccesses.hours} h`,
  ];
  const sentence = parts.join(', ');
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}

export function revocationDocument(frame: Frame, of: Revocation): EvidenceDocument {
  return {
    ...frame,
    title: `Revocation of ${of.agent}${of.kind === 'drill' ? ' (drill)' : ''}`,
    paper: 'portrait',
    blocks: [
      { kind: 'statement', text: revocationSentence(of) },
      facts({
        Revocation: `${of.id} (${of.kind})`,
        Trigger: of.trigger,
        'Requested by': of.requestedBy,
        'Approved by': of.approvedBy,
        Mechanism: of.mechanism,
        'Queued, cancelled': of.queuedCancelled,
        'Sub-agents': of.subAgents.length === 0 ? 'none' : of.subAgents.join(', '),
        ...(of.records.length > 0 && { Records: of.records.join(', ') }),
      }),
      ...(of.records.length > 0 ? [] : [paragraph(NO_RECORD.text, NO_RECORD.emphasis)]),
      { kind: 'drawing', svg: revocationSvg(of), alt: revocationSentence(of) },
      heading('Tools'),
      {
        kind: 'table',
        columns: [
          { title: 'tool', weight: 3 },
          { title: 'credential', weight: 3 },
          { title: 'effective after', weight: 2, isNumber: true },
          { title: 'probe', weight: 4 },
          { title: 'residual until', weight: 3 },
        ],
        rows: of.tools.map((tool) => [
          tool.tool,
          tool.credential,
          secondsAfter(of.requestedAt, tool.effectiveAt),
          probeText(tool),
          tool.residualUntil === null ? 'none' : timeText(tool.residualUntil),
        ]),
        empty: 'No tool was reachable for the agent.',
      },
      {
        kind: 'table',
        columns: [
          { title: 'call in flight', weight: 4 },
          { title: 'outcome', weight: 4 },
          { title: "provider's reference", weight: 3 },
        ],
        rows: of.inFlight.map(({ what, outcome, reference }) => [what, outcome, reference ?? 'none']),
        empty: 'No call was in flight.',
      },
    ],
  };
}

/** Also for `timeline.svg` of a bundle. */
export function revocationSvg(of: Revocation): string {
  const requested = Date.parse(of.requestedAt);
  const rows: TimelineRow[] = [
    ...(of.lastSuccessAt === null
      ? []
      : [
          {
            label: 'last success',
            points: [{ atMs: Date.parse(of.lastSuccessAt), label: clock(of.lastSuccessAt), tone: 'plain' } as const],
          },
        ]),
    { label: 'request', points: [{ atMs: requested, label: clock(of.requestedAt), tone: 'accent' }] },
    ...(of.firstDeniedAt === null
      ? []
      : [
          {
            label: 'first denied',
            points: [{ atMs: Date.parse(of.firstDeniedAt), label: clock(of.firstDeniedAt), tone: 'good' } as const],
          },
        ]),
    ...of.tools.map((tool): TimelineRow => {
      const probed =
        tool.probeAt === null
          ? []
          : [
              {
                atMs: Date.parse(tool.probeAt),
                label: tool.probeResult ?? '',
                tone: tool.isDenied === true ? ('good' as const) : ('bad' as const),
              },
            ];
      const span =
        tool.effectiveAt === null
          ? []
          : [{ fromMs: requested, toMs: Date.parse(tool.effectiveAt), tone: 'muted' as const }];
      return { label: tool.tool, spans: span, points: probed };
    }),
  ];
  return timelineSvg({ title: `Revocation of ${of.agent}`, rows });
}

function inFlightText(calls: Revocation['inFlight']): string {
  if (calls.length === 0) return 'no call in flight';
  const told = calls.map(({ outcome, reference }) =>
    reference === null ? outcome : `${outcome}, reference ${reference}`,
  );
  return `${calls.length} in flight (${told.join('; ')})`;
}

function probeText({ probeAt, probeResult, isDenied }: RevokedTool): string | Span {
  if (probeAt === null) return NO_RECORD;
  const text = `${probeResult ?? 'no answer'} at ${clock(probeAt)}`;
  return isDenied === true ? text : { text, emphasis: 'missing' };
}

function secondsAfter(from: string, to: string | null): string | Span {
  return to === null
    ? { text: 'not known', emphasis: 'missing' }
    : `${((Date.parse(to) - Date.parse(from)) / 1000).toFixed(1)} s`;
}

function clock(iso: string): string {
  return iso.slice(11);
}
