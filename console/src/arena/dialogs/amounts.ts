/** In two figures that say something, never less. */
export function upwards(amount: number): number {
  if (amount <= 0) return 0;
  const unit = 10 ** (Math.floor(Math.log10(amount)) - 1);
  return Number((Math.ceil(amount / unit - 1e-9) * unit).toPrecision(2));
}

/** Room for as much again, in a round figure, but never less than it needs. */
export function suggested(least: number, limit: number): number {
  const wanted = Math.max(least, limit * 2);
  const unit = 10 ** Math.floor(Math.log10(wanted));
  return Math.max(least, Number((Math.ceil((wanted / unit) * 2) * (unit / 2)).toPrecision(3)));
}
