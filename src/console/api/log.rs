//! The log as a whole: proved, written out, counted.

use super::error::ApiError;
use super::read::Given;
use super::who::{Asker, name_of};
use super::{Api, off_worker};
use crate::gateway::House;
use crate::ledger::export::ndjson;
use crate::ledger::note::Verifier;
use crate::ledger::verify::{Against, Failure, Report};
use crate::ledger::{LedgerError, Stats};
use crate::model::record::Record;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use http_body_util::channel::{Channel, Sender};
use serde::Deserialize;
use std::io::{self, Write};
use std::sync::Arc;

/// Chunks of an export that may wait for their reader.
const AHEAD: usize = 4;
/// Bytes of one chunk.
const CHUNK: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The log's public key; without it the one that lies beside the log.
    #[serde(default)]
    key: Option<String>,
}

pub async fn verify(
    State(api): State<Api>,
    _asker: Asker,
    Given(verify): Given<Verify>,
) -> Result<Json<Report>, ApiError> {
    let key = match verify.key.as_deref().map(Verifier::parse) {
        Some(Ok(key)) => Some(key),
        Some(Err(_)) => return Err(ApiError::usage("that is not a log's public key: NAME+HASH+KEY")),
        None => None,
    };
    off_worker(move || Ok(Json(check(&api.house, key)?))).await
}

/// The log is written meanwhile; what was durable at the beginning must be there.
fn check(house: &House, key: Option<Verifier>) -> Result<Report, LedgerError> {
    let durable = house.rooms().ledger.size();
    let mut report = house.rooms().ledger.verify(&Against { key, ..Against::default() })?;
    if report.failure.is_none() && report.records < durable {
        let reason = format!("records up to {durable} were written and are missing");
        report.failure = Some(Failure { seq: report.records, reason });
    }
    Ok(report)
}

pub async fn stats(State(api): State<Api>, _asker: Asker) -> Result<Json<Stats>, ApiError> {
    off_worker(move || Ok(Json(api.house.rooms().ledger.reader().stats()?))).await
}

/// Opened are the records that whoever asks may read; the rest stays sealed and is still proved.
pub async fn export(State(api): State<Api>, asker: Asker) -> Result<Response, ApiError> {
    let (sender, body) = Channel::<Bytes, io::Error>::new(AHEAD);
    let signer = api.house.signer()?;
    let house = Arc::clone(&api.house);
    tokio::task::spawn_blocking(move || {
        let rooms = house.rooms();
        let mut out = Outgoing { sender, waiting: Vec::with_capacity(CHUNK) };
        let name = |record: &Record| asker.reads(&house, record).then(|| name_of(&house, record.member));
        let written = ndjson(&rooms.ledger.reader(), &signer, rooms.clock.now(), name, &mut out);
        match written.map_err(io::Error::other).and_then(|_| out.flush()) {
            Ok(()) => drop(out),
            // A reader that went away has nothing to be told.
            Err(error) => out.sender.abort(error),
        }
    });
    let media_type = HeaderValue::from_static("application/x-ndjson");
    Ok(([(header::CONTENT_TYPE, media_type)], Body::new(body)).into_response())
}

/// Hands bytes on to a response that is read elsewhere; waits for its reader.
struct Outgoing {
    sender: Sender<Bytes, io::Error>,
    waiting: Vec<u8>,
}

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes = Bytes::from(std::mem::take(&mut self.waiting));
        let sent = tokio::runtime::Handle::current().block_on(self.sender.send_data(bytes));
        sent.map_err(|_| io::Error::other("the reader went away"))
    }
}
