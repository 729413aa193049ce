/** A browser, as far as signing in needs one: it keeps cookies and says of its requests what a page of the console would. */
import type { Answer, Client } from '../api/client.ts';

export class Browser {
  readonly #call: Client;
  readonly #origin: string;
  readonly cookies = new Map<string, string>();
  csrf = '';

  constructor(call: Client, origin: string) {
    this.#call = call;
    this.#origin = origin;
  }

  async request(method: string, path: string, body?: unknown): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await this.#call(method, path, {
      key: null,
      ...(body === undefined ? {} : { body }),
      headers: {
        ...(cookie === '' ? {} : { cookie }),
        ...(method === 'GET' ? {} : { origin: this.#origin, 'x-csrf-token': this.csrf }),
      },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return answer;
  }

  /** The session, whose CSRF token is sent from then on. */
  async session(): Promise<Answer> {
    const answer = await this.request('GET', '/v1/session');
    if (answer.status === 200) this.csrf = answer.body.csrf_token;
    return answer;
  }
}
