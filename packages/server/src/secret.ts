import { inspect } from 'node:util';

const values = new WeakMap<Secret, string>();

/** A value that prints and serialises as `[secret]`. Only `reveal()` gives it out; grep for that to audit its uses. */
export class Secret {
  constructor(value: string) {
    values.set(this, value);
  }

  reveal(): string {
    return values.get(this) ?? '';
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
