/** Γ(0.6)²/Γ(1.2): the complete beta function of the one distribution that diffusers uses. */
const shape = 0.6;
const completeBeta = 1.489_192_248_812_817_1 ** 2 / 0.918_168_742_399_760_7;

/** The continued fraction of the incomplete beta function by Lentz's method. Source: Abramowitz and Stegun 26.5.8. */
function continuedFraction(x: number): number {
  const tiny = 1e-300;
  const away = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((shape + shape) * x) / (shape + 1));
  let result = d;
  for (let m = 1; m <= 300; m += 1) {
    const even = (m * (shape - m) * x) / ((shape + 2 * m - 1) * (shape + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    result *= d * c;
    const odd = (-(shape + m) * (2 * shape + m) * x) / ((shape + 2 * m) * (shape + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    const factor = d * c;
    result *= factor;
    if (Math.abs(factor - 1) < 1e-15) break;
  }
  return result;
}

/** P(X ≤ x) for X of the beta distribution with both shapes 0.6. */
function cumulative(x: number): number {
  if (x > 0.5) return 1 - cumulative(1 - x);
  return (x ** shape * (1 - x) ** shape * continuedFraction(x)) / (shape * completeBeta);
}

/** The x below which the beta distribution with both shapes 0.6 has the share `probability`: scipy's `beta.ppf(p, 0.6, 0.6)`, within 1e-12. */
export function betaQuantile(probability: number): number {
  if (probability <= 0) return 0;
  if (probability >= 1) return 1;
  let low = 0;
  let high = 1;
  while (high - low > 1e-15 * Math.max(high, 1e-3)) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (cumulative(middle) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
