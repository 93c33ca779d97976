//! The automaton that all spellings of all values run through, one decoded byte at a time.

use aho_corasick::automaton::Automaton as _;
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind, StartKind};
use std::collections::{BTreeSet, HashMap, VecDeque};

pub(super) use aho_corasick::automaton::StateID;

/// A byte as the automaton sees it: ASCII letters in lower case, `+` and every ASCII white space as a space.
pub(super) const fn fold(byte: u8) -> u8 {
    match byte {
        b'+' | b'\t' | b'\n' | b'\r' => b' ',
        other => other.to_ascii_lowercase(),
    }
}

/// A DFA over folded bytes whose state may be kept between chunks.
pub(super) struct Automaton {
    dfa: DFA,
    start: StateID,
    /// How many bytes of some pattern a state has seen: the only text that a later match may still claim.
    depths: HashMap<StateID, usize>,
}

impl Automaton {
    /// `None` where the automaton would be too large.
    pub(super) fn build(patterns: &[Vec<u8>]) -> Option<Self> {
        let dfa = DFA::builder()
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .prefilter(false)
            .build(patterns)
            .ok()?;
        let start = dfa.start_state(Anchored::No).ok()?;
        let alphabet: BTreeSet<u8> = patterns.iter().flatten().copied().collect();
        let mut depths = HashMap::from([(start, 0)]);
        // Every state stands for one string, as long as the shortest way to it.
        let mut queue = VecDeque::from([(start, 0usize)]);
        while let Some((state, depth)) = queue.pop_front() {
            for &byte in &alphabet {
                let next = dfa.next_state(Anchored::No, state, byte);
                if let std::collections::hash_map::Entry::Vacant(entry) = depths.entry(next) {
                    entry.insert(depth + 1);
                    queue.push_back((next, depth + 1));
                }
            }
        }
        Some(Self { dfa, start, depths })
    }

    pub(super) fn start(&self) -> StateID {
        self.start
    }

    #[inline(always)]
    pub(super) fn next(&self, state: StateID, byte: u8) -> StateID {
        self.dfa.next_state(Anchored::No, state, byte)
    }

    /// Fewest bytes of a pattern; 0 where there is none.
    pub(super) fn shortest(&self) -> usize {
        self.dfa.min_pattern_len()
    }

    /// Whether a pattern ends in this state; may say yes for a few states where none does.
    #[inline(always)]
    pub(super) fn is_match(&self, state: StateID) -> bool {
        self.dfa.is_special(state)
    }

    /// The patterns that end in this state.
    pub(super) fn matches(&self, state: StateID) -> impl Iterator<Item = usize> + '_ {
        let count = if self.dfa.is_match(state) { self.dfa.match_len(state) } else { 0 };
        (0..count).map(move |index| self.dfa.match_pattern(state, index).as_usize())
    }

    /// How many of the last bytes may still become a match.
    pub(super) fn depth(&self, state: StateID) -> usize {
        self.depths.get(&state).copied().unwrap_or(0)
    }
}
