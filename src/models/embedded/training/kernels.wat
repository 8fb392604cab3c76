;; What training computes most, over one memory that its threads share. Lengths are multiples of 4, products are added up
;; in an order that depends on no thread: the same input gives the same bits.
(module
  (import "env" "memory" (memory 1 65536 shared))

  ;; to += factor * from
  (func (export "addScaled") (param $to i32) (param $from i32) (param $n i32) (param $factor f32)
    (local $f v128) (local $end i32)
    (local.set $f (f32x4.splat (local.get $factor)))
    (local.set $end (i32.add (local.get $to) (i32.shl (local.get $n) (i32.const 2))))
    (loop $more
      (v128.store (local.get $to)
        (f32x4.add (v128.load (local.get $to)) (f32x4.mul (local.get $f) (v128.load (local.get $from)))))
      (local.set $from (i32.add (local.get $from) (i32.const 16)))
      (local.set $to (i32.add (local.get $to) (i32.const 16)))
      (br_if $more (i32.lt_u (local.get $to) (local.get $end)))))

  ;; to += factor * from; answers from · with
  (func (export "addScaledAndDot")
    (param $to i32) (param $from i32) (param $with i32) (param $n i32) (param $factor f32) (result f32)
    (local $f v128) (local $x v128) (local $sum v128) (local $end i32)
    (local.set $f (f32x4.splat (local.get $factor)))
    (local.set $end (i32.add (local.get $to) (i32.shl (local.get $n) (i32.const 2))))
    (loop $more
      (local.set $x (v128.load (local.get $from)))
      (v128.store (local.get $to)
        (f32x4.add (v128.load (local.get $to)) (f32x4.mul (local.get $f) (local.get $x))))
      (local.set $sum (f32x4.add (local.get $sum) (f32x4.mul (local.get $x) (v128.load (local.get $with)))))
      (local.set $from (i32.add (local.get $from) (i32.const 16)))
      (local.set $with (i32.add (local.get $with) (i32.const 16)))
      (local.set $to (i32.add (local.get $to) (i32.const 16)))
      (br_if $more (i32.lt_u (local.get $to) (local.get $end))))
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $sum)) (f32x4.extract_lane 1 (local.get $sum)))
      (f32.add (f32x4.extract_lane 2 (local.get $sum)) (f32x4.extract_lane 3 (local.get $sum)))))

  ;; a · b
  (func (export "dot") (param $a i32) (param $b i32) (param $n i32) (result f32)
    (local $sum v128) (local $end i32)
    (local.set $end (i32.add (local.get $a) (i32.shl (local.get $n) (i32.const 2))))
    (loop $more
      (local.set $sum
        (f32x4.add (local.get $sum) (f32x4.mul (v128.load (local.get $a)) (v128.load (local.get $b)))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (local.set $b (i32.add (local.get $b) (i32.const 16)))
      (br_if $more (i32.lt_u (local.get $a) (local.get $end))))
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $sum)) (f32x4.extract_lane 1 (local.get $sum)))
      (f32.add (f32x4.extract_lane 2 (local.get $sum)) (f32x4.extract_lane 3 (local.get $sum)))))

  ;; Copies 8 columns of a matrix into one piece: $k rows, $ld bytes from one to the next.
  (func (export "pack") (param $from i32) (param $ld i32) (param $to i32) (param $k i32)
    (loop $more
      (v128.store (local.get $to) (v128.load (local.get $from)))
      (v128.store offset=16 (local.get $to) (v128.load offset=16 (local.get $from)))
      (local.set $from (i32.add (local.get $from) (local.get $ld)))
      (local.set $to (i32.add (local.get $to) (i32.const 32)))
      (local.set $k (i32.sub (local.get $k) (i32.const 1)))
      (br_if $more (local.get $k))))

  ;; 4 rows of $a times a packed panel of 8 columns. $rs and $cs are the bytes between rows and between columns of $a.
  (func (export "multiply") (param $a i32) (param $rs i32) (param $cs i32) (param $panel i32) (param $k i32)
    (param $c i32) (param $ldc i32)
    (local $s v128) (local $b0 v128) (local $b1 v128) (local $r1 i32) (local $r2 i32) (local $r3 i32)
    (local $c00 v128) (local $c01 v128) (local $c10 v128) (local $c11 v128) (local $c20 v128) (local $c21 v128) (local $c30 v128) (local $c31 v128) 
    (local.set $r1 (local.get $rs))
    (local.set $r2 (i32.shl (local.get $rs) (i32.const 1)))
    (local.set $r3 (i32.add (local.get $r1) (local.get $r2)))
    (loop $more
      (local.set $b0 (v128.load (local.get $panel)))
      (local.set $b1 (v128.load offset=16 (local.get $panel)))
      (local.set $s (v128.load32_splat (local.get $a)))
      (local.set $c00 (f32x4.add (local.get $c00) (f32x4.mul (local.get $s) (local.get $b0))))
      (local.set $c01 (f32x4.add (local.get $c01) (f32x4.mul (local.get $s) (local.get $b1))))
      (local.set $s (v128.load32_splat (i32.add (local.get $a) (local.get $r1))))
      (local.set $c10 (f32x4.add (local.get $c10) (f32x4.mul (local.get $s) (local.get $b0))))
      (local.set $c11 (f32x4.add (local.get $c11) (f32x4.mul (local.get $s) (local.get $b1))))
      (local.set $s (v128.load32_splat (i32.add (local.get $a) (local.get $r2))))
      (local.set $c20 (f32x4.add (local.get $c20) (f32x4.mul (local.get $s) (local.get $b0))))
      (local.set $c21 (f32x4.add (local.get $c21) (f32x4.mul (local.get $s) (local.get $b1))))
      (local.set $s (v128.load32_splat (i32.add (local.get $a) (local.get $r3))))
      (local.set $c30 (f32x4.add (local.get $c30) (f32x4.mul (local.get $s) (local.get $b0))))
      (local.set $c31 (f32x4.add (local.get $c31) (f32x4.mul (local.get $s) (local.get $b1))))
      (local.set $a (i32.add (local.get $a) (local.get $cs)))
      (local.set $panel (i32.add (local.get $panel) (i32.const 32)))
      (local.set $k (i32.sub (local.get $k) (i32.const 1)))
      (br_if $more (local.get $k)))
    (v128.store (local.get $c) (local.get $c00))
    (v128.store offset=16 (local.get $c) (local.get $c01))
    (local.set $c (i32.add (local.get $c) (local.get $ldc)))
    (v128.store (local.get $c) (local.get $c10))
    (v128.store offset=16 (local.get $c) (local.get $c11))
    (local.set $c (i32.add (local.get $c) (local.get $ldc)))
    (v128.store (local.get $c) (local.get $c20))
    (v128.store offset=16 (local.get $c) (local.get $c21))
    (local.set $c (i32.add (local.get $c) (local.get $ldc)))
    (v128.store (local.get $c) (local.get $c30))
    (v128.store offset=16 (local.get $c) (local.get $c31))
  )

  ;; One step of Adam for $n values: gradient $g, moments $m and $u, $rate and $unbias for the bias of young moments.
  (func (export "adam") (param $e i32) (param $g i32) (param $m i32) (param $u i32) (param $n i32)
    (param $rate f32) (param $unbias f32)
    (local $grad v128) (local $m1 v128) (local $u1 v128) (local $end i32)
    (local.set $end (i32.add (local.get $e) (i32.shl (local.get $n) (i32.const 2))))
    (loop $more
      (local.set $grad (v128.load (local.get $g)))
      (local.set $m1 (f32x4.add
        (f32x4.mul (f32x4.splat (f32.const 0.9)) (v128.load (local.get $m)))
        (f32x4.mul (f32x4.splat (f32.const 0.1)) (local.get $grad))))
      (local.set $u1 (f32x4.add
        (f32x4.mul (f32x4.splat (f32.const 0.99)) (v128.load (local.get $u)))
        (f32x4.mul (f32x4.splat (f32.const 0.01)) (f32x4.mul (local.get $grad) (local.get $grad)))))
      (v128.store (local.get $m) (local.get $m1))
      (v128.store (local.get $u) (local.get $u1))
      (v128.store (local.get $e) (f32x4.sub (v128.load (local.get $e)) (f32x4.div
        (f32x4.mul (f32x4.splat (local.get $rate)) (local.get $m1))
        (f32x4.add
          (f32x4.sqrt (f32x4.mul (f32x4.splat (local.get $unbias)) (local.get $u1)))
          (f32x4.splat (f32.const 1e-8))))))
      (local.set $e (i32.add (local.get $e) (i32.const 16)))
      (local.set $g (i32.add (local.get $g) (i32.const 16)))
      (local.set $m (i32.add (local.get $m) (i32.const 16)))
      (local.set $u (i32.add (local.get $u) (i32.const 16)))
      (br_if $more (i32.lt_u (local.get $e) (local.get $end)))))
)
