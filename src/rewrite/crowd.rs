//! Where so many digits stand together that they may be a phone number: eight bytes at a time, without a branch for each.

/// One bit of each of eight bytes.
const HIGH: u64 = 0x8080_8080_8080_8080;
const ONES: u64 = 0x0101_0101_0101_0101;
/// Bytes taken at a time.
const STEP: usize = 8;
/// Steps an escape may reach over: the longest is the name of an entity.
const ESCAPE: usize = 2;

/// What eight bytes are, each by its highest bit.
struct Kinds {
    digits: u64,
    /// Letters and signs that no number has between its digits.
    breaks: u64,
    /// `%`, `\` and `&`: what stands behind them may be anything.
    escapes: u64,
}

impl Kinds {
    fn of(bytes: u64) -> Self {
        let (ascii, low) = (!bytes & HIGH, bytes & !HIGH);
        let from = |first: u8| low.wrapping_add(ONES * u64::from(0x80 - first)) & ascii;
        let is = |byte: u8| !(low ^ (ONES * u64::from(byte))).wrapping_add(!HIGH) & ascii;
        let behind_nine = from(b'9' + 1);
        let backslash = is(b'\\');
        Self {
            digits: from(b'0') & !behind_nine,
            breaks: (behind_nine & !backslash) | is(b',') | is(b'"'),
            escapes: backslash | is(b'%') | is(b'&'),
        }
    }
}

/// Where from `at` on the first stretch of `text` begins that may hold `fewest` digits with nothing between them but what
/// may stand in a number. There may be fewer all the same. `fewest` is at least [`FEWEST`].
pub(super) fn crowd(text: &[u8], at: usize, fewest: usize) -> Option<usize> {
    let (mut count, mut since, mut blind) = (0, at, 0);
    let rest = text.get(at..)?;
    let (steps, last) = rest.as_chunks::<STEP>();
    let mut padded = [b' '; STEP];
    for (to, from) in padded.iter_mut().zip(last) {
        *to = *from;
    }
    for (step, bytes) in steps.iter().chain([&padded]).enumerate() {
        let kinds = Kinds::of(u64::from_le_bytes(*bytes));
        if kinds.escapes != 0 {
            blind = ESCAPE + 1;
        }
        if kinds.digits | u64::from(count != 0) == 0 {
            blind = usize::saturating_sub(blind, 1);
            continue;
        }
        let breaks = if blind == 0 { kinds.breaks } else { 0 };
        blind = blind.saturating_sub(1);
        if count == 0 {
            since = at + step * STEP;
        }
        let first = breaks & breaks.wrapping_neg();
        // Without a break all of them go on with what came before.
        count += (kinds.digits & first.wrapping_sub(1)).count_ones() as usize;
        if count >= fewest {
            return Some(since);
        }
        if breaks != 0 {
            let behind = kinds.digits.checked_shr(64 - breaks.leading_zeros()).unwrap_or(0);
            (count, since) = (behind.count_ones() as usize, at + step * STEP);
        }
    }
    None
}

/// Of fewer digits some might stand between two breaks of one step.
pub(super) const FEWEST: usize = STEP - 1;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_break(byte: u8) -> bool {
        byte == b',' || byte == b'"' || byte > b'9' && byte < 0x80 && byte != b'\\'
    }

    proptest! {
        #[test]
        fn no_crowd_is_missed(text in "[0-9 .,a:\\-é\"]{0,60}", fewest in FEWEST..12) {
            let stretches = text.as_bytes().split(|byte| is_break(*byte));
            let most = stretches.map(|stretch| stretch.iter().filter(|byte| byte.is_ascii_digit()).count()).max();
            let found = crowd(text.as_bytes(), 0, fewest);
            prop_assert_eq!(found.is_some(), most.unwrap_or(0) >= fewest, "{:?}", found);
            // What the stretch begins with is not behind its first digit.
            if let Some(since) = found {
                let before = text.as_bytes()[..since].iter().rev().take_while(|byte| !is_break(**byte));
                prop_assert!(!before.clone().any(u8::is_ascii_digit));
            }
        }

        #[test]
        fn nor_where_separators_are_escaped(before in "[a-z 0-9]{0,20}", sign in "%2D|%252D|\\\\u00a0|&nbsp;|&hyphen;|&#8209;", tail in "[a-z ]{0,9}") {
            let text = format!("{before}0151{sign}1234{sign}567{tail}");
            prop_assert!(crowd(text.as_bytes(), 0, 11).is_some(), "{}", text);
        }
    }

    #[test]
    fn each_byte_is_what_it_is() {
        for byte in 0..=u8::MAX {
            let kinds = Kinds::of(u64::from_le_bytes([b' ', byte, b'x', b'1', 0xFF, byte, 0, b'%']));
            let at = |bits: u64, place: u32| bits >> (8 * place + 7) & 1 == 1;
            for place in [1, 5] {
                assert_eq!(at(kinds.digits, place), byte.is_ascii_digit(), "{byte:#x}");
                assert_eq!(at(kinds.breaks, place), is_break(byte), "{byte:#x}");
                assert_eq!(at(kinds.escapes, place), matches!(byte, b'%' | b'\\' | b'&'), "{byte:#x}");
            }
            assert!(at(kinds.breaks, 2) && at(kinds.digits, 3) && at(kinds.escapes, 7));
            assert!(!at(kinds.breaks | kinds.digits | kinds.escapes, 4));
        }
    }
}
