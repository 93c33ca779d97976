//! Birth dates: up to half a year later than the real one, and never across an age that the law knows.
//!
//! A later date makes nobody older than they are, now or later; and none is chosen that takes an age away which its owner
//! has reached. Where that leaves too few dates, soon after such a birthday, there is none.

use crate::persona::derive::VendorKey;
use std::fmt;
use time::{Date, Duration, Month, macros::format_description};

/// Version of the format.
pub const VERSION: u32 = 1;
/// Most days later.
const MOST: i64 = 183;
/// Fewer dates to choose from tell too much.
const FEWEST: i64 = 30;

/// Ages at which something changes: birth; consent online (13 in 16 CFR 312.2, 13 to 16 in GDPR Art. 8); majority; alcohol
/// in the US; hired cars; pensions.
const AGES: [i32; 13] = [0, 13, 14, 15, 16, 18, 21, 25, 60, 62, 65, 66, 67];

/// A real birth date. Shown to nobody.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Born(Date);

impl fmt::Debug for Born {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Born(…)")
    }
}

impl Born {
    /// Of a date as the vault keeps it: `YYYY-MM-DD`.
    pub fn of(text: &str) -> Option<Self> {
        Date::parse(text, format_description!("[year]-[month]-[day]")).ok().map(Self)
    }

    /// How many days later the made-up date may be; `None` where these are too few.
    pub fn room(self, today: Date) -> Option<u32> {
        let reached =
            AGES.into_iter().filter_map(|age| anniversary(self.0, age)).filter(|day| *day <= today).max()?;
        // It may be tomorrow or yesterday where the vendor is.
        let days = ((today - reached).whole_days() - 1).min(MOST);
        u32::try_from(days).ok().filter(|_| days >= FEWEST)
    }

    /// As precise as a year: its first day, or its last where the first would make somebody older than the law allows.
    pub fn year(self, today: Date) -> Option<String> {
        let year = self.0.year();
        let ends = [(Month::January, 1), (Month::December, 31)];
        let ends =
            ends.into_iter().filter_map(|(month, day)| Date::from_calendar_date(year, month, day).ok());
        ends.into_iter().find(|end| passed(*end, today) == passed(self.0, today)).map(write)
    }
}

/// How many of the ages somebody born on that day has reached.
fn passed(born: Date, today: Date) -> usize {
    AGES.into_iter().filter(|age| anniversary(born, *age).is_some_and(|day| day <= today)).count()
}

/// The birthday of that age; of 29 February in other years the day after.
fn anniversary(born: Date, age: i32) -> Option<Date> {
    let year = born.year() + age;
    born.replace_year(year).or_else(|_| Date::from_calendar_date(year, Month::March, 1)).ok()
}

fn write(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// A date for the slot.
pub fn make(key: &VendorKey, slot: &str, born: Born, today: Date, attempt: u32) -> Option<String> {
    let mut draws = key.draws("birthdate", slot, VERSION, attempt);
    let later = draws.below(born.room(today)?) + 1;
    born.0.checked_add(Duration::days(later.into())).map(write)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::persona::derive::PersonaKey;
    use proptest::prelude::*;
    use time::macros::date;

    const TODAY: Date = date!(2026 - 11 - 27);

    fn key(vendor: &str) -> VendorKey {
        PersonaKey::new(Secret::new([1; 32])).vendor(&vendor.into(), 1)
    }

    fn born(text: &str) -> Born {
        Born::of(text).unwrap()
    }

    #[test]
    fn golden_dates_never_change() {
        let made = |text| make(&key("shop.example"), "birthdate", born(text), TODAY, 0).unwrap();
        assert_eq!(["1984-05-17", "2012-02-29"].map(made), GOLDEN);
    }
    const GOLDEN: [&str; 2] = ["1984-06-10", "2012-03-24"];

    #[test]
    fn there_is_room_but_for_the_month_after_a_birthday_that_counts() {
        for (text, want) in [
            ("1984-05-17", Some(183)),
            ("2008-11-27", None),
            ("2008-11-01", None),
            ("2008-10-27", Some(30)),
            ("2008-12-01", Some(183)),
            ("2026-11-20", None),
            ("2005-09-01", Some(86)),
            ("2050-01-01", None),
        ] {
            assert_eq!(born(text).room(TODAY), want, "{text}");
        }
    }

    #[test]
    fn a_year_is_its_first_day_unless_that_is_too_old() {
        for (text, want) in [
            ("1984-05-17", Some("1984-01-01")),
            ("2008-12-20", Some("2008-12-31")),
            ("2008-11-20", Some("2008-01-01")),
            ("2026-03-01", Some("2026-01-01")),
        ] {
            assert_eq!(born(text).year(TODAY).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn debug_shows_no_date() {
        assert_eq!(format!("{:?}", born("1984-05-17")), "Born(…)");
    }

    proptest! {
        #[test]
        fn nobody_gets_older_or_loses_an_age(days in 0_i64..36_000, vendor in "[a-z]{1,8}") {
            let real = TODAY - Duration::days(days);
            if let Some(text) = make(&key(&vendor), "birthdate", Born(real), TODAY, 0) {
                let made = born(&text).0;
                prop_assert!(made > real && (made - real).whole_days() <= MOST);
                for day in [TODAY - Duration::days(1), TODAY, TODAY + Duration::days(1)] {
                    prop_assert!(passed(made, day) <= passed(real, day));
                }
                prop_assert_eq!(passed(made, TODAY), passed(real, TODAY));
            }
        }
    }
}
