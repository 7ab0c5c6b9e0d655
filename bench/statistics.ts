/** The value below which the share `of` of all values lies, nearest rank. Throws RangeError without values. */
export function quantile(values: readonly number[], of: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(of * sorted.length))];
  if (value === undefined) throw new RangeError('no values');
  return value;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
