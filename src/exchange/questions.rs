//! What owners are asked while a request waits: what shall become of a value that is about to reach a vendor.
//!
//! Requests that ask the same wait for one answer. Nobody waits longer than [`PATIENCE`]: what is not answered by then does
//! not go.

use crate::model::{Clock, MemberId, Policy, Slot, Timestamp, VendorId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// Longest wait for an answer.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Most questions to one member at a time; what would be another is not answered.
const MOST: usize = 32;

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Whose value it is, and who answers.
    pub member: MemberId,
    /// What the vendor is called.
    pub vendor: VendorId,
    /// The name of the identity it meets.
    pub sector: VendorId,
    /// Whose value is about to go.
    pub slot: Slot,
}

/// A question that waits for its answer.
#[derive(Clone, Debug)]
pub struct Question {
    /// Its number, which no other question of this run has.
    pub id: u64,
    /// What it is about.
    pub about: About,
    /// The host that the first request goes to.
    pub host: String,
    /// Since when somebody waits.
    pub since: Timestamp,
    /// When nobody will any more.
    pub until: Timestamp,
}

/// The questions that are open.
#[derive(Clone)]
pub struct Questions {
    open: Arc<Mutex<Open>>,
    clock: Arc<dyn Clock>,
    patience: Duration,
}

#[derive(Default)]
struct Open {
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
}

struct Waiting {
    question: Question,
    deadline: Instant,
    requests: usize,
    answer: watch::Sender<Option<Policy>>,
}

/// A request that waits. Where it leaves and was the last one, its question is taken back.
struct Place<'q> {
    questions: &'q Questions,
    id: u64,
    deadline: Instant,
    answer: watch::Receiver<Option<Policy>>,
}

impl Questions {
    /// None yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { open: Arc::default(), clock, patience: PATIENCE }
    }

    /// Asks, and waits for the answer; `None` where none comes in time. May be dropped at any time.
    pub async fn ask(&self, about: About, host: &str) -> Option<Policy> {
        let mut place = self.join(about, host)?;
        let answered = timeout_at(place.deadline, place.answer.wait_for(Option::is_some)).await;
        answered.ok()?.ok().and_then(|policy| *policy)
    }

    /// What a member is asked, oldest first.
    pub fn of(&self, member: MemberId) -> Vec<Question> {
        let open = self.lock();
        let theirs = open.waiting.values().filter(|waiting| waiting.question.about.member == member);
        theirs.map(|waiting| waiting.question.clone()).collect()
    }

    /// Answers a question of that member's with anything but another question; `None` where it is open no more.
    pub fn answer(&self, member: MemberId, id: u64, policy: Policy) -> Option<About> {
        let mut open = self.lock();
        let waiting = open.waiting.get(&id)?;
        if waiting.question.about.member != member || policy == Policy::Ask {
            return None;
        }
        let waiting = open.waiting.remove(&id)?;
        waiting.answer.send_replace(Some(policy));
        Some(waiting.question.about)
    }

    fn join(&self, about: About, host: &str) -> Option<Place<'_>> {
        let mut open = self.lock();
        let same = open.waiting.values_mut().find(|waiting| waiting.question.about == about);
        if let Some(waiting) = same {
            waiting.requests += 1;
            return Some(Place {
                questions: self,
                id: waiting.question.id,
                deadline: waiting.deadline,
                answer: waiting.answer.subscribe(),
            });
        }
        let asked = open.waiting.values().filter(|waiting| waiting.question.about.member == about.member);
        if asked.count() >= MOST {
            return None;
        }
        open.next += 1;
        let (id, since) = (open.next, self.clock.now());
        let patience = u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX);
        let until = Timestamp(since.0.saturating_add(patience));
        let question = Question { id, about, host: host.to_owned(), since, until };
        let (answer, hears) = watch::channel(None);
        let deadline = Instant::now() + self.patience;
        open.waiting.insert(id, Waiting { question, deadline, requests: 1, answer });
        tracing::info!(question = id, "a request waits for its owner's answer: doorward question list");
        Some(Place { questions: self, id, deadline, answer: hears })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut open = self.questions.lock();
        if let Some(waiting) = open.waiting.get_mut(&self.id) {
            waiting.requests -= 1;
            if waiting.requests == 0 {
                open.waiting.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SystemClock;

    const ANN: MemberId = MemberId(uuid::Uuid::from_u128(7));
    const BOB: MemberId = MemberId(uuid::Uuid::from_u128(8));

    fn about(slot: &str) -> About {
        let slot = Slot::parse(slot).unwrap();
        About { member: ANN, vendor: "shop".into(), sector: "shop".into(), slot }
    }

    fn questions() -> Questions {
        Questions::new(Arc::new(SystemClock))
    }

    #[tokio::test]
    async fn those_who_ask_the_same_hear_the_same() {
        let questions = questions();
        let asking = async {
            tokio::join!(
                questions.ask(about("phone.primary"), "a.shop.test"),
                questions.ask(about("phone.primary"), "b.shop.test"),
                questions.ask(about("username"), "a.shop.test"),
            )
        };
        let answering = async {
            tokio::task::yield_now().await;
            let [phone, name] = &questions.of(ANN)[..] else { panic!("two questions") };
            assert_eq!((&*phone.host, phone.until.0 - phone.since.0), ("a.shop.test", 30_000));
            assert!(questions.of(BOB).is_empty());
            assert_eq!(questions.answer(BOB, phone.id, Policy::Real), None, "not theirs");
            assert_eq!(questions.answer(ANN, phone.id, Policy::Ask), None, "no answer");
            assert_eq!(questions.answer(ANN, name.id, Policy::Withhold), Some(about("username")));
            assert_eq!(questions.answer(ANN, phone.id, Policy::Real), Some(about("phone.primary")));
            assert_eq!(questions.answer(ANN, phone.id, Policy::Real), None, "answered");
        };
        let (heard, ()) = tokio::join!(asking, answering);
        assert_eq!(heard, (Some(Policy::Real), Some(Policy::Real), Some(Policy::Withhold)));
    }

    #[tokio::test]
    async fn nobody_waits_for_ever_or_for_nothing() {
        let patience = Duration::from_millis(20);
        let questions = Questions { patience, ..questions() };
        let before = Instant::now();
        assert_eq!(questions.ask(about("username"), "shop.test").await, None);
        assert!(before.elapsed() >= patience && questions.of(ANN).is_empty());
        let questions = Questions { patience: PATIENCE, ..questions };
        let gone = tokio::time::timeout(patience, questions.ask(about("username"), "shop.test"));
        assert!(gone.await.is_err() && questions.of(ANN).is_empty(), "taken back");

        let full: Vec<_> = (0..MOST).map(|number| about(&format!("custom.c{number}"))).collect();
        let _places: Vec<_> =
            full.into_iter().map(|about| questions.join(about, "shop.test").unwrap()).collect();
        let unasked = tokio::time::timeout(patience, questions.ask(about("username"), "shop.test"));
        assert_eq!(unasked.await, Ok(None), "not even asked");
        assert!(questions.join(about("custom.c1"), "shop.test").is_some(), "what is asked already is");
    }
}
