/** The product of `query` with each of the vectors in `values`, into `products`. */
export function dotProducts(query: Int8Array, values: Int8Array, products: Int32Array): void {
  const dimensions = query.length;
  for (let n = 0, at = 0; at < values.length; n++) {
    let sum = 0;
    for (let i = 0; i < dimensions; i++, at++) sum += query[i]! * values[at]!;
    products[n] = sum;
  }
}
