//! What is searched for.

use crate::model::{Secret, Slot};

/// How sure a match of the bare value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strength {
    /// Found everywhere: e-mail addresses, phones, full names, device and account ids, streets with number.
    Strong,
    /// Found only as the whole value of a field whose name is typed for the slot: given names, cities, birth dates.
    Weak,
}

/// A real value to be found.
#[derive(Clone, Debug)]
pub struct Identifier {
    /// Whose slot it is.
    pub slot: Slot,
    /// The value as the member gave it; a phone in E.164.
    pub value: Secret<String>,
    /// Where it counts.
    pub strength: Strength,
}

/// Why a set of identifiers cannot be compiled. Never carries a value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CompileError {
    /// More identifiers than [`Identifiers::MAX`].
    #[error("{0} identifiers, at most {max} are matched", max = Identifiers::MAX)]
    TooMany(usize),
    /// A value that is too short to be told from other text, or too long.
    #[error("the value of {0} cannot be searched for: it has to have between {min} and {max} characters", min = Identifiers::SHORTEST, max = Identifiers::LONGEST)]
    Length(Slot),
    /// The matcher would be too large.
    #[error("the matcher would be too large")]
    TooLarge,
}

/// A member's compiled matcher.
pub struct Identifiers {
    list: Vec<Identifier>,
}

impl Identifiers {
    /// Most identifiers of one member.
    pub const MAX: usize = 256;
    /// Fewest characters of a strong value.
    pub const SHORTEST: usize = 4;
    /// Most characters of a value.
    pub const LONGEST: usize = 256;

    /// Compiles the matcher. Takes milliseconds: never on a worker.
    ///
    /// # Errors
    /// More values, or longer or shorter ones, than can be searched for.
    pub fn compile(list: Vec<Identifier>) -> Result<Self, CompileError> {
        if list.len() > Self::MAX {
            return Err(CompileError::TooMany(list.len()));
        }
        Ok(Self { list })
    }

    /// The slot of the identifier with this index; `None` for an index that no hit of this matcher has.
    pub fn get(&self, index: usize) -> Option<&Identifier> {
        self.list.get(index)
    }

    /// The slot of a hit's identifier.
    ///
    /// # Panics
    /// Never for an index out of a [`super::Hit`] of this matcher.
    #[allow(clippy::indexing_slicing, reason = "indices come from this matcher's own hits")]
    pub fn slot(&self, index: usize) -> &Slot {
        &self.list[index].slot
    }

    /// Whether there is nothing to search for.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
