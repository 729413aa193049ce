/** Upper confidence bound of a rate of deviations. */

/** Halvings of the interval: a double has no more digits. */
const STEPS = 60;

/**
 * Exact one-sided Clopper–Pearson bound: the largest rate p with which so few deviations (or fewer) among `tested` would still be
 * seen with probability 1 − `confidence`. 25 tested, at 90 %: 0.088 for none, 0.147 for one, 0.199 for two.
 * Source: Clopper and Pearson, Biometrika 26 (1934). `deviations` from 0 to `tested`, both whole; 1 where nothing was tested.
 */
export function upperBound(tested: number, deviations: number, confidence = 0.9): number {
  if (!(Number.isSafeInteger(tested) && Number.isSafeInteger(deviations) && deviations >= 0 && deviations <= tested))
    throw new RangeError(`${deviations} deviations of ${tested} tested`);
  if (deviations === tested) return 1;
  const alpha = 1 - confidence;
  if (deviations === 0) return -Math.expm1(Math.log(alpha) / tested);
  let [low, high] = [deviations / tested, 1];
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2;
    if (atMost(tested, deviations, middle) > alpha) low = middle;
    else high = middle;
  }
  return high;
}

/** P(X ≤ k) of a binomial distribution. Summed from the largest term down, as a share of it: no term overflows, and small ones end it. */
function atMost(n: number, k: number, p: number): number {
  const odds = p / (1 - p);
  const peak = Math.min(k, Math.floor((n + 1) * p));
  let sum = 1;
  for (let i = peak, term = 1; i > 0 && term > sum * Number.EPSILON; i -= 1) {
    term *= i / ((n - i + 1) * odds);
    sum += term;
  }
  for (let i = peak, term = 1; i < k && term > sum * Number.EPSILON; i += 1) {
    term *= ((n - i) * odds) / (i + 1);
    sum += term;
  }
  return sum * Math.exp(lnChoose(n, peak) + peak * Math.log(p) + (n - peak) * Math.log1p(-p));
}

function lnChoose(n: number, k: number): number {
  return lnFactorial(n) - lnFactorial(k) - lnFactorial(n - k);
}

/** Stirling's series where it has 15 digits, and the product below. */
function lnFactorial(n: number): number {
  if (n < 16) {
    let product = 1;
    for (let i = 2; i <= n; i += 1) product *= i;
    return Math.log(product);
  }
  const x = n + 1;
  return (
    (x - 0.5) * Math.log(x) -
    x +
    Math.log(2 * Math.PI) / 2 +
    1 / (12 * x) -
    1 / (360 * x ** 3) +
    1 / (1260 * x ** 5) -
    1 / (1680 * x ** 7)
  );
}
