/**
 * Ids of the 2017 Trust Services Criteria (with the 2022 points of focus) for security, availability, confidentiality and
 * processing integrity, each with a few words of our own. The text of the criteria is AICPA's and is not here.
 */
export const CRITERIA = {
  'CC1.1': 'integrity and ethical values',
  'CC1.2': 'oversight by the board',
  'CC1.3': 'structures, reporting lines and authority',
  'CC1.4': 'competent people, found and kept',
  'CC1.5': 'people answer for their part of control',
  'CC2.1': 'information that control rests on',
  'CC2.2': 'what is told inside',
  'CC2.3': 'what is told outside',
  'CC3.1': 'objectives that risks are judged by',
  'CC3.2': 'risks found and analysed',
  'CC3.3': 'fraud considered',
  'CC3.4': 'changes that move risks',
  'CC4.1': 'evaluations of control, ongoing and separate',
  'CC4.2': 'deficiencies told and followed up',
  'CC5.1': 'control activities that lessen risks',
  'CC5.2': 'controls over technology',
  'CC5.3': 'policies and procedures put to work',
  'CC6.1': 'logical access to protected assets',
  'CC6.2': 'credentials given and taken away',
  'CC6.3': 'access by role, least privilege, separated duties',
  'CC6.4': 'physical access',
  'CC6.5': 'protection until disposal',
  'CC6.6': 'threats from outside the boundary',
  'CC6.7': 'information that is moved or removed',
  'CC6.8': 'software that is not wanted',
  'CC7.1': 'changed configurations and new weaknesses found',
  'CC7.2': 'anomalies monitored',
  'CC7.3': 'security events evaluated',
  'CC7.4': 'incidents responded to',
  'CC7.5': 'recovery from incidents',
  'CC8.1': 'changes authorised, tested, approved',
  'CC9.1': 'disruptions mitigated',
  'CC9.2': 'vendors and partners',
  'A1.1': 'capacity',
  'A1.2': 'environment, backup and recovery',
  'A1.3': 'recovery tested',
  'C1.1': 'confidential information known and kept',
  'C1.2': 'confidential information disposed of',
  'PI1.1': 'what processing is to do, specified',
  'PI1.2': 'inputs complete and accurate',
  'PI1.3': 'processing as specified',
  'PI1.4': 'outputs complete, accurate, timely',
  'PI1.5': 'what is stored is complete and accurate',
} as const;

export type CriterionId = keyof typeof CRITERIA;

export function isCriterion(id: string): id is CriterionId {
  return Object.hasOwn(CRITERIA, id);
}
