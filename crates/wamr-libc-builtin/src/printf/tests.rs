//! Formats against what C prints.

use super::*;

/// An argument for `printf`.
#[derive(Clone, Copy)]
enum Arg<'a> {
    Int(i32),
    Long(i64),
    Double(f64),
    Quad(u128),
    Str(&'a [u8]),
}

use Arg::{Double as F, Int as I, Long as L};

/// Where arguments lie, and where strings do.
const ARGS: u32 = 1024;
const STRINGS: u32 = 2048;

/// A memory with a format at 16 and arguments.
fn memory(format: &str, args: &[Arg<'_>]) -> Vec<u8> {
    let mut memory = vec![0; 4096];
    memory[16..16 + format.len()].copy_from_slice(format.as_bytes());
    let (mut at, mut strings) = (ARGS as usize, STRINGS as usize);
    for arg in args {
        let bytes = match *arg {
            I(value) => value.to_le_bytes().to_vec(),
            L(value) => value.to_le_bytes().to_vec(),
            F(value) => value.to_le_bytes().to_vec(),
            Arg::Quad(value) => value.to_le_bytes().to_vec(),
            Arg::Str(text) => {
                memory[strings..strings + text.len()].copy_from_slice(text);
                let pointer = strings as u32;
                strings = (strings + text.len() + 8).next_multiple_of(8);
                pointer.to_le_bytes().to_vec()
            }
        };
        at = at.next_multiple_of(bytes.len());
        memory[at..at + bytes.len()].copy_from_slice(&bytes);
        at += bytes.len();
    }
    memory
}

/// What `printf` prints and returns, checked against `sprintf` and `snprintf`.
fn print(format: &str, args: &[Arg<'_>]) -> (String, i32) {
    let mut memory = memory(format, args);
    let mut out = Vec::new();
    let mut mem = Mem::own(&mut memory);
    let returned = super::format(&mut mem, 16, ARGS, &mut WriteSink(&mut out)).unwrap();
    if returned >= 0 {
        assert_eq!(returned as usize, out.len());
        let mut sink = GuestSink::unlimited(3072);
        assert_eq!(super::format(&mut mem, 16, ARGS, &mut sink), Ok(returned));
        sink.finish(&mut mem).unwrap();
        assert_eq!(mem.bytes(3072, returned as u32 + 1).unwrap(), [&out[..], &[0]].concat());
        for size in [0u32, 1, 4, returned as u32 + 1] {
            mem.memset(3072, 0x2a, 512).unwrap();
            let mut sink = GuestSink::sized(3072, size);
            assert_eq!(super::format(&mut mem, 16, ARGS, &mut sink), Ok(returned));
            sink.finish(&mut mem).unwrap();
            let kept = (size.saturating_sub(1) as usize).min(out.len());
            let mut expected = out[..kept].to_vec();
            expected.extend((size != 0).then_some(0));
            expected.push(0x2a);
            assert_eq!(mem.bytes(3072, expected.len() as u32).unwrap(), expected, "size {size}");
        }
    }
    (String::from_utf8_lossy(&out).into_owned(), returned)
}

#[track_caller]
fn check(cases: &[(&str, &[Arg<'_>], &str)]) {
    for (format, args, expected) in cases {
        assert_eq!(print(format, args).0, *expected, "{format}");
    }
}

#[test]
fn integers() {
    check(&[
        ("plain", &[], "plain"),
        ("100%%", &[], "100%"),
        ("%d %i %u", &[I(-5), I(i32::MIN), I(-1)], "-5 -2147483648 4294967295"),
        (
            "%x %X %o %#x %#X %#o",
            &[I(255), I(255), I(8), I(255), I(255), I(8)],
            "ff FF 10 0xff 0XFF 010",
        ),
        ("%#x %#o", &[I(0), I(0)], "0 0"),
        (
            "[%5d|%-5d|%05d|%+d|% d]",
            &[I(42), I(42), I(42), I(42), I(42)],
            "[   42|42   |00042|+42| 42]",
        ),
        ("[%05d|%+05d|% 05d|%-05d]", &[I(-42), I(42), I(42), I(42)], "[-0042|+0042| 0042|42   ]"),
        (
            "[%.3d|%8.3d|%-8.3d|%08.3d]",
            &[I(7), I(7), I(7), I(7)],
            "[007|     007|007     |     007]",
        ),
        ("[%.0d|%.d|%.0x|%#.0o]", &[I(0), I(0), I(0), I(0)], "[|||0]"),
        ("[%#8x|%#08x|%-#8x]", &[I(31), I(31), I(31)], "[    0x1f|0x00001f|0x1f    ]"),
        ("%hhd %hhu %hd %hu", &[I(300), I(300), I(70000), I(-1)], "44 44 4464 65535"),
        ("%ld %lu %zu %td", &[I(-1), I(-1), I(-1), I(-1)], "-1 4294967295 4294967295 -1"),
        (
            "%lld %llu %jx",
            &[L(i64::MIN), L(-1), L(-1)],
            "-9223372036854775808 18446744073709551615 ffffffffffffffff",
        ),
        ("%d %lld %d", &[I(1), L(2), I(3)], "1 2 3"),
        ("[%*d|%-*d|%*d]", &[I(4), I(7), I(4), I(7), I(-4), I(7)], "[   7|7   |7   ]"),
        ("[%.*d|%.*d|%.-3d]", &[I(3), I(7), I(-3), I(7), I(7)], "[007|7|7]"),
        ("%p", &[I(0x1234)], "0x1234"),
    ]);
}

#[test]
fn characters_and_strings() {
    check(&[
        ("[%c%c|%3c|%-3c]", &[I(65), I(66), I(67), I(68)], "[AB|  C|D  ]"),
        ("%c", &[I(0x141)], "A"),
        ("[%s|%6s|%-6s|%.2s|%6.2s]", &[Arg::Str(b"abc"); 5], "[abc|   abc|abc   |ab|    ab]"),
        ("%s%s", &[Arg::Str(b""), Arg::Str(b"x")], "x"),
        ("%s %.3s", &[I(0), I(0)], "(null) (nu"),
        ("%.0s|", &[I(4095)], "|"),
        ("%lc%lc", &[I(0xe9), I(0x1f600)], "é😀"),
        ("[%ls|%.3ls|%6ls]", &[Arg::Str(b"a\0\0\0\xe9\0\0\0\x20\0\0\0"); 3], "[aé |aé|  aé ]"),
    ]);
    assert_eq!(print("%lc", &[I(0xd800)]).1, -1, "a surrogate has no UTF-8");
    assert_eq!(print("a%ls", &[Arg::Str(b"b\0\0\0\0\0\x11\0")]).1, -1);
}

#[test]
fn floating_point_numbers() {
    check(&[
        (
            "%f %.2f %.0f %#.0f",
            &[F(core::f64::consts::PI), F(2.675), F(2.5), F(3.0)],
            "3.141593 2.67 2 3.",
        ),
        ("%f %f", &[F(0.0), F(-0.0)], "0.000000 -0.000000"),
        (
            "%e %.2e %.0E %#.0e",
            &[F(12345.678), F(0.00012345), F(5e100), F(1.0)],
            "1.234568e+04 1.23e-04 5E+100 1.e+00",
        ),
        ("%g %g %g %g", &[F(100000.0), F(1e6), F(0.0001), F(0.00001)], "100000 1e+06 0.0001 1e-05"),
        (
            "%g %.3g %.10g %#g %G",
            &[F(0.5), F(1234.0), F(0.1), F(0.5), F(1e-10)],
            "0.5 1.23e+03 0.1 0.500000 1E-10",
        ),
        ("%.0g %g %g", &[F(0.00123), F(0.0), F(999999.5)], "0.001 0 1e+06"),
        (
            "[%10.3f|%-10.3f|%010.3f|%+.1f|% .1f]",
            &[F(-3.5), F(-3.5), F(-3.5), F(3.5), F(3.5)],
            "[    -3.500|-3.500    |-00003.500|+3.5| 3.5]",
        ),
        (
            "%f %F %e %G",
            &[F(f64::INFINITY), F(f64::NEG_INFINITY), F(f64::NAN), F(f64::NAN)],
            "inf -INF nan NAN",
        ),
        (
            "[%08f|%-6f|%+f]",
            &[F(f64::INFINITY), F(f64::INFINITY), F(f64::INFINITY)],
            "[     inf|inf   |+inf]",
        ),
        ("%.30f", &[F(0.1)], "0.100000000000000005551115123126"),
        ("%.1f %.1f %.1f", &[F(0.25), F(0.35), F(0.75)], "0.2 0.3 0.8"),
        (
            "%a %A %.2a %.0a",
            &[F(1.0), F(-0.5), F(core::f64::consts::PI), F(1.5)],
            "0x1p+0 -0X1P-1 0x1.92p+1 0x2p+0",
        ),
        (
            "%a %a %.3a %#.0a",
            &[F(0.0), F(5e-324), F(0.1), F(1.0)],
            "0x0p+0 0x0.0000000000001p-1022 0x1.99ap-4 0x1.p+0",
        ),
        (
            "%.15a|%10a|%-10a|%010a",
            &[F(1.0), F(1.0), F(1.0), F(1.0)],
            "0x1.000000000000000p+0|    0x1p+0|0x1p+0    |0x00001p+0",
        ),
        ("%lf %d", &[F(1.5), I(9)], "1.500000 9"),
        (
            "%d %Lf %Lg",
            &[I(1), Arg::Quad(0x3fff8 << 108), Arg::Quad(0x4000 << 112)],
            "1 1.500000 2",
        ),
    ]);
    let (text, len) = print("%.400f", &[F(1.0)]);
    assert_eq!((text, len), (format!("1.{}", "0".repeat(400)), 402));
    assert_eq!(print("%.20f", &[F(f64::MAX)]).0, format!("{:.20}", f64::MAX));
    // More digits than any number has.
    let mut memory = memory("%.2000e", &[F(1.5)]);
    let mut out = Vec::new();
    super::format(&mut Mem::own(&mut memory), 16, ARGS, &mut WriteSink(&mut out)).unwrap();
    assert_eq!(out, format!("1.5{}e+00", "0".repeat(1999)).as_bytes());
}

#[test]
fn counts_go_where_they_are_asked_for() {
    let mut memory = memory("abc%n%hhn%lln", &[I(512), I(520), I(528)]);
    let mut mem = Mem::own(&mut memory);
    mem.memset(512, 0xff, 32).unwrap();
    super::format(&mut mem, 16, ARGS, &mut WriteSink(&mut Vec::new())).unwrap();
    assert_eq!(mem.bytes(512, 8).unwrap(), [3, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(mem.bytes(520, 2).unwrap(), [3, 0xff]);
    assert_eq!(mem.bytes(528, 9).unwrap(), [3, 0, 0, 0, 0, 0, 0, 0, 0xff]);
}

#[test]
fn what_c_leaves_undefined_is_printed_as_it_stands() {
    check(&[
        ("%y %d", &[I(1)], "%y 1"),
        ("50%", &[], "50%"),
        ("%5", &[], "%5"),
        ("%ll", &[], "%ll"),
        ("%1$d", &[I(1)], "%1$d"),
    ]);
}

#[test]
fn hostile_formats_and_pointers() {
    let outcome = |memory: &mut [u8], format: u32, args: u32| {
        super::format(&mut Mem::own(memory), format, args, &mut WriteSink(&mut Vec::new()))
    };
    let outside = Err(TrapCode::MemoryOutOfBounds);
    let mut open = vec![b'%'; 64];
    for at in [0, 1, 63, 64, 65, u32::MAX] {
        assert_eq!(outcome(&mut open, at, 0), outside, "no end, at {at}");
    }
    for text in ["%d", "%s", "%f", "%n", "%Lf", "%*d", "%lld"] {
        let mut memory = memory(text, &[]);
        for args in [4096, 4094, u32::MAX, u32::MAX - 3] {
            assert_eq!(outcome(&mut memory, 16, args), outside, "{text} {args}");
        }
    }
    for text in ["%s", "%.5s", "%ls", "%n"] {
        for pointer in [4096, -1, i32::MIN] {
            assert_eq!(outcome(&mut memory(text, &[I(pointer)]), 16, ARGS), outside, "{text}");
        }
    }
    // A string that the end of memory cuts off.
    let mut cut = memory("%s", &[I(4000)]);
    cut[4000..].fill(b'x');
    assert_eq!(outcome(&mut cut, 16, ARGS), outside);
    // Widths beyond all measure.
    for text in [
        "%2147483647d",
        "%4294967296d",
        "%99999999999999999999d",
        "%.2147483647d",
        "%.99999999f",
        "%.99999999e",
        "%.99999999g|%#.99999999g",
        "%.99999999a",
        "%99999999s",
        "%99999999c",
    ] {
        assert_eq!(
            outcome(&mut memory(text, &[I(1), I(1), I(1), I(1)]), 16, ARGS),
            Ok(-1),
            "{text}"
        );
    }
    assert_eq!(outcome(&mut memory("%*d", &[I(i32::MIN), I(1)]), 16, ARGS), Ok(-1));
    // Output to memory that the memory cannot hold.
    let mut memory = memory("%4000d", &[I(1)]);
    let mut mem = Mem::own(&mut memory);
    assert_eq!(super::format(&mut mem, 16, ARGS, &mut GuestSink::unlimited(2000)), outside);
    assert_eq!(super::format(&mut mem, 16, ARGS, &mut GuestSink::sized(2000, 4096)), outside);
    assert_eq!(super::format(&mut mem, 16, ARGS, &mut GuestSink::sized(u32::MAX, 0)), Ok(4000));
}
