/** Ranks, and how far two rankings agree. */

/** Ranks from 0; ties share their mean rank. */
function ranksOf(values: Float32Array): Float64Array {
  const order = Int32Array.from(values.keys()).sort((a, b) => values[a] - values[b]);
  const ranks = new Float64Array(values.length);
  for (let i = 0; i < order.length;) {
    let end = i + 1;
    while (end < order.length && values[order[end]] === values[order[i]]) end += 1;
    for (let k = i; k < end; k++) ranks[order[k]] = (i + end - 1) / 2;
    i = end;
  }
  return ranks;
}

/** Spearman's rank correlation, -1..1; 0 where one of the two is constant. */
export function rankCorrelation(a: Float32Array, b: Float32Array): number {
  const [p, q] = [ranksOf(a), ranksOf(b)];
  const mean = (a.length - 1) / 2;
  let [pq, pp, qq] = [0, 0, 0];
  p.forEach((rank, i) => {
    pq += (rank - mean) * (q[i] - mean);
    pp += (rank - mean) ** 2;
    qq += (q[i] - mean) ** 2;
  });
  return pp && qq ? pq / Math.sqrt(pp * qq) : 0;
}
