// format.js: numbers, times and money as the reader's country writes them.

import { locale } from './words.js';

const COUNT = new Intl.NumberFormat(locale);
const SHARE = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
const MILLISECONDS = new Intl.NumberFormat(locale, { style: 'unit', unit: 'millisecond', maximumFractionDigits: 0 });
const MONEY = new Intl.NumberFormat(locale, { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol' });
/** Below a dollar a call's cost would be rounded away. */
const SMALL_MONEY = new Intl.NumberFormat(locale, { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', minimumFractionDigits: 3, maximumFractionDigits: 3 });
const CLOCK = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const CLOCK_TO_THE_SECOND = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DAY_AND_CLOCK = new Intl.DateTimeFormat(locale, { day: '2-digit', month: '2-digit', hour: '2-digit', minute: '2-digit' });
const EXACTLY = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
const AGES = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]]
  .map(([unit, seconds]) => ({ seconds, as: new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: unit === 'second' ? 'narrow' : 'short' }) }));

export const count = (number) => COUNT.format(number);
export const share = (part, whole) => (whole ? SHARE.format(part / whole) : '–');
export const milliseconds = (number) => MILLISECONDS.format(number);

/** hookline's costs are cents, with fractions. */
export function money(cents) {
  return cents == null ? '' : (Math.abs(cents) < 100 ? SMALL_MONEY : MONEY).format(cents / 100);
}

/** 0:07, 12:34, 1:02:03. */
export function duration(ms) {
  if (ms == null) return '';
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const pad = (number) => String(number).padStart(2, '0');
  return hours ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`;
}

/** "3s", "2 min": the largest unit that fits, whole. */
export function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const unit = AGES.find((each) => seconds >= each.seconds) ?? AGES.at(-1);
  return unit.as.format(Math.floor(seconds / unit.seconds));
}

/** The time of day; with the day if it was not today. */
export function moment(time) {
  if (!time) return '';
  const date = new Date(time);
  return (date.toDateString() === new Date().toDateString() ? CLOCK : DAY_AND_CLOCK).format(date);
}

export const clock = (time) => CLOCK_TO_THE_SECOND.format(new Date(time));
export const exactly = (time) => (time ? EXACTLY.format(new Date(time)) : '');
