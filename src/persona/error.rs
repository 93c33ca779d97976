//! Why a pseudonym cannot be had.

use crate::model::Slot;
use crate::store::StoreError;
use crate::vault::VaultError;

/// Why issuing, adopting or reading pseudonyms failed. Never carries a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// This version makes no value of that kind.
    #[error("no pseudonym can be made for {0}")]
    NoFormat(Slot),
    /// There is no domain for aliases.
    #[error("no mail route: set [identity] domain, or name a provider")]
    NoMailRoute,
    /// Every person drawn sounds like the member.
    #[error("every made-up name sounds like the real one")]
    NoPerson,
    /// Every value tried is taken.
    #[error("no free value is left for {0} at this vendor")]
    Exhausted(Slot),
    /// A value to adopt is empty, too long or unprintable.
    #[error("the value does not fit {0}")]
    Unfit(Slot),
    /// A stored value is not text.
    #[error("the stored pseudonym of {0} is damaged")]
    Damaged(Slot),
    /// The stored places where values were sent cannot be read.
    #[error("the places where values were sent cannot be read")]
    Places,
    /// The machine gives no random numbers.
    #[error("the machine gives no random numbers")]
    NoRandomness,
    /// No such member.
    #[error("no such member")]
    NoMember,
    /// The member's values cannot be compiled.
    #[error(transparent)]
    Compile(#[from] crate::rewrite::CompileError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The state file failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
