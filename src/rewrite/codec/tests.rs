use super::*;
use http::{HeaderMap, HeaderValue, header::CONTENT_ENCODING};
use proptest::prelude::*;

const ALL: [Coding; 5] = [Coding::Identity, Coding::Gzip, Coding::Brotli, Coding::Zstd, Coding::Deflate];

fn encode(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding).unwrap();
    let mut out = Vec::new();
    encoder.push(bytes, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    out
}

fn decode(coding: Coding, bytes: &[u8], step: usize) -> Result<Vec<u8>, CodecError> {
    let mut decoder = Decoder::new(coding, Limits::default())?;
    let mut out = Vec::new();
    for piece in bytes.chunks(step) {
        decoder.push(piece, &mut out)?;
    }
    decoder.finish()?;
    Ok(out)
}

#[test]
fn names() {
    let of = |values: &[&'static str]| {
        let mut headers = HeaderMap::new();
        values.iter().for_each(|value| {
            headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
        });
        Coding::of(&headers)
    };
    assert_eq!(of(&[]), Ok(vec![]));
    assert_eq!(of(&["identity"]), Ok(vec![]));
    assert_eq!(of(&["GZIP, br"]), Ok(vec![Coding::Gzip, Coding::Brotli]));
    assert_eq!(of(&["x-gzip", "zstd"]), Ok(vec![Coding::Gzip, Coding::Zstd]));
    assert_eq!(of(&["gzip, gzip, gzip"]), Err(CodecError::Stacked));
    assert_eq!(of(&["compress"]), Err(CodecError::Unknown));
}

#[test]
fn members_and_frames_follow_each_other() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        let two = [encode(coding, b"one "), encode(coding, b"two")].concat();
        for step in [1, 7, 4096] {
            assert_eq!(decode(coding, &two, step).unwrap(), b"one two", "{coding:?}");
        }
    }
    assert!(decode(Coding::Brotli, &[encode(Coding::Brotli, b"one"), vec![1]].concat(), 4096).is_err());
}

#[test]
fn deflate_without_its_wrapper() {
    let mut encoder = Encoder::new(Coding::RawDeflate).unwrap();
    let mut raw = Vec::new();
    encoder.push(b"hello hello", &mut raw).unwrap();
    encoder.finish(&mut raw).unwrap();
    for step in [1, 100] {
        assert_eq!(decode(Coding::Deflate, &raw, step).unwrap(), b"hello hello");
    }
    let mut decoder = Decoder::new(Coding::Deflate, Limits::default()).unwrap();
    decoder.push(&raw, &mut Vec::new()).unwrap();
    assert_eq!(decoder.coding(), Coding::RawDeflate);
}

#[test]
fn gzip_with_every_header_field() {
    let mut encoder = flate2::GzBuilder::new()
        .filename("a")
        .comment("b")
        .extra(vec![1, 2, 3])
        .write(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, b"text").unwrap();
    let gzip = encoder.finish().unwrap();
    for step in [1, 3, 1000] {
        assert_eq!(decode(Coding::Gzip, &gzip, step).unwrap(), b"text");
    }
}

#[test]
fn what_is_cut_or_wrong_is_an_error() {
    let text = b"some text that is long enough to be worth it, some text that is long enough".repeat(20);
    for coding in ALL.into_iter().skip(1) {
        let whole = encode(coding, &text);
        for length in 1..whole.len() {
            assert!(decode(coding, &whole[..length], 4096).is_err(), "{coding:?} cut at {length}");
        }
        assert_eq!(decode(coding, b"", 1), Ok(vec![]), "no byte at all is whole");
        assert!(decode(coding, b"this is not what it says", 4).is_err());
    }
    let mut wrong = encode(Coding::Gzip, &text);
    let last = wrong.len() - 5;
    wrong[last] ^= 1;
    assert_eq!(decode(Coding::Gzip, &wrong, 4096), Err(CodecError::Invalid(Coding::Gzip)), "checksum");
}

#[test]
fn bombs_stop_at_the_limits() {
    let zeros = vec![0; 8 << 20];
    for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd, Coding::Deflate] {
        let bomb = encode(coding, &zeros);
        let mut decoder = Decoder::new(coding, Limits::default()).unwrap();
        let mut out = Vec::new();
        assert_eq!(decoder.push(&bomb, &mut out), Err(CodecError::Bomb(coding)));
        assert!(out.len() <= 2 << 20, "{coding:?} wrote {}", out.len());
        assert!(decoder.push(b"x", &mut out).is_err(), "nothing after an error");
        let mut decoder = Decoder::new(coding, Limits { ratio: u64::MAX, absolute: 3 << 20 }).unwrap();
        assert_eq!(decoder.push(&bomb, &mut Vec::new()), Err(CodecError::Bomb(coding)));
    }
}

#[test]
fn codings_on_top_of_each_other_unfold_no_further_than_one() {
    let inner = encode(Coding::Gzip, &vec![0; 32 << 20]);
    for outer in [Coding::Gzip, Coding::Zstd, Coding::Brotli] {
        let bomb = encode(outer, &inner);
        let mut decoders = Decoders::new(&[Coding::Gzip, outer], Limits::default()).unwrap();
        let mut out = Vec::new();
        assert!(matches!(decoders.push(&bomb, &mut out), Err(CodecError::Bomb(_))), "{outer:?}");
        assert!(out.len() <= 1 << 20, "{outer:?}: {} bytes out of {}", out.len(), bomb.len());
    }
    let text = b"some text that is long enough to be worth it".repeat(20);
    let twice = encode(Coding::Gzip, &encode(Coding::Gzip, &text));
    let (mut decoders, mut out) =
        (Decoders::new(&[Coding::Gzip, Coding::Gzip], Limits::default()).unwrap(), Vec::new());
    decoders.push(&twice, &mut out).unwrap();
    assert_eq!((out, decoders.finish()), (text, Ok(())));
}

#[test]
fn a_flush_lets_everything_out() {
    for coding in ALL {
        let mut encoder = Encoder::new(coding).unwrap();
        let mut decoder = Decoder::new(coding, Limits::default()).unwrap();
        let mut got = Vec::new();
        for event in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
            let mut sent = Vec::new();
            encoder.push(event.as_bytes(), &mut sent).unwrap();
            encoder.flush(&mut sent).unwrap();
            got.clear();
            decoder.push(&sent, &mut got).unwrap();
            assert_eq!(got, event.as_bytes(), "{coding:?}");
        }
    }
}

proptest! {
    #[test]
    fn there_and_back(bytes in proptest::collection::vec(any::<u8>(), 0..3000), which in 0usize..5, step in 1usize..600) {
        let coding = ALL[which];
        prop_assert_eq!(decode(coding, &encode(coding, &bytes), step).unwrap(), bytes);
    }

    #[test]
    fn any_bytes_never_break(bytes in proptest::collection::vec(any::<u8>(), 0..600), which in 0usize..5, step in 1usize..100) {
        let _ = decode(ALL[which], &bytes, step);
    }
}
