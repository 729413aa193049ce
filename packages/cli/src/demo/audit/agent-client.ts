/** What an agent with tools of its own sends: it asks, acts, and says how it ended. Many calls, so without fetch. */
import { Agent, request } from 'node:http';

export interface Asked {
  readonly action: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly run_id?: string;
}

export type Answer =
  | { readonly kind: 'allow'; readonly event: string; readonly permit: string }
  | { readonly kind: 'deny'; readonly code: string }
  | { readonly kind: 'review'; readonly event: string; readonly approval: string; readonly expiresAtMs: number };

export interface Ended {
  readonly result: 'success' | 'error' | 'unknown' | 'not_attempted';
  readonly code?: string;
  readonly duration_ms?: number;
  /** By which the tool itself knows the call. */
  readonly reference?: string;
}

export class AgentCalls {
  readonly #url: URL;
  readonly #connections = new Agent({ keepAlive: true });

  constructor(url: string) {
    this.#url = new URL(url);
  }

  async ask(token: string, asked: Asked): Promise<Answer> {
    const { status, body } = await this.#post('/v1/actions', token, asked);
    if (status === 200) return { kind: 'allow', event: body.id, permit: body.permit.id };
    if (status === 202) {
      const { id, expires_at: expiresAt } = body.approval;
      return { kind: 'review', event: body.id, approval: id, expiresAtMs: expiresAt * 1000 };
    }
    if (status === 401 || status === 403) return { kind: 'deny', code: body.error.code };
    throw new Error(`${asked.action}: ${status} ${JSON.stringify(body)}`);
  }

  async end(token: string, permit: string, ended: Ended): Promise<void> {
    const { status, body } = await this.#post(`/v1/actions/${permit}/outcome`, token, ended);
    if (status !== 200) throw new Error(`the outcome of ${permit}: ${status} ${JSON.stringify(body)}`);
  }

  close(): void {
    this.#connections.destroy();
  }

  #post(path: string, token: string, sent: unknown): Promise<{ status: number; body: ServerAnswer }> {
    const text = JSON.stringify(sent);
    const { hostname, port } = this.#url;
    return new Promise((resolve, reject) => {
      const sending = request(
        {
          ...{ hostname, port, path, method: 'POST', agent: this.#connections },
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(text),
            // Nobody holds a line open until a person has decided.
            prefer: 'respond-async',
          },
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', reject);
          response.on('end', () => {
            const body: ServerAnswer = JSON.parse(Buffer.concat(parts).toString());
            resolve({ status: response.statusCode ?? 0, body });
          });
        },
      );
      sending.on('error', reject);
      sending.end(text);
    });
  }
}

/** The members that are looked at; which are there, the status says. */
interface ServerAnswer {
  readonly id: string;
  readonly permit: { readonly id: string };
  readonly approval: { readonly id: string; readonly expires_at: number };
  readonly error: { readonly code: string };
}
