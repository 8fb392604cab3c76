/** Vectors as they are stored: 8 bits a value, scaled by the largest of its vector. */

/** Some vectors of one length, one after another. */
export interface QuantisedVectors {
  dimensions: number;
  /** Of each vector, what a step of its values is worth. */
  scales: Float32Array;
  /** `scales.length * dimensions` values from -127 to 127. */
  values: Int8Array;
}

const STEPS = 127;

/** Quantises vectors of `dimensions` values; a vector of zeros stays one. @throws Error for one of another length */
export function quantise(vectors: readonly Float32Array[], dimensions: number): QuantisedVectors {
  const scales = new Float32Array(vectors.length);
  const values = new Int8Array(vectors.length * dimensions);
  for (const [n, vector] of vectors.entries()) {
    if (vector.length !== dimensions)
      throw new Error(`a vector of ${vector.length} values among vectors of ${dimensions}`);
    let largest = 0;
    for (const value of vector) largest = Math.max(largest, Math.abs(value));
    if (!(largest > 0 && largest < Number.POSITIVE_INFINITY)) continue;
    const scale = largest / STEPS;
    scales[n] = scale;
    for (let at = 0; at < dimensions; at++) values[n * dimensions + at] = Math.round(vector[at]! / scale);
  }
  return { dimensions, scales, values };
}

/** The vectors again, as near as 8 bits come. */
export function dequantise({ dimensions, scales, values }: QuantisedVectors): Float32Array[] {
  return Array.from(scales, (scale, n) =>
    Float32Array.from(values.subarray(n * dimensions, (n + 1) * dimensions), (value) => value * scale),
  );
}
