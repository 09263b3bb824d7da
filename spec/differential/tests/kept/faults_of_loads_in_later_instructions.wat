;; A load that is made part of the instruction that uses it faults there, and is still itself in
;; backtraces.
(module
  (memory (export "memory") 1)
  (global (export "global") (mut i32) (i32.const 0))

  (func (export "convert") (result f32)
    (f32.convert_i64_s (i64.load align=4 (i32.const -1))))

  (func (export "grow") (result i32)
    (memory.grow (i32.load (i32.const -8))))

  (func (export "address") (result i32)
    (i32.load16_u offset=50986 align=1 (i32.load offset=51215 align=1 (i32.const -1073741824))))

  (func (export "sum") (param i32) (result i32)
    (i32.add (local.get 0) (i32.load (i32.const 0x10000))))

  (func (export "of sums") (result i32)
    (i32.add
      (i32.add (i32.load (i32.const 0)) (i32.load (i32.const 0x10000)))
      (i32.load (i32.const 0x20000))))

  (func (export "store") (param i32)
    (i32.store (i32.const 0x20000)
      (i32.add (local.get 0) (i32.load (i32.const 0x10000)))))

  ;; Small enough to be inlined.
  (func $inlined (param i32) (result i32)
    (i32.add (i32.const 1) (i32.load (local.get 0))))
  (func (export "inlined") (result i32)
    (i32.xor (call $inlined (i32.const 0)) (call $inlined (i32.const 0xfffd)))))
