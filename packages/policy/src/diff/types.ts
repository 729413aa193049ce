/** What tells two policies apart, in words. */

/**
 * `narrows` is certain: in one state of the world, no call is decided more laxly than before. `widens` is its mirror where
 * that was found, and whatever is granted, allowed or no longer refused. `changes`: neither is known. `neutral`: decides
 * nothing (an id, a description, an order).
 */
export type Direction = 'widens' | 'narrows' | 'changes' | 'neutral';

/** What one of the differences is about. */
export type DifferenceKind = 'role' | 'grant' | 'guard' | 'capability' | 'freeze' | 'sources';

export interface DifferenceItem {
  readonly kind: DifferenceKind;
  /** Role that it is about, or `workspace`; the name of a capability or freeze; `sources`. */
  readonly origin: string;
  readonly direction: Direction;
  /** One sentence without its full stop: "billing: the cap on payments.pay rises from $5,000 to $8,000 in 24 h". */
  readonly sentence: string;
  /** Capability, or pattern, whose calls it concerns. */
  readonly action?: string;
  /** Ids that the guard has before and after. */
  readonly guard?: { readonly before?: string; readonly after?: string };
}

/** What the class of a change is found by. Each is counted over the items, without looking at who wears the roles. */
export interface RiskInputs {
  readonly direction: Direction;
  /** Capabilities that a role gains. */
  readonly gained: readonly {
    readonly role: string;
    readonly capability: string;
    readonly access: 'read' | 'write' | 'unknown';
    readonly destructive: boolean;
    /** It declares money. */
    readonly spends: boolean;
  }[];
  readonly grantsLost: number;
  /** Guards that refuse, hold or count less than before, those that are gone among them. */
  readonly guardsLoosened: number;
  readonly guardsTightened: number;
  readonly guardsChanged: number;
  /** Of what is loosened or changed: caps and limits of calls; rules that people approve by. */
  readonly capsLoosened: number;
  readonly approvalsLoosened: number;
  /** Something that every agent is under is not narrowed but changed: guards of the workspace, freezes, sources, capabilities. */
  readonly workspaceWide: boolean;
}

export interface Difference {
  /** Policy hashes; equal where nothing is decided differently. */
  readonly before: string;
  readonly after: string;
  /** Of all items together: `narrows` only where each of them narrows or is neutral. */
  readonly direction: Direction;
  /** Those that decide first, then the neutral ones; within each by origin. */
  readonly items: readonly DifferenceItem[];
  readonly risk: RiskInputs;
}

/** `—` refused, `A` allowed, `A≤` allowed within limits, `H` a person decides, `F` stopped by a change freeze. */
export type CellMark = '—' | 'A' | 'A≤' | 'H' | 'F';

/** What somebody with one role may do with one capability. Found by asking the decision engine. */
export interface MatrixCell {
  readonly role: string;
  readonly capability: string;
  readonly mark: CellMark;
  /** In few words, the mark first: `A≤ $5,000 a call, $8,000 in 24 h, H > $1,000`. */
  readonly text: string;
  /** Guards that had a say in one of the answers, `<origin>/<id>`. */
  readonly guards: readonly string[];
  /** Freezes whose scope it is in, in force or not. */
  readonly freezes: readonly string[];
  /** Calls that were asked about. */
  readonly probes: number;
}

/** A cell that is not as it was. */
export interface CellDifference {
  readonly role: string;
  readonly capability: string;
  readonly before: MatrixCell;
  readonly after: MatrixCell;
}
