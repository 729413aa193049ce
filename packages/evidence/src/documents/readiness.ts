/** A readiness run as it is read: five counts, each control with what it rests on, and every deviation with its record. */
import type { ControlState, RunControl, RunDocument } from '../controls/index.ts';
import {
  type Block,
  type Emphasis,
  type EvidenceDocument,
  type Frame,
  facts,
  heading,
  paragraph,
  type Span,
} from './model.ts';

const WORDS: Readonly<Record<ControlState, readonly [string, Emphasis]>> = {
  fail: ['FAIL', 'missing'],
  not_enough_data: ['NOT ENOUGH DATA', 'strong'],
  did_not_occur: ['DID NOT OCCUR', 'muted'],
  pass: ['PASS', 'good'],
  not_applicable: ['NOT APPLICABLE', 'muted'],
};

export function readinessDocument(frame: Frame, run: RunDocument): EvidenceDocument {
  return {
    ...frame,
    title: 'Readiness',
    paper: 'portrait',
    blocks: [
      { kind: 'statement', text: run.headline },
      facts({
        Run: run.id,
        'Made by': run.actor,
        'Entries of the log': run.log_size,
        Checkpoint: run.log_checkpoint,
        Policy: run.policy_hash,
        Version: run.code_version,
      }),
      heading('Controls'),
      {
        kind: 'table',
        columns: [
          { title: 'control', weight: 1.4 },
          { title: 'what it says', weight: 5 },
          { title: 'state', weight: 2.4 },
          { title: 'tested', weight: 1.5, isNumber: true },
          { title: 'deviating', weight: 1.9, isNumber: true },
          { title: 'why', weight: 5 },
        ],
        rows: run.controls.map((control) => [
          control.id,
          control.title,
          state(control.state),
          String(control.population),
          String(control.deviating),
          control.reason,
        ]),
        empty: 'No control was tested.',
      },
      heading('Criteria'),
      {
        kind: 'table',
        columns: [
          { title: 'criterion', weight: 1 },
          { title: 'about', weight: 4 },
          { title: 'worst state', weight: 2 },
          { title: 'controls', weight: 3 },
        ],
        rows: run.criteria.map(({ id, title, state: worst, controls }) => [
          id,
          title,
          state(worst),
          controls.join(', '),
        ]),
        empty: 'No criterion was named.',
      },
      ...run.controls.filter(({ deviating }) => deviating > 0).flatMap(deviationBlocks),
    ],
  };
}

function deviationBlocks(control: RunControl): readonly Block[] {
  const rest = control.deviating - control.deviations.length;
  return [
    heading(`${control.id}: what deviates`),
    paragraph(control.statement, 'muted'),
    {
      kind: 'table',
      columns: [
        { title: 'record', weight: 3 },
        { title: 'kind', weight: 2 },
        { title: 'what', weight: 6 },
      ],
      rows: control.deviations.map(({ record_id: id, kind, sentence }) => [id, kind, sentence]),
      empty: 'None is named.',
    },
    ...(rest > 0 ? [paragraph(`${rest} more are in deficiencies.csv.`, 'muted')] : []),
  ];
}

function state(of: ControlState): Span {
  const [text, emphasis] = WORDS[of];
  return { text, emphasis };
}
