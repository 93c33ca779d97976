//! The `[[test]]` entries of a configuration: run against it before it is taken.

use super::who::Roster;
use crate::config::schema::TestCase;
use crate::exchange::explain::{Question, explain_under};
use crate::exchange::{Generation, Rooms};
use crate::model::Verdict;
use bytes::Bytes;
use http::{HeaderMap, Method};
use std::fmt;
use std::sync::Arc;

/// A test that did not come out as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedTest {
    /// Which, from 1, in the order of the file.
    pub number: usize,
    /// Its address.
    pub url: String,
    /// What is written.
    pub want: Verdict,
    /// What came out, with the reason.
    pub got: String,
}

impl fmt::Display for FailedTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, url, want, got } = self;
        write!(f, "[[test]] {number}, {url}: wanted {}, got {got}", want.as_str())
    }
}

/// Runs every test under `generation`; gives those that fail. Nothing is sent, issued or recorded.
pub async fn run(rooms: &Arc<Rooms>, roster: &Roster, generation: &Arc<Generation>) -> Vec<FailedTest> {
    let mut failed = Vec::new();
    for (index, test) in generation.config.settings.test.iter().enumerate() {
        let got = verdict(rooms, roster, generation, test).await;
        if got.as_ref().is_ok_and(|(verdict, _)| *verdict == test.want) {
            continue;
        }
        let got = got
            .map_or_else(|problem| problem, |(verdict, reason)| format!("{} ({reason})", verdict.as_str()));
        failed.push(FailedTest { number: index + 1, url: test.url.clone(), want: test.want, got });
    }
    failed
}

async fn verdict(
    rooms: &Arc<Rooms>,
    roster: &Roster,
    generation: &Arc<Generation>,
    test: &TestCase,
) -> Result<(Verdict, String), String> {
    // Somebody who is not yet a member will be one like the owner.
    let named = test.member.as_deref().and_then(|name| roster.named(name));
    let who = named.or_else(|| roster.owner()).ok_or("there is no member")?.clone();
    let question = Question {
        who,
        uri: test.url.parse().map_err(|_| "this is no address".to_owned())?,
        method: Method::from_bytes(test.method.as_deref().unwrap_or("GET").as_bytes())
            .map_err(|_| "this is no method".to_owned())?,
        headers: HeaderMap::new(),
        body: Bytes::new(),
    };
    let explained = explain_under(rooms, Arc::clone(generation), question).await;
    explained.map(|told| (told.verdict, told.reason)).map_err(|error| error.to_string())
}
