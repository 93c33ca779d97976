//! The closed sets of words that metrics are split by.

use crate::model::{Action, Stage, Verdict};

/// A label's value: one of a few, known when the program starts, so that its counter is found by index.
pub(super) trait Label: Copy + 'static {
    /// All values; a value stands at its [`Label::index`].
    const ALL: &'static [Self];

    fn index(self) -> usize;

    fn word(self) -> &'static str;
}

/// Why a connection was not inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tunnelled {
    /// `intercept.mode = "off"`.
    Off,
    /// Not among the chosen vendors.
    NotChosen,
    /// In `intercept.never`.
    Never,
    /// The client is no member's, or has not agreed to be inspected.
    Guest,
    /// The stream does not speak TLS or HTTP.
    NotHttp,
    /// The application accepts only its vendor's own certificate.
    Pinned,
    /// The vendor wants a certificate of the client's.
    ClientCertificate,
    /// The owner paused it.
    Paused,
    /// Anything else.
    Other,
}

/// Whose side of the gateway a handshake was on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The client's.
    Downstream,
    /// The vendor's.
    Upstream,
}

/// How a TLS handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// With keys of its own.
    Full,
    /// From an earlier session.
    Resumed,
    /// The other side's certificate, or ours for the other side, was not accepted.
    Untrusted,
    /// Broken off or out of time.
    Failed,
}

macro_rules! label {
    ($type:ty { $($value:path => $word:literal),+ $(,)? }) => {
        impl Label for $type {
            const ALL: &'static [Self] = &[$($value),+];

            fn index(self) -> usize {
                self as usize
            }

            fn word(self) -> &'static str {
                match self {
                    $($value => $word),+
                }
            }
        }
    };
}

label!(Tunnelled {
    Self::Off => "intercept-off",
    Self::NotChosen => "not-chosen",
    Self::Never => "never",
    Self::Guest => "guest",
    Self::NotHttp => "not-http",
    Self::Pinned => "pinned",
    Self::ClientCertificate => "client-certificate",
    Self::Paused => "paused",
    Self::Other => "other",
});

label!(Peer { Self::Downstream => "downstream", Self::Upstream => "upstream" });

label!(Handshake {
    Self::Full => "full",
    Self::Resumed => "resumed",
    Self::Untrusted => "untrusted",
    Self::Failed => "failed",
});

label!(Verdict {
    Self::Passed => "passed",
    Self::Changed => "changed",
    Self::Blocked => "blocked",
    Self::Redirected => "redirected",
    Self::NotInspected => "not-inspected",
    Self::Refused => "refused",
});

label!(Action {
    Self::Replaced => "replaced",
    Self::Removed => "removed",
    Self::Coarsened => "coarsened",
    Self::Injected => "injected",
    Self::Blocked => "blocked",
    Self::Unwrapped => "unwrapped",
    Self::Revealed => "revealed",
    Self::WouldHave => "would-have",
});

label!(Stage { Self::Trackers => "trackers", Self::Persona => "persona", Self::Terms => "terms" });

#[cfg(test)]
mod tests {
    use super::*;

    fn in_order<L: Label>() {
        for (at, label) in L::ALL.iter().enumerate() {
            assert_eq!(label.index(), at, "{}", label.word());
        }
    }

    #[test]
    fn every_label_stands_at_its_index_and_has_the_word_of_the_contract() {
        in_order::<Tunnelled>();
        in_order::<Peer>();
        in_order::<Handshake>();
        in_order::<Verdict>();
        in_order::<Action>();
        in_order::<Stage>();
        assert!(Verdict::ALL.iter().all(|verdict| verdict.word() == verdict.as_str()));
        assert!(Action::ALL.iter().all(|action| action.word() == action.as_str()));
        assert!(Stage::ALL.iter().all(|stage| stage.word() == stage.as_str()));
    }
}
