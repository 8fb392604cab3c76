/** Unit vectors as they are stored: 8 bits a value, at the scale of each vector that uses them in full. */

/** Some vectors of one length, one after another. */
export interface QuantisedVectors {
  dimensions: number;
  /** Of each vector, what its values are to be multiplied by for a length of 1; 0 for a vector of zeros. */
  scales: Float32Array;
  /** `scales.length * dimensions` values from -127 to 127. */
  values: Int8Array;
}

const STEPS = 127;

/** Quantises unit vectors of `dimensions` values; a vector of zeros, or of no numbers, becomes one of zeros. @throws Error for one of another length */
export function quantise(vectors: readonly Float32Array[], dimensions: number): QuantisedVectors {
  const scales = new Float32Array(vectors.length);
  const values = new Int8Array(vectors.length * dimensions);
  for (const [n, vector] of vectors.entries()) {
    if (vector.length !== dimensions)
      throw new Error(`a vector of ${vector.length} values among vectors of ${dimensions}`);
    let largest = 0;
    for (const value of vector) largest = Math.max(largest, Math.abs(value));
    if (!(largest > 0 && largest < Number.POSITIVE_INFINITY)) continue;
    const steps = STEPS / largest;
    let sum = 0;
    for (let at = 0; at < dimensions; at++) {
      const value = Math.round(vector[at]! * steps);
      values[n * dimensions + at] = value;
      sum += value * value;
    }
    scales[n] = 1 / Math.sqrt(sum);
  }
  return { dimensions, scales, values };
}

/** The vectors again, as near as 8 bits come. */
export function dequantise({ dimensions, scales, values }: QuantisedVectors): Float32Array[] {
  return Array.from(scales, (scale, n) =>
    Float32Array.from(values.subarray(n * dimensions, (n + 1) * dimensions), (value) => value * scale),
  );
}
