/** What of ours supports which control of whom. Our judgement, and no official mapping: it says supports, never satisfies. */
import { FRAMEWORKS, type FrameworkKey, frameworkOf } from './frameworks.ts';

export interface CrosswalkRow {
  readonly framework: string;
  readonly version: string;
  readonly id: string;
  readonly our_feature: string;
  readonly relation: 'supports';
  readonly source: string;
  /** Day the row was last looked at. */
  readonly confirmed_on: string;
}

const CONFIRMED_ON = '2026-11-26';

type Supported = Readonly<Partial<Record<FrameworkKey, readonly string[]>>>;

const FEATURES: Readonly<Record<string, Supported>> = {
  'agent registry with owner': {
    tsc: ['CC6.1', 'CC2.1', 'CC1.3'],
    iso42001: ['A.3.2', 'A.4.2'],
    nist: ['GOVERN 1.6', 'GOVERN 2.1'],
    eu: ['Art. 26(2)'],
    owasp: ['ASI03', 'ASI10'],
    aicm10: ['IAM-16'],
    aiuc: ['E004'],
  },
  'deny by default, capabilities, roles': {
    tsc: ['CC6.1', 'CC6.3'],
    iso42001: ['A.9.2', 'A.9.4'],
    nist: ['MAP 3.3', 'MAP 4.2'],
    eu: ['Art. 14(3)', 'Art. 26(1)'],
    owasp: ['ASI02', 'ASI03'],
    aicm10: ['IAM-16', 'IAM-17', 'IAM-19', 'AIS-11'],
    aicm111: ['IAM-18'],
    aiuc: ['B006', 'B007'],
  },
  'provisioning with approval': {
    tsc: ['CC6.2'],
    iso42001: ['A.3.2', 'A.6.2.5'],
    nist: ['GOVERN 2.1'],
    eu: ['Art. 26(1)'],
    owasp: ['ASI03'],
    aicm10: ['IAM-11', 'IAM-16'],
    aiuc: ['E004'],
  },
  'revocation, kill switch': {
    tsc: ['CC6.2', 'CC6.3', 'CC7.4'],
    iso42001: ['A.6.2.6', 'A.8.4'],
    nist: ['MANAGE 2.4', 'GOVERN 1.7'],
    eu: ['Art. 14(4)(e)'],
    owasp: ['ASI10', 'ASI08'],
    aicm10: ['IAM-19'],
    aicm111: ['IAM-18'],
    aiuc: ['C009'],
  },
  'access review': {
    tsc: ['CC6.2', 'CC6.3'],
    iso42001: ['cl. 9.1', 'A.9.2'],
    nist: ['GOVERN 1.5'],
    eu: ['Art. 26(2)'],
    owasp: ['ASI03'],
    aicm10: ['IAM-08'],
    aiuc: ['B007'],
  },
  'tool, MCP and model registry': {
    tsc: ['CC6.8', 'CC9.2'],
    iso42001: ['A.4.4', 'A.10.3'],
    nist: ['GOVERN 6.1', 'MAP 4.1', 'MANAGE 3.1'],
    owasp: ['ASI04'],
    aicm10: ['AIS-11'],
    aiuc: ['D003', 'E006'],
  },
  'delegation, sub-agents': {
    tsc: ['CC6.1', 'CC6.3'],
    iso42001: ['A.9.2'],
    nist: ['MAP 4.2'],
    eu: ['Art. 14(1)'],
    owasp: ['ASI07', 'ASI08'],
    aicm10: ['AIS-11'],
    aiuc: ['B006'],
  },
  'caps, rates, allow-lists': {
    tsc: ['CC6.6', 'CC6.7', 'CC5.1'],
    iso42001: ['A.9.2', 'A.9.4'],
    nist: ['MANAGE 1.3', 'MEASURE 2.7'],
    eu: ['Art. 9(2)', 'Art. 15(5)'],
    owasp: ['ASI02', 'ASI08'],
    aicm10: ['AIS-11'],
    aicm111: ['TVM-13'],
    aiuc: ['B006', 'D003'],
  },
  'approval gates': {
    tsc: ['CC6.3', 'CC5.1', 'PI1.3'],
    iso42001: ['A.9.2'],
    nist: ['MAP 3.5', 'GOVERN 3.2'],
    eu: ['Art. 14(1)', 'Art. 14(4)(d)', 'Art. 26(2)'],
    owasp: ['ASI09', 'ASI01'],
    aicm10: ['GRC-15'],
    aiuc: ['C009', 'D003'],
  },
  'untrusted-input and egress guard': {
    tsc: ['CC6.6', 'CC6.7'],
    iso42001: ['A.6.2.6'],
    nist: ['MEASURE 2.7'],
    eu: ['Art. 15(5)'],
    owasp: ['ASI01', 'ASI06'],
    aicm111: ['AIS-09', 'AIS-10', 'DSP-17'],
    aiuc: ['B002', 'B005'],
  },
  'versioning and review of roles, guards and prompts': {
    tsc: ['CC8.1', 'CC6.8'],
    iso42001: ['cl. 6.3', 'A.6.2.4', 'A.6.2.5'],
    nist: ['GOVERN 1.4'],
    eu: ['Art. 12(2)(a)'],
    owasp: ['ASI04', 'ASI10'],
    aiuc: ['E008'],
  },
  'freeze windows': {
    tsc: ['CC8.1'],
    iso42001: ['cl. 8.1'],
    nist: ['MANAGE 2.3'],
    eu: ['Art. 14(4)(e)'],
    owasp: ['ASI08'],
  },
  'blast-radius record and acceptance': {
    tsc: ['CC3.2', 'CC9.1'],
    iso42001: ['A.5.2', 'A.5.3', 'cl. 8.2'],
    nist: ['MAP 5.1', 'MANAGE 1.3', 'MANAGE 1.4'],
    eu: ['Art. 9(2)'],
    owasp: ['ASI02', 'ASI08'],
    aiuc: ['C001'],
  },
  'log of allowed and denied actions, in the path': {
    tsc: ['CC7.2', 'CC2.1', 'PI1.5'],
    iso42001: ['A.6.2.8'],
    nist: ['MEASURE 2.4', 'MEASURE 2.8'],
    eu: ['Art. 12(1)', 'Art. 12(2)'],
    owasp: ['ASI10'],
    aicm10: ['LOG-07', 'LOG-08'],
    aicm111: ['LOG-09', 'LOG-15', 'LOG-16'],
    aiuc: ['E015'],
  },
  'hash chain, retention, access to the log': {
    tsc: ['CC7.2', 'CC6.1', 'C1.1', 'C1.2'],
    iso42001: ['A.6.2.8', 'cl. 7.5.3'],
    nist: ['MEASURE 2.8'],
    eu: ['Art. 12(1)', 'Art. 26(6)'],
    owasp: ['ASI10'],
    aicm10: ['IAM-12', 'LOG-02', 'LOG-04', 'LOG-09'],
    aiuc: ['E015'],
  },
  'attribution to an owner': {
    tsc: ['CC6.1', 'CC1.5'],
    iso42001: ['A.3.2'],
    nist: ['GOVERN 2.1'],
    eu: ['Art. 26(2)'],
    owasp: ['ASI03', 'ASI09'],
    aicm10: ['LOG-08'],
    aicm111: ['LOG-09'],
    aiuc: ['E004'],
  },
  'SIEM, detections, rule tests': {
    tsc: ['CC7.2', 'CC7.3', 'CC4.1'],
    iso42001: ['A.6.2.6', 'cl. 9.1'],
    nist: ['MEASURE 2.4', 'MEASURE 3.1', 'MANAGE 4.1'],
    eu: ['Art. 26(5)', 'Art. 72'],
    owasp: ['ASI01', 'ASI10'],
    aicm10: ['LOG-05'],
    aiuc: ['C008'],
  },
  'incident record': {
    tsc: ['CC7.3', 'CC7.4', 'CC7.5'],
    iso42001: ['A.8.4', 'cl. 10.2'],
    nist: ['MANAGE 2.3', 'MANAGE 4.3', 'GOVERN 4.3'],
    eu: ['Art. 26(5)', 'Art. 73'],
    owasp: ['ASI08'],
    aicm10: ['LOG-05'],
    aiuc: ['E001', 'E002'],
  },
  'readiness runs': {
    tsc: ['CC4.1', 'CC4.2'],
    iso42001: ['cl. 9.1', 'cl. 9.2'],
    nist: ['MEASURE 1.2'],
    aicm10: ['A&A-06'],
    aiuc: ['E008'],
  },
};

/** By feature, then by framework; each row by itself says which version of which framework it is about. */
export const CROSSWALK: readonly CrosswalkRow[] = Object.entries(FEATURES).flatMap(([our_feature, supported]) =>
  FRAMEWORKS.flatMap((key) => {
    const { framework, version, source } = frameworkOf(key);
    return (supported[key] ?? []).map((id) => ({
      ...{ framework, version, id, our_feature, relation: 'supports' as const, source },
      confirmed_on: CONFIRMED_ON,
    }));
  }),
);
