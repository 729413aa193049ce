/** Detections as the API gives them. Times are epoch seconds, unless they say otherwise. */

export type DetectionLevel = 'informational' | 'low' | 'medium' | 'high' | 'critical';

export type DetectionParameterValue = number | string | boolean | readonly string[];

/** What is done about a finding, beside the alert. Never about a test. */
export type DetectionAction =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'risk';
      readonly level: 'low' | 'medium' | 'high' | 'critical';
      readonly expires_in_seconds?: number;
    }
  | { readonly kind: 'quarantine'; readonly role?: string; readonly expires_in_seconds?: number }
  | { readonly kind: 'breaker'; readonly breaker: string }
  | { readonly kind: 'stop_proposal' };

/** What PUT takes: all that is set about a rule. */
export interface DetectionDocument {
  readonly enabled: boolean;
  readonly severity?: DetectionLevel;
  readonly suppression_seconds?: number;
  readonly parameters: Readonly<Record<string, DetectionParameterValue>>;
  readonly action: DetectionAction;
  /** Who answers for the rule. */
  readonly owner?: string;
  /** The rule itself, of one of the workspace's own: Sigma 2.1.0 in YAML. */
  readonly sigma?: string;
}

/** `GET /v1/detections` */
export interface Detection {
  readonly object: 'detection';
  readonly name: string;
  readonly shipped: boolean;
  readonly rule_id: string | null;
  readonly title: string;
  readonly description: string;
  readonly form: 'sigma' | 'native' | null;
  readonly rule_version: number | null;
  readonly file_digest: string | null;
  readonly digest: string | null;
  /** Null: it is as it is shipped. */
  readonly settings_version: number | null;
  readonly enabled: boolean;
  /** Why it does not run. */
  readonly problem: string | null;
  readonly level: DetectionLevel | null;
  /** What the workspace has set. */
  readonly severity: DetectionLevel | null;
  readonly suppression_seconds: number | null;
  readonly parameters: readonly {
    readonly name: string;
    readonly description: string;
    readonly value: DetectionParameterValue;
    readonly default: DetectionParameterValue;
    readonly min: number | null;
    readonly max: number | null;
  }[];
  readonly action: DetectionAction;
  readonly learned: boolean;
  readonly offers_action: boolean;
  readonly owner: string | null;
  readonly criteria: { readonly soc2: readonly string[]; readonly owasp_agentic: readonly string[] };
  readonly false_positives: readonly string[];
  readonly response: string;
  readonly fields: readonly string[];
  readonly findings_30_days: number;
  readonly last_finding_at: number | null;
  readonly author: string | null;
  readonly updated_at: number | null;
}

/** `GET /v1/detections/:rule` */
export interface DetectionRule extends Detection {
  /** As it is written. */
  readonly rule: string;
  readonly document: DetectionDocument;
}

export interface DetectionFinding {
  readonly object: 'finding';
  readonly id: string;
  readonly detection: string;
  readonly detection_id: string;
  readonly rule_version: number;
  readonly settings_version: number | null;
  readonly file_digest: string;
  readonly digest: string;
  readonly engine_version: string;
  readonly title: string;
  readonly severity: DetectionLevel;
  readonly clause: string | null;
  readonly reason: string;
  readonly group: Readonly<Record<string, string>>;
  /** ISO 8601. */
  readonly window_from: string;
  readonly window_to: string;
  readonly count: number;
  readonly count_is_exact: boolean;
  readonly evidence: readonly string[];
  readonly measured: Readonly<Record<string, number | string>>;
  readonly suppressed: number;
  readonly agent_id: string | null;
  readonly agent: string | null;
  readonly owner: string | null;
  readonly run_id: string | null;
  readonly seq: number;
  readonly synthetic: boolean;
  readonly live_test: string | null;
  readonly alert: string | null;
  /** What was done about it, or the code of why it was not. */
  readonly acted:
    | { readonly kind: string; readonly id: string | null }
    | { readonly kind: string; readonly refused: string }
    | null;
  readonly event_id: string;
  readonly found_at: number;
  readonly closed_at: number | null;
}

/** `GET /v1/detections/evaluator` */
export interface DetectionEvaluator {
  readonly object: 'detection_evaluator';
  /** Null: no node evaluates the workspace now. */
  readonly node: string | null;
  readonly next_seq: number;
  readonly written_seq: number;
  readonly head_seq: number;
  readonly lag_seconds: number;
  readonly state_bytes: number;
  readonly saved_at: number;
  readonly last_error: string | null;
}

/** A live test. Its moments are ISO 8601, UTC, milliseconds. */
export interface LiveTest {
  readonly object: 'live_test';
  readonly id: string;
  readonly detection: string;
  readonly rule_version: string;
  readonly file_digest: string;
  readonly kind: 'attack' | 'benign';
  readonly status: 'injecting' | 'waiting' | 'passed' | 'failed';
  readonly failure: string | null;
  readonly started_by: string;
  readonly started_at: string;
  readonly wait_until: string;
  readonly injected_event_ids: readonly string[];
  readonly injected_at: string | null;
  /** Sink → when its cursor had passed the last of the events. */
  readonly arrivals: Readonly<Record<string, string>>;
  readonly arrived_at: string | null;
  readonly finding_id: string | null;
  readonly alert_id: string | null;
  readonly alerted_at: string | null;
  readonly siem_alert_id: string | null;
  readonly siem_alerted_at: string | null;
  readonly siem_reported_by: string | null;
  readonly siem_reported_how: 'webhook' | 'hand' | null;
  readonly acknowledged_by: string | null;
  readonly acknowledged_at: string | null;
  readonly closed_at: string | null;
  readonly ended_at: string | null;
}

/** `GET /v1/detections/tests`: a live test or a sample of a report, as a reviewer reads it. */
export interface RuleTest {
  readonly test_id: string;
  readonly detection: string;
  readonly method: 'live' | 'samples';
  readonly kind: 'attack' | 'near-miss' | 'benign';
  readonly rule_version: string;
  readonly file_digest: string;
  readonly injected_event_ids: readonly string[];
  readonly injected_at: string | null;
  readonly arrived_at: string | null;
  readonly alerted_at: string | null;
  readonly alert_id: string | null;
  readonly notified: readonly string[];
  readonly acknowledged_by: string | null;
  readonly acknowledged_at: string | null;
  readonly closed_at: string | null;
  readonly siem_alert_id: string | null;
  readonly siem_alerted_at: string | null;
  readonly tested_at: string;
  readonly result: 'passed' | 'failed' | 'running';
  readonly failure: string | null;
}

/** `GET /v1/detections/test-duties` */
export interface RuleTestDuties {
  readonly object: 'rule_test_duties';
  /** `2026-Q4` */
  readonly quarter: string;
  readonly due_at: string;
  /** Rules that want a test yet. */
  readonly open: number;
  readonly rules: readonly {
    readonly detection: string;
    readonly positive_at: string | null;
    readonly negative_at: string | null;
    readonly is_done: boolean;
  }[];
}

/** A report of samples, signed with the key of the log. */
export interface RuleTestReport {
  readonly object: 'rule_test_report';
  readonly id: string;
  readonly sha256: string;
  /** C2SP signed note. */
  readonly note: string;
  readonly operator: string;
  readonly made_at: string;
  readonly engine_version: string;
  readonly passed: number;
  readonly failed: number;
  readonly submitted_by: string;
  readonly created_at: number;
  readonly event_id: string;
}
