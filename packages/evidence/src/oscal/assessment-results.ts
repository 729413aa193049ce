/**
 * A run as OSCAL 1.2.2 assessment results. OSCAL knows `satisfied` and `not-satisfied` alone: what is neither is `not-satisfied` with
 * a reason that says so, and never `satisfied`.
 */
import { BANNER, type RunControl, type RunCriterion, type RunDocument } from '../controls/run.ts';
import type { ControlState } from '../controls/states.ts';
import type { Json } from '../types.ts';
import { uuidOf } from './uuid.ts';

export const OSCAL_VERSION = '1.2.2';
/** Namespace of our own properties. */
export const OSCAL_NAMESPACE = 'https://hivekey.ai/ns/oscal';

export function assessmentResults(run: RunDocument): Json {
  const name = (part: string): string => uuidOf(`${run.id}/${part}`);
  return {
    'assessment-results': {
      uuid: name('assessment-results'),
      metadata: {
        title: `Controls of agents in ${run.workspace}`,
        'last-modified': run.as_of,
        version: run.id,
        'oscal-version': OSCAL_VERSION,
        remarks: BANNER,
      },
      'import-ap': { href: `#${name('plan')}` },
      results: [
        {
          uuid: name('result'),
          title: run.headline,
          description: BANNER,
          start: run.period_from,
          end: run.period_to,
          'reviewed-controls': {
            'control-selections': [{ 'include-controls': run.criteria.map(({ id }) => ({ 'control-id': id })) }],
          },
          observations: run.controls.map((control) => observationOf(run, control, name(control.id))),
          findings: run.criteria.map((criterion) => findingOf(criterion, run.controls, name)),
        },
      ],
      'back-matter': {
        resources: [
          {
            uuid: name('plan'),
            title: 'How the controls are tested',
            description:
              'Each control is tested by a query over the whole population of the period; no sample is drawn.',
          },
        ],
      },
    },
  };
}

function observationOf(run: RunDocument, control: RunControl, uuid: string): Json {
  const { id, title, statement, state, reason, population, deviating, query_sha256 } = control;
  return {
    uuid,
    title: `${id} ${title}`,
    description: statement,
    props: [
      prop('control', id),
      prop('state', tokenOf(state)),
      prop('population', String(population)),
      prop('deviations', String(deviating)),
      prop('query-sha256', query_sha256.replace('sha256:', '')),
    ],
    methods: ['TEST'],
    collected: run.as_of,
    'relevant-evidence': [
      { description: `The whole population of the period: ${population}; ${deviating} deviate.` },
      ...control.deviations.map(({ record_id, sentence }) => ({
        description: sentence === '' ? record_id : sentence,
        props: [prop('record', record_id)],
      })),
    ],
    remarks: reason,
  };
}

function findingOf(criterion: RunCriterion, controls: readonly RunControl[], name: (part: string) => string): Json {
  const { id, title, state } = criterion;
  const own = controls.filter((control) => criterion.controls.includes(control.id));
  const worst = own.filter((control) => control.state === state);
  return {
    uuid: name(`finding/${id}`),
    title: `${id}: ${title}`,
    description: own.map((control) => `${control.id} ${tokenOf(control.state)}`).join(', '),
    target: {
      type: 'objective-id',
      'target-id': id,
      status: {
        state: state === 'pass' ? 'satisfied' : 'not-satisfied',
        reason: tokenOf(state),
        remarks: worst.map((control) => `${control.id}: ${control.reason}`).join('\n'),
      },
    },
    'related-observations': own.map((control) => ({ 'observation-uuid': name(control.id) })),
  };
}

/** Own words of ours, by name. A value is text without spaces around it. */
function prop(name: string, value: string): Json {
  return { name, ns: OSCAL_NAMESPACE, value };
}

export function tokenOf(state: ControlState): string {
  return state.replaceAll('_', '-');
}
