//! Less precise values: what many people share. Made from the real value alone, the same for every vendor: two that put
//! theirs together know no more than each did.

use super::birthdate::Born;
use super::ip;
use crate::model::{Slot, SlotKind};
use time::Date;

/// Cells of a degree of latitude or longitude: 0.05°, some five kilometres from north to south.
const CELLS: f64 = 20.0;
/// Thousandths of a degree from one edge of a cell to its middle.
const HALF: i32 = 25;

/// The value less precisely; `None` where the slot has nothing of the kind.
pub fn coarse(slot: &Slot, value: &str, today: Date) -> Option<String> {
    match (slot.kind(), slot.as_str()) {
        (SlotKind::Birthdate, _) => Born::of(value)?.year(today),
        (SlotKind::Geo, _) => cell(value),
        (SlotKind::Ip, _) => ip::network(value),
        (_, "address.postcode") => region(value),
        (_, "address.city") => Some(value.to_owned()),
        _ => None,
    }
}

/// The middle of the cell of a grid that is the same for everyone.
fn cell(value: &str) -> Option<String> {
    let (latitude, longitude) = value.split_once(',')?;
    Some(format!("{},{}", middle(latitude, 90)?, middle(longitude, 180)?))
}

fn middle(degrees: &str, most: i32) -> Option<String> {
    let cells = most * CELLS as i32;
    let cell = (degrees.parse::<f64>().ok()? * CELLS).floor() as i32;
    let thousandths = cell.clamp(-cells, cells - 1) * 2 * HALF + HALF;
    let sign = if thousandths < 0 { "-" } else { "" };
    let size = thousandths.abs();
    Some(format!("{sign}{}.{:03}", size / 1000, size % 1000))
}

/// The part of a postcode that many share: two digits of a number, what stands before the space of another.
fn region(value: &str) -> Option<String> {
    let digits = value.chars().all(|letter| letter.is_ascii_digit());
    if digits && value.len() > 2 {
        let (first, rest) = value.split_at_checked(2)?;
        return Some(format!("{first}{}", "0".repeat(rest.len())));
    }
    let (outward, _) = value.split_once(' ')?;
    (!outward.is_empty()).then(|| outward.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn what_many_share() {
        for (slot, value, want) in [
            ("birthdate", "1984-05-17", Some("1984-01-01")),
            ("geo.home", "52.5200,13.4050", Some("52.525,13.425")),
            ("geo.home", "-33.8688,-70.01", Some("-33.875,-70.025")),
            ("geo.home", "90,180", Some("89.975,179.975")),
            ("geo.home", "-90,-180", Some("-89.975,-179.975")),
            ("geo.home", "0,0", Some("0.025,0.025")),
            ("ip.home", "198.51.100.77", Some("198.51.100.0")),
            ("address.postcode", "10997", Some("10000")),
            ("address.postcode", "SW1A 1AA", Some("SW1A")),
            ("address.postcode", "1012 AB", Some("1012")),
            ("address.postcode", "12", None),
            ("address.city", "Berlin", Some("Berlin")),
            ("address.street", "Long Lane 4", None),
            ("email.primary", "ann@home.example", None),
            ("name.full", "Ann Real", None),
        ] {
            let slot = Slot::parse(slot).unwrap();
            assert_eq!(coarse(&slot, value, date!(2026 - 11 - 27)).as_deref(), want, "{slot} {value}");
        }
    }
}
