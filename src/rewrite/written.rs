//! In which form a value is written that is more than its letters: it decides what another looks like in its place.

use super::pattern::PhoneForm;
use super::weak::date::Layout;
use super::weak::position::Axis;

/// The form of a phone number, a date or a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Phone(PhoneForm),
    Date(Layout),
    Position(Axis),
}
