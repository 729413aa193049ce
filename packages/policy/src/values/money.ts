/** Money as integer minor units of an ISO 4217 currency: no rounding, no sign, nothing beyond 2^53 - 1. */

/** ISO 4217 active codes by the number of decimals of their minor unit. Codes without one (XAU, XDR) are not money here. */
const BY_EXPONENT: readonly (readonly [number, string])[] = [
  [0, 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'],
  [
    2,
    'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW ' +
      'CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF ' +
      'IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK ' +
      'MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP ' +
      'SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ' +
      'ZAR ZMW ZWG',
  ],
  [3, 'BHD IQD JOD KWD LYD OMR TND'],
  [4, 'CLF UYW'],
];
const EXPONENTS: ReadonlyMap<string, number> = new Map(
  BY_EXPONENT.flatMap(([exponent, codes]) => codes.split(' ').map((code): [string, number] => [code, exponent])),
);
const SYMBOLS: Readonly<Record<string, string>> = { $: 'USD', '€': 'EUR', '£': 'GBP' };
const DECIMAL = /^(0|[1-9][0-9]*)(?:\.([0-9]+))?$/;
/** `$5,000`: separators are for people who write limits; an argument has none. */
const GROUPED = /^[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?$/;
const LITERAL = /^(?:([$€£]) ?([0-9][0-9.,]*)|([A-Z]{3}) ([0-9][0-9.,]*)|([0-9][0-9.,]*) ([A-Z]{3}))$/;

/** Why a value is no amount of money. */
export type MoneyFault = 'negative' | 'overflow' | 'too_precise' | 'not_a_number';

export interface Money {
  readonly currency: string;
  readonly minor: number;
}

/** Decimals of the minor unit, or undefined for an unknown currency. */
export function exponentOf(currency: string): number | undefined {
  return EXPONENTS.get(currency);
}

/** Every code that is money here. */
export function currencies(): readonly string[] {
  return [...EXPONENTS.keys()];
}

/** Impact unit in which a currency is counted: `usd`. */
export function unitOf(currency: string): string {
  return currency.toLowerCase();
}

/** The currency counted in a unit, or undefined for a unit that is not money. */
export function currencyOf(unit: string): string | undefined {
  const code = unit.toUpperCase();
  return unit === code.toLowerCase() && EXPONENTS.has(code) ? code : undefined;
}

/** Major units, as a JSON number or as a plain decimal string, to minor units. */
export function toMinor(value: number | string, exponent: number): number | MoneyFault {
  if (typeof value === 'number') {
    if (value < 0) return 'negative';
    if (Number.isInteger(value)) {
      // plus zero: -0 is 0
      const minor = value * 10 ** exponent + 0;
      return Number.isSafeInteger(minor) ? minor : 'overflow';
    }
    if (!Number.isFinite(value)) return 'not_a_number';
    // 1e-7 and the like: finer than any minor unit
    const text = String(value);
    return text.includes('e') ? 'too_precise' : decimalToMinor(text, exponent);
  }
  return decimalToMinor(value, exponent);
}

function decimalToMinor(text: string, exponent: number): number | MoneyFault {
  const found = DECIMAL.exec(text);
  if (found === null) return text.startsWith('-') && DECIMAL.test(text.slice(1)) ? 'negative' : 'not_a_number';
  const [, whole = '0', fraction = ''] = found;
  if (fraction.length > exponent && /[1-9]/.test(fraction.slice(exponent))) return 'too_precise';
  const minor = Number(whole + fraction.slice(0, exponent).padEnd(exponent, '0'));
  return Number.isSafeInteger(minor) ? minor : 'overflow';
}

/** `$500`, `$5,000.50`, `500 EUR`, `EUR 500`. Undefined when the text is not written as money. */
export function parseMoney(text: string): Money | MoneyFault | 'unknown_currency' | undefined {
  const found = LITERAL.exec(text);
  if (found === null) return undefined;
  const [, symbol, a, before, b, c, after] = found;
  const currency = symbol === undefined ? (before ?? after ?? '') : (SYMBOLS[symbol] ?? '');
  const amount = a ?? b ?? c ?? '';
  const exponent = exponentOf(currency);
  if (exponent === undefined) return 'unknown_currency';
  const minor = decimalToMinor(GROUPED.test(amount) ? amount.replaceAll(',', '') : amount, exponent);
  return typeof minor === 'number' ? { currency, minor } : minor;
}

/** `$500.00`, `500 JPY`. */
export function formatMoney(minor: number, currency: string): string {
  const exponent = exponentOf(currency) ?? 0;
  const digits = String(minor).padStart(exponent + 1, '0');
  const whole = exponent === 0 ? digits : digits.slice(0, -exponent);
  const amount = exponent === 0 ? whole : `${whole}.${digits.slice(-exponent)}`;
  return currency === 'USD' ? `$${amount}` : `${amount} ${currency}`;
}

/** An amount of any unit, as people read it: money with its currency, other units with their name. */
export function formatUnits(amount: number, unit: string | undefined): string {
  if (unit === undefined) return amount === 1 ? '1 call' : `${amount} calls`;
  const currency = currencyOf(unit);
  return currency === undefined ? `${amount} ${unit}` : formatMoney(amount, currency);
}
