/** Runs a documented sequence of requests: a list of steps with what each must answer, kept as data. */
import { isDeepStrictEqual } from 'node:util';
import type { Directory } from './directory.ts';

interface Step {
  readonly does: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Another token than that of the directory. */
  readonly token?: string;
  readonly status: number;
  /** Path in the answer → value; `"<any>"`: it is there, `"<none>"`: it is not. */
  readonly answers?: Readonly<Record<string, unknown>>;
  /** Name → path in the answer; later steps write `{{name}}`. */
  readonly keeps?: Readonly<Record<string, string>>;
  readonly withinMs?: number;
}

export interface Sequence {
  readonly name: string;
  readonly source: string;
  readonly steps: readonly Step[];
}

function at(body: unknown, path: string): unknown {
  let value = body;
  for (const part of path.split('/')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

function filled(value: unknown, kept: ReadonlyMap<string, string>): unknown {
  const text = JSON.stringify(value).replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) =>
    JSON.stringify(kept.get(name) ?? `no ${name}`).slice(1, -1),
  );
  return JSON.parse(text);
}

/** What went otherwise than it must; empty when nothing did. */
export async function run(
  directory: Directory,
  { steps }: Sequence,
  variables: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const kept = new Map(Object.entries(variables));
  const problems: string[] = [];
  for (const [i, raw] of steps.entries()) {
    const step = filled(raw, kept) as Step;
    const { method, path, body, headers, token } = step;
    const url = path.replaceAll(' ', '%20').replaceAll('"', '%22');
    const startedMs = performance.now();
    const answer = await directory.send(method, url, body, {
      ...headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    });
    const note = (what: string): number =>
      problems.push(`${i + 1} ${step.does}: ${what}: ${JSON.stringify(answer.body)}`);
    if (answer.status !== step.status) note(`${answer.status} in place of ${step.status}`);
    if (step.withinMs !== undefined && performance.now() - startedMs > step.withinMs) note('too slow');
    for (const [place, wanted] of Object.entries(step.answers ?? {})) {
      const found = at(answer.body, place);
      const fits =
        wanted === '<any>'
          ? found !== undefined && found !== null && found !== ''
          : wanted === '<none>'
            ? found === undefined
            : isDeepStrictEqual(found, wanted);
      if (!fits) note(`${place} is ${JSON.stringify(found)} in place of ${JSON.stringify(wanted)}`);
    }
    for (const [name, place] of Object.entries(step.keeps ?? {})) kept.set(name, String(at(answer.body, place)));
  }
  return problems;
}
