/** What HiveKey implements for each criterion, as an OSCAL 1.2.2 component definition. It says supports; whether it does, runs say. */

import { CONTROLS, withParameters } from '../controls/controls.ts';
import { CRITERIA } from '../controls/criteria.ts';
import { BANNER } from '../controls/run.ts';
import type { Json } from '../types.ts';
import { OSCAL_NAMESPACE, OSCAL_VERSION } from './assessment-results.ts';
import { uuidOf } from './uuid.ts';

/** `words`: what the parameters say, by name; `at`: when they were read, ISO 8601 UTC. */
export function componentDefinition(version: string, at: string, words: Readonly<Record<string, string>>): Json {
  const name = (part: string): string => uuidOf(`component/${part}`);
  const criteria = Object.entries(CRITERIA).flatMap(([id, title]) => {
    const own = CONTROLS.filter(({ criteria }) => criteria.some((each) => each === id));
    return own.length === 0 ? [] : [{ id, title, own }];
  });
  return {
    'component-definition': {
      uuid: name('definition'),
      metadata: {
        title: 'HiveKey',
        'last-modified': at,
        version,
        'oscal-version': OSCAL_VERSION,
        remarks: BANNER,
      },
      components: [
        {
          uuid: name('hivekey'),
          type: 'software',
          title: 'HiveKey',
          description: 'Decides, records and stops what agents do with tools.',
          'control-implementations': [
            {
              uuid: name('tsc'),
              source:
                'https://www.aicpa-cima.com/resources/download/2017-trust-services-criteria-with-revised-points-of-focus-2022',
              description:
                'Trust Services Criteria 2017 (points of focus 2022), by id. The mapping is our judgement and says supports.',
              'implemented-requirements': criteria.map(({ id, title, own }) => ({
                uuid: name(id),
                'control-id': id,
                description: own.map((each) => `${each.id}: ${withParameters(each.statement, words)}`).join('\n'),
                props: own.map((each) => ({ name: 'control', ns: OSCAL_NAMESPACE, value: each.id })),
                remarks: title,
              })),
            },
          ],
        },
      ],
    },
  };
}
