/** Patterns come from upstreams and texts from agents: RE2 takes linear time whatever they are. */
import { RE2JS } from 're2js';

export interface LinearRegExp {
  test(text: string): boolean;
  /** The pattern: Ajv keeps patterns apart by their text. */
  toString(): string;
}

/** Throws on a pattern that RE2 does not know. */
export function linearRegExp(pattern: string): LinearRegExp {
  const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
  return { test: (text) => compiled.matcher(text).find(), toString: () => pattern };
}
