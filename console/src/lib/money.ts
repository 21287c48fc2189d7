import type { Money } from '@parley/sdk';

export type Currency = Money['currency'];

/** Every currency that the server takes. That none is missing and none is too many, the compiler says below. */
export const CURRENCIES = [
  ...(['AED', 'AFN', 'ALL', 'AMD', 'AOA', 'ARS', 'AUD', 'AWG', 'AZN', 'BAM', 'BBD', 'BDT', 'BHD', 'BIF'] as const),
  ...(['BMD', 'BND', 'BOB', 'BRL', 'BSD', 'BTN', 'BWP', 'BYN', 'BZD', 'CAD', 'CDF', 'CHF', 'CLP', 'CNY'] as const),
  ...(['COP', 'CRC', 'CUP', 'CVE', 'CZK', 'DJF', 'DKK', 'DOP', 'DZD', 'EGP', 'ERN', 'ETB', 'EUR', 'FJD'] as const),
  ...(['FKP', 'GBP', 'GEL', 'GHS', 'GIP', 'GMD', 'GNF', 'GTQ', 'GYD', 'HKD', 'HNL', 'HTG', 'HUF', 'IDR'] as const),
  ...(['ILS', 'INR', 'IQD', 'IRR', 'ISK', 'JMD', 'JOD', 'JPY', 'KES', 'KGS', 'KHR', 'KMF', 'KPW', 'KRW'] as const),
  ...(['KWD', 'KYD', 'KZT', 'LAK', 'LBP', 'LKR', 'LRD', 'LSL', 'LYD', 'MAD', 'MDL', 'MGA', 'MKD', 'MMK'] as const),
  ...(['MNT', 'MOP', 'MRU', 'MUR', 'MVR', 'MWK', 'MXN', 'MYR', 'MZN', 'NAD', 'NGN', 'NIO', 'NOK', 'NPR'] as const),
  ...(['NZD', 'OMR', 'PAB', 'PEN', 'PGK', 'PHP', 'PKR', 'PLN', 'PYG', 'QAR', 'RON', 'RSD', 'RUB', 'RWF'] as const),
  ...(['SAR', 'SBD', 'SCR', 'SDG', 'SEK', 'SGD', 'SHP', 'SLE', 'SOS', 'SRD', 'SSP', 'STN', 'SVC', 'SYP'] as const),
  ...(['SZL', 'THB', 'TJS', 'TMT', 'TND', 'TOP', 'TRY', 'TTD', 'TWD', 'TZS', 'UAH', 'UGX', 'USD', 'UYU'] as const),
  ...(['UZS', 'VED', 'VES', 'VND', 'VUV', 'WST', 'XAF', 'XCD', 'XCG', 'XOF', 'XPF', 'YER', 'ZAR', 'ZMW'] as const),
  'ZWG' as const,
] satisfies readonly Currency[];

type Missing = Exclude<Currency, (typeof CURRENCIES)[number]>;
// A currency that the server takes and the list above does not have, stands in the error of this line.
const NONE_MISSING: [Missing] extends [never] ? true : Missing = true;

export const isCurrency = (text: string): text is Currency =>
  NONE_MISSING && (CURRENCIES as readonly string[]).includes(text);

const NO_PLACES = new Set<string>([
  ...['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'],
]);
const THREE_PLACES = new Set<string>(['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND']);

/** Places after the point, as ISO 4217 has them; `Intl` tells those of everyday use, and differs for a dozen. */
export const places = (currency: Currency): number =>
  NO_PLACES.has(currency) ? 0 : THREE_PLACES.has(currency) ? 3 : 2;

const NAMES = new Intl.DisplayNames('en-GB', { type: 'currency' });
export const currencyName = (currency: Currency): string => NAMES.of(currency) ?? currency;

/** `€19.99`, `JP¥1,999`: minor units in the currency's own way. */
export function money({ amount, currency }: Money): string {
  const digits = places(currency);
  const format = new Intl.NumberFormat('en-GB', {
    ...{ style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits },
  });
  // As a decimal text: exact, where a division would round.
  return format.format(typedOf({ amount, currency }) as Intl.StringNumericLiteral);
}

/** Minor units as one types them: `19.99`. */
export function typedOf({ amount, currency }: Money): string {
  const digits = places(currency);
  const text = String(amount).padStart(digits + 1, '0');
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** The server's limit of a price. */
const MOST = 1_000_000_000_000;

/** What was typed as minor units, or what is wrong with it. Point and comma both divide; neither groups thousands. */
export function amountOf(typed: string, currency: Currency): { amount: number } | { problem: string } {
  const digits = places(currency);
  const [, whole, fraction = ''] = /^(\d{1,15})(?:[.,](\d*))?$/.exec(typed.replaceAll(/[\s’']/g, '')) ?? [];
  if (whole === undefined) return { problem: `A price like ${digits === 0 ? '1999' : `19.${'9'.repeat(digits)}`}.` };
  if (fraction.length > digits) return { problem: `${currency} has ${PLACES[digits]} after the point.` };
  const amount = Number(whole + fraction.padEnd(digits, '0'));
  return amount > MOST ? { problem: `At most ${money({ amount: MOST, currency })}.` } : { amount };
}

const PLACES = ['no places', 'one place', 'two places', 'three places'];
