/**
 * How sure it must be that a decision is of the person whose it is said to be. A workspace says it for each kind of decision;
 * every place where a person decides asks here, inside the transaction of the decision.
 */
import type { ClientBase, Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';

/**
 * `approve`: held calls. `lift`: undoing a stop or quarantine. `override`: of freezes. `confirm`: what another proposed.
 * `sign_off`: reviews. `secret`: giving an upstream another credential. `change`: approving changes of what decides.
 */
export type Duty = 'approve' | 'lift' | 'override' | 'confirm' | 'sign_off' | 'secret' | 'change';

/** What one may do alone takes no person, unless it takes a step-up. */
const ALONE: ReadonlySet<Duty> = new Set(['lift', 'secret']);

/** `recent`: a step-up not long ago. `signed`: a passkey over the very decision; where nothing can be signed, as `recent`. */
type StepUpLevel = 'none' | 'recent' | 'signed';

export interface Assurance {
  /** Whether whatever takes a person takes their own sign-in, or a key that belongs to them is enough. */
  readonly peopleDecide: 'keys' | 'sessions';
  readonly stepUp: Readonly<Record<Duty, StepUpLevel>>;
  readonly stepUpSeconds: number;
}

const DEFAULT_ASSURANCE: Assurance = {
  peopleDecide: 'keys',
  stepUp: {
    approve: 'none',
    lift: 'none',
    override: 'none',
    confirm: 'none',
    sign_off: 'none',
    secret: 'none',
    change: 'none',
  },
  stepUpSeconds: 300,
};

export async function readAssurance(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<Assurance> {
  const { rows } = await client.query<Assurance>(
    `SELECT people_decide AS "peopleDecide", step_up AS "stepUp", step_up_seconds AS "stepUpSeconds"
       FROM sign_in_settings WHERE workspace_id = $1`,
    [workspaceId],
  );
  const [row] = rows;
  return row === undefined ? DEFAULT_ASSURANCE : { ...row, stepUp: { ...DEFAULT_ASSURANCE.stepUp, ...row.stepUp } };
}

/** Who decides, as far as it matters here. An account in Slack has no session. */
export type Decider = Pick<Administrator, 'workspaceId' | 'session'>;

/** What is known of a signature over the decision, after it was checked. */
export interface Signature {
  /** How the person was signed in when the passkey was registered. */
  readonly registeredBy: string;
}

/**
 * Why this is not sure enough; undefined when it is. `signature`: over this decision, verified. `canSign`: it is a decision
 * that can be signed.
 */
export async function assuranceProblem(
  client: Pool | ClientBase,
  who: Decider,
  duty: Duty,
  now: Date,
  { signature, canSign = false }: { readonly signature?: Signature | undefined; readonly canSign?: boolean } = {},
): Promise<Failure | undefined> {
  return judge(await readAssurance(client, who.workspaceId), who, duty, now, signature, canSign);
}

/** Of a decision that is never dangerous, such as a denial: it takes no step-up, but it is a person's all the same. */
export async function ownSignInProblem(
  client: Pool | ClientBase,
  { workspaceId, session }: Decider,
): Promise<Failure | undefined> {
  const { peopleDecide } = await readAssurance(client, workspaceId);
  return peopleDecide === 'sessions' && !isOwnSignIn(session) ? signInRequired() : undefined;
}

function isOwnSignIn(session: Decider['session']): boolean {
  return session !== undefined && session.method !== 'key';
}

/** As `assuranceProblem`, where a refusal needs no record of its own. */
export async function checkAssurance(client: Pool | ClientBase, who: Decider, duty: Duty, now: Date): Promise<void> {
  const problem = await assuranceProblem(client, who, duty, now);
  if (problem !== undefined) throw problem;
}

function judge(
  { peopleDecide, stepUp, stepUpSeconds }: Assurance,
  { session }: Decider,
  duty: Duty,
  now: Date,
  signature: Signature | undefined,
  canSign: boolean,
): Failure | undefined {
  if (peopleDecide === 'sessions' && !ALONE.has(duty) && !isOwnSignIn(session)) return signInRequired();
  const level = stepUp[duty];
  if (level === 'none') return undefined;
  // A passkey that the holder of a key registered says no more than that key.
  const isOwn = signature !== undefined && (peopleDecide === 'keys' || signature.registeredBy !== 'key');
  if (isOwn) return undefined;
  if (level === 'signed' && canSign) return signatureRequired();
  const at = session?.steppedUpAtMs;
  const isRecent = at !== undefined && at > now.getTime() - stepUpSeconds * 1000;
  return isRecent ? undefined : stepUpRequired(stepUpSeconds);
}

function signInRequired(): Failure {
  return new Failure(
    403,
    'sign_in_required',
    'In this workspace people decide by their own sign-in, and this is none.',
    'Sign in to the console by your identity provider.',
  );
}

function stepUpRequired(seconds: number): Failure {
  return new Failure(
    403,
    'step_up_required',
    `This takes proof, not older than ${seconds} s, that it is you.`,
    'In the console: confirm with your passkey (POST /v1/session/step-up), or sign in anew at your provider (POST /v1/session/step-up/provider).',
  );
}

function signatureRequired(): Failure {
  return new Failure(
    403,
    'step_up_required',
    'This decision takes the signature of a passkey of yours over it.',
    'In the console: confirm with your passkey. Over HTTP: POST /v1/approvals/:id/challenge or /v1/changes/:change/challenge, and `signature` with the decision.',
  );
}
