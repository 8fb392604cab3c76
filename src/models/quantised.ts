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

/** The same in 4 bits a value, as the embedded store keeps them; `packedBytes` bytes each, one after another. */
export interface PackedVectors {
  dimensions: number;
  /** As above. */
  scales: Float32Array;
  /** Byte n of a vector: value n in the low four bits, value n + `packedBytes` in the high ones, each from -7 to 7. */
  values: Int8Array;
}

/** Bytes of a packed vector. */
export function packedBytes(dimensions: number): number {
  return Math.ceil(dimensions / 2);
}

const PACKED_STEPS = 7;
/**
 * Standard deviations at which the steps end: values beyond are cut. Measured on 20,000 chunks: of the ten nearest, 9.6 stay
 * (up to the largest value: 9.5), and the ten are always among the twenty nearest.
 */
const PACKED_REACH = 2.4;

export function pack({ dimensions, values }: QuantisedVectors): PackedVectors {
  const count = dimensions === 0 ? 0 : values.length / dimensions;
  const half = packedBytes(dimensions);
  const packed: PackedVectors = {
    dimensions,
    scales: new Float32Array(count),
    values: new Int8Array(count * half),
  };
  for (let n = 0; n < count; n++) {
    const vector = values.subarray(n * dimensions, (n + 1) * dimensions);
    let square = 0;
    for (const value of vector) square += value * value;
    if (square === 0) continue;
    const steps = PACKED_STEPS / Math.min(STEPS, PACKED_REACH * Math.sqrt(square / dimensions));
    let sum = 0;
    const step = (at: number) => {
      if (at >= dimensions) return 0;
      const value = Math.max(-PACKED_STEPS, Math.min(PACKED_STEPS, Math.round(vector[at]! * steps)));
      sum += value * value;
      return value;
    };
    for (let at = 0; at < half; at++) packed.values[n * half + at] = (step(at) & 15) | (step(at + half) << 4);
    packed.scales[n] = sum === 0 ? 0 : 1 / Math.sqrt(sum);
  }
  return packed;
}
