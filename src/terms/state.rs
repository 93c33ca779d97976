//! Where the talk about terms stands with one vendor.

use super::Answer;

/// The state of a relationship's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum State {
    /// Nothing was offered.
    #[default]
    None,
    /// Offered; no answer. Silence is never acceptance.
    Offered,
    /// The vendor accepted one of the offered agreements.
    Accepted,
    /// The vendor refused, or went on bargaining after its one counter-offer.
    Refused,
    /// The vendor named another agreement; the person decides.
    Countered,
    /// One of the two ended it.
    Ended,
}

impl State {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Offered => "offered",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Countered => "countered",
            Self::Ended => "ended",
        }
    }

    /// Reads the word of the contract.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Offered, Self::Accepted, Self::Refused, Self::Countered, Self::Ended]
            .into_iter()
            .find(|state| state.as_str() == text)
    }

    /// The state after a request that carried an offer. An answer given stays until the vendor gives another.
    #[must_use]
    pub fn after_offer(self) -> Self {
        match self {
            Self::None | Self::Ended => Self::Offered,
            stands => stands,
        }
    }

    /// The state after a response to a request that offered `offered` (empty: nothing was).
    ///
    /// Nothing moves that was never offered. Only an offered agreement can be accepted, only another one countered
    /// with, and once: "negotiations are limited to a single counter-offer" (IEEE 7012 terms in DPV).
    #[must_use]
    pub fn after_answer(self, offered: &[String], answer: Option<&Answer>) -> Self {
        let Some(answer) = answer else { return self };
        let names = |id: &str| offered.iter().any(|one| one == id);
        match (self, answer) {
            (Self::None | Self::Ended, _) => self,
            (_, Answer::Accept { id, .. }) if names(id) => Self::Accepted,
            (Self::Accepted, Answer::Counter { .. }) => self,
            (_, Answer::Counter { id }) if names(id) => self,
            (Self::Offered, Answer::Counter { .. }) => Self::Countered,
            // Every response may repeat the counter-offer; it is a second one only when the first was answered.
            (_, Answer::Counter { .. }) => self,
            (Self::Offered | Self::Countered, Answer::Refuse { .. }) if !offered.is_empty() => Self::Refused,
            (Self::Accepted, Answer::Ended { .. }) => Self::Ended,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(state: State, answer: &Answer) -> State {
        state.after_answer(&["SD-BASE".to_owned()], Some(answer))
    }

    #[test]
    fn every_answer_in_every_state() {
        use State::{Accepted, Countered, Ended, None, Offered, Refused};
        let accept = Answer::Accept {
            id: "SD-BASE".into(),
            record: Option::None,
            expires: Option::None,
            hash: Option::None,
            version: Option::None,
        };
        let counter = Answer::Counter { id: "SD-BASE-A".into() };
        let refuse = Answer::Refuse { why: Option::None };
        let confirm = Answer::Use { record: "0192f3c7a1".into(), hash: Option::None };
        let ended = Answer::Ended { record: "0192f3c7a1".into(), at: Option::None };
        for (state, want) in [
            (None, [None; 5]),
            (Offered, [Accepted, Countered, Refused, Offered, Offered]),
            (Accepted, [Accepted, Accepted, Accepted, Accepted, Ended]),
            (Countered, [Accepted, Countered, Refused, Countered, Countered]),
            (Refused, [Accepted, Refused, Refused, Refused, Refused]),
            (Ended, [Ended; 5]),
        ] {
            let got = [&accept, &counter, &refuse, &confirm, &ended].map(|answer| after(state, answer));
            assert_eq!(got, want, "from {state:?}");
            assert_eq!(state.after_answer(&[], Option::None), state, "silence");
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }

    #[test]
    fn only_what_was_offered_is_accepted_and_only_another_is_countered() {
        let foreign =
            Answer::Accept { id: "PDC-AI".into(), record: None, expires: None, hash: None, version: None };
        assert_eq!(after(State::Offered, &foreign), State::Offered);
        assert_eq!(after(State::Offered, &Answer::Counter { id: "SD-BASE".into() }), State::Offered);
        assert_eq!(
            State::Offered.after_answer(&[], Some(&Answer::Refuse { why: None })),
            State::Offered,
            "nothing was offered in that request"
        );
    }

    #[test]
    fn an_offer_starts_again_only_from_nothing_or_an_end() {
        assert_eq!(State::None.after_offer(), State::Offered);
        assert_eq!(State::Ended.after_offer(), State::Offered);
        assert_eq!(State::Accepted.after_offer(), State::Accepted);
        assert_eq!(State::Refused.after_offer(), State::Refused);
    }
}
