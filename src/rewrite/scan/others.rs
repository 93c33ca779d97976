//! Second readings of a value: a `%` or `\` before a value may be no more than that.

use super::core::Core;
use crate::rewrite::automaton::{StateID, fold};
use crate::rewrite::identifier::Identifiers;
use crate::rewrite::unescape::Unit;

/// Readings that take the sign of one escape for a bare sign.
#[derive(Default)]
pub(super) struct Others {
    pub(super) live: Vec<Core>,
    spare: Vec<Core>,
}

/// Most readings at a time.
const READINGS: usize = 4;

impl Others {
    pub(super) fn clear(&mut self) {
        self.spare.append(&mut self.live);
    }

    /// The next unit, for every reading.
    pub(super) fn take(&mut self, identifiers: &Identifiers, unit: Unit, core: &mut Core) {
        for other in &mut self.live {
            other.take(identifiers, unit);
            core.adopt(&mut other.found);
        }
        core.take(identifiers, unit);
        // What no longer reaches back to the bare sign reads as the first reading does.
        let bare = |other: &Core| other.held(identifiers).is_some_and(|held| held < other.begun);
        let over = self.live.extract_if(.., |other| !bare(other));
        self.spare.extend(over);
        if unit.literal != [0; 2] && self.live.len() < READINGS {
            self.begin(identifiers, unit);
        }
    }

    /// Reads on from the sign of this escape as a bare sign.
    fn begin(&mut self, identifiers: &Identifiers, unit: Unit) {
        let literal = unit.literal.iter().filter(|&&byte| byte != 0);
        let (text, digits) = (&identifiers.compiled.text, &identifiers.compiled.digits);
        let next = |states: (StateID, StateID), &byte: &u8| {
            let digit = if byte.is_ascii_digit() { digits.next(states.1, byte) } else { digits.start() };
            (text.next(states.0, fold(byte)), digit)
        };
        let states = literal.clone().fold((text.start(), digits.start()), next);
        // A word begins right behind the sign; a number may behind a letter.
        let length = literal.clone().count();
        if text.depth(states.0) < length && digits.depth(states.1) == 0 {
            return;
        }
        let mut other = self.spare.pop().unwrap_or_else(|| Core::new(identifiers));
        other.reset(identifiers);
        (other.begun, other.done) = (unit.end, 0);
        let sign = Unit { byte: b'%', escaped: true, end: unit.end - length, literal: [0; 2], ..unit };
        other.take(identifiers, sign);
        for (at, &byte) in (unit.end - length..).zip(literal) {
            other.take(identifiers, Unit::plain(byte, at));
        }
        self.live.push(other);
    }

    /// The value is over.
    pub(super) fn settle(&mut self, identifiers: &Identifiers, core: &mut Core) {
        self.hurry(identifiers, core);
        self.clear();
    }

    pub(super) fn hurry(&mut self, identifiers: &Identifiers, core: &mut Core) {
        for other in &mut self.live {
            other.settle(identifiers, true);
            core.adopt(&mut other.found);
        }
    }
}
