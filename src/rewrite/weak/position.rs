//! Positions: nobody writes the same one twice, so what is near counts.

/// What of a position stands in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rewrite) enum Axis {
    Latitude,
    Longitude,
    /// Latitude and longitude with this sign between them.
    Both(char),
}

/// How near counts, in degrees: some kilometre. A field that holds one of the two alone cannot say where the other is.
const NEAR: f64 = 0.01;
/// Most letters of a position.
pub(super) const LONGEST: usize = 48;

/// A place on earth, in degrees.
pub(super) struct Position {
    latitude: f64,
    longitude: f64,
}

impl Position {
    /// Of a value as the vault keeps it: `LATITUDE,LONGITUDE`.
    pub(super) fn of(value: &str) -> Option<Self> {
        let (latitude, longitude) = value.split_once(',')?;
        Some(Self { latitude: degrees(latitude)?, longitude: degrees(longitude)? })
    }

    /// How `text` writes this position, or one near it, in a field for `axis`.
    pub(super) fn find(&self, axis: Axis, text: &str) -> Option<Axis> {
        match axis {
            Axis::Latitude => near(self.latitude, text).then_some(axis),
            Axis::Longitude => near(self.longitude, text).then_some(axis),
            Axis::Both(_) => {
                let at = text.find([',', ';', '|', ' '])?;
                let (latitude, rest) = text.split_at(at);
                let sign = rest.chars().next()?;
                let is_near = near(self.latitude, latitude) && near(self.longitude, rest.get(1..)?);
                is_near.then_some(Axis::Both(sign))
            }
        }
    }
}

fn degrees(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|degrees: &f64| degrees.is_finite())
}

fn near(real: f64, text: &str) -> bool {
    degrees(text).is_some_and(|written| (written - real).abs() <= NEAR)
}

/// `position` (`LATITUDE,LONGITUDE`) as a field for `axis` holds it.
pub(in crate::rewrite) fn write(axis: Axis, position: &str) -> Option<String> {
    let (latitude, longitude) = position.split_once(',')?;
    Some(match axis {
        Axis::Latitude => latitude.to_owned(),
        Axis::Longitude => longitude.to_owned(),
        Axis::Both(sign) => format!("{latitude}{sign}{longitude}"),
    })
}
