/**
 * JSON numbers as integers: a number is `steps` of 10^-9, and `finer` when it lies between that step and the next.
 * Bounds that are whole steps are compared exactly so, without floating point: shortest decimals are in the order
 * of the doubles they are written for.
 */

/** Decimals of a step. Money has at most four. */
export const DECIMALS = 9;

export interface Steps {
  readonly steps: bigint;
  readonly finer: boolean;
}

const WRITTEN = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:e([+-][0-9]+))?$/;

export function stepsOf(value: number | string): Steps | undefined {
  const [, sign, whole = '', fraction = '', exponent = '0'] = WRITTEN.exec(String(value)) ?? [];
  if (sign === undefined) return undefined;
  const shift = Number(exponent) + DECIMALS - fraction.length;
  if (Math.abs(shift) > 2_000) return undefined;
  const digits = BigInt(whole + fraction);
  const size = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
  const finer = shift < 0 && digits % 10n ** BigInt(-shift) !== 0n;
  if (sign === '') return { steps: size, finer };
  return { steps: finer ? -size - 1n : -size, finer };
}

/** A decimal text of that value; of a finer one, half a step further. */
export function decimalOf({ steps, finer }: Steps): string {
  const places = finer ? DECIMALS + 1 : DECIMALS;
  const scaled = finer ? steps * 10n + 5n : steps;
  const digits = String(scaled < 0n ? -scaled : scaled).padStart(places + 1, '0');
  const fraction = digits.slice(-places).replace(/0+$/, '');
  return `${scaled < 0n ? '-' : ''}${digits.slice(0, -places)}${fraction === '' ? '' : `.${fraction}`}`;
}
