;; Products of one 8-bit vector with many of 4 bits. `dot-products.wasm` is this file assembled (wabt, features: simd); a test
;; holds that.
(module
  (memory (export "memory") 20)

  ;; scores[i] = query · vectors[i] for $count vectors of $bytes bytes each, a multiple of 16. A byte holds a value of the
  ;; vector's first half in its low four bits and one of the second half in its high ones; the query is widened to 16 bits.
  (func (export "products") (param $query i32) (param $vectors i32) (param $bytes i32) (param $count i32) (param $scores i32)
    (local $x v128) (local $y v128) (local $a v128) (local $b v128) (local $q i32) (local $r i32) (local $end i32)
    (loop $vector
      (local.set $a (v128.const i32x4 0 0 0 0))
      (local.set $b (v128.const i32x4 0 0 0 0))
      (local.set $q (local.get $query))
      (local.set $r (i32.add (local.get $query) (i32.shl (local.get $bytes) (i32.const 1))))
      (local.set $end (i32.add (local.get $vectors) (local.get $bytes)))
      (loop $more
        (local.set $y (v128.load (local.get $vectors)))
        (local.set $x (i8x16.shr_s (i8x16.shl (local.get $y) (i32.const 4)) (i32.const 4)))
        (local.set $y (i8x16.shr_s (local.get $y) (i32.const 4)))
        (local.set $a (i32x4.add (local.get $a)
          (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $x)) (v128.load (local.get $q)))))
        (local.set $b (i32x4.add (local.get $b)
          (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $x)) (v128.load offset=16 (local.get $q)))))
        (local.set $a (i32x4.add (local.get $a)
          (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $y)) (v128.load (local.get $r)))))
        (local.set $b (i32x4.add (local.get $b)
          (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $y)) (v128.load offset=16 (local.get $r)))))
        (local.set $vectors (i32.add (local.get $vectors) (i32.const 16)))
        (local.set $q (i32.add (local.get $q) (i32.const 32)))
        (local.set $r (i32.add (local.get $r) (i32.const 32)))
        (br_if $more (i32.lt_u (local.get $vectors) (local.get $end))))
      (local.set $a (i32x4.add (local.get $a) (local.get $b)))
      (i32.store (local.get $scores)
        (i32.add
          (i32.add (i32x4.extract_lane 0 (local.get $a)) (i32x4.extract_lane 1 (local.get $a)))
          (i32.add (i32x4.extract_lane 2 (local.get $a)) (i32x4.extract_lane 3 (local.get $a)))))
      (local.set $scores (i32.add (local.get $scores) (i32.const 4)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br_if $vector (local.get $count))))
)
