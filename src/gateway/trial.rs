//! Whether inspection works: what a client makes of our leaf, and what a vendor makes of us.

use super::front::Front;
use super::passing::{Device, Lesson, Refusal, Why};
use crate::config::schema::{OnPinned, OnRefused};
use crate::exchange::{Client, ExchangeError, Reception, Who};
use crate::model::Host;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

/// An intercepted connection on trial.
pub(super) struct Trial {
    pub(super) client: Arc<Client>,
    pub(super) host: Host,
    /// Told when it has to end: the gateway stops, or inspection does not work here.
    pub(super) over: CancellationToken,
    asked: AtomicBool,
}

impl Trial {
    /// Of a connection to `host`, until the gateway stops at the latest.
    pub(super) fn new(client: &Arc<Client>, host: Host, stop: &CancellationToken) -> Self {
        let over = stop.child_token();
        Self { client: Arc::clone(client), host, over, asked: AtomicBool::new(false) }
    }

    /// Whether anything was asked under our leaf.
    pub(super) fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    fn device(&self) -> Device {
        Device::of(&self.client.who, self.client.peer)
    }
}

impl Front {
    /// Why what the device opens to `host` passes uninspected because of what was learned; `None` where it does not.
    pub(super) fn passes(&self, who: &Who, peer: IpAddr, host: &Host) -> Option<Why> {
        self.passing.why(&Device::of(who, peer), host, self.rooms.clock.now())
    }

    /// The client asks something under our leaf.
    pub(super) fn accepted(&self, trial: &Trial) {
        if !trial.asked.swap(true, Ordering::Relaxed) {
            self.passing.works(&trial.device(), &trial.host, self.rooms.clock.now());
        }
    }

    /// A client did not go on under our leaf. Its owner shall see it; where nothing may have been wrong, only if `told`.
    pub(super) async fn refused(&self, trial: &Trial, how: Option<Refusal>, told: bool) {
        let passage = self.passage(&trial.client.who, &trial.host);
        let lesson = how.map_or(Lesson::Nothing, |how| {
            let may_pass = passage == Passage::Open;
            self.passing.refused(&trial.device(), &trial.host, how, may_pass, self.rooms.clock.now())
        });
        let reason = match lesson {
            Lesson::Nothing if !told => return,
            Lesson::Nothing => "the client did not accept our certificate",
            Lesson::Distrust => {
                "this device does not trust Doorward: it has not accepted its certificate yet"
            }
            Lesson::Passes => passage.reason(Why::Pinned),
        };
        self.tell(trial, &ExchangeError::Handshake(reason)).await;
    }

    /// What the vendor made of a request. Where it does not serve who is inspected, the connection ends, so that what the
    /// device opens next passes; where that may not be, the owner shall see it.
    pub(super) async fn received(&self, trial: &Trial, reception: Reception) {
        let (device, host, now) = (trial.device(), &trial.host, self.rooms.clock.now());
        let on_refused = self.rooms.generation.load().config.settings.intercept.on_refused;
        // Unlike an application, a vendor may want nothing but to be met uninspected.
        let passage = match (self.passage(&trial.client.who, host), on_refused) {
            (Passage::Open, OnRefused::Ask) => Passage::Asked,
            (passage, _) => passage,
        };
        let may_pass = passage == Passage::Open;
        let (lesson, why) = match reception {
            Reception::Served => return self.passing.served(&device, host),
            Reception::Certificate => {
                (self.passing.wants_certificate(&device, host, may_pass, now), Why::ClientCertificate)
            }
            Reception::Challenge => (self.passing.challenged(&device, host, may_pass, now), Why::Challenged),
        };
        match lesson {
            Lesson::Passes if may_pass => trial.over.cancel(),
            Lesson::Passes => self.tell(trial, &ExchangeError::Unserved(passage.reason(why))).await,
            Lesson::Nothing | Lesson::Distrust => {}
        }
    }

    async fn tell(&self, trial: &Trial, error: &ExchangeError) {
        let named = Some(trial.host.to_string());
        self.record_refusal(trial.client.peer, &trial.client.who, named, error).await;
    }

    /// Whether what cannot be inspected may pass uninspected to `host`.
    fn passage(&self, who: &Who, host: &Host) -> Passage {
        let generation = self.rooms.generation.load();
        let vendor = generation.config.vendor_of(host);
        let sector = self.rooms.personas.sector(who.member, &host.to_string(), &vendor.id);
        let known = vendor.configured.is_some()
            || self.rooms.personas.of(who.member).is_some_and(|persona| {
                let epoch = persona.wardrobe.standing(&sector).epoch;
                !persona.wardrobe.worn(&sector, epoch).is_empty()
            });
        let blocked = host.name().is_some_and(|name| generation.trackers.host_rule(name).is_some());
        let intercept = &generation.config.settings.intercept;
        if blocked || generation.identity.strict || intercept.on_pinned == OnPinned::Block {
            Passage::Closed
        } else if known {
            Passage::Asked
        } else {
            Passage::Open
        }
    }
}

/// What becomes of whom inspection does not work for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    /// They pass uninspected.
    Open,
    /// A vendor that the member has dealings with: its owner says so first.
    Asked,
    /// They do not pass.
    Closed,
}

/// The three sentences about one reason.
macro_rules! sentences {
    ($passage:expr, $what:literal) => {
        match $passage {
            Passage::Open => concat!($what, ": what it opens next passes uninspected"),
            Passage::Asked => {
                concat!($what, ": to let it pass uninspected, add its host to [intercept] never")
            }
            Passage::Closed => concat!($what, ", and may not pass uninspected"),
        }
    };
}

impl Passage {
    fn reason(self, why: Why) -> &'static str {
        match why {
            Why::Pinned => sentences!(self, "this application accepts only its vendor's own certificate"),
            Why::ClientCertificate => {
                sentences!(self, "this vendor wants a certificate that only the device has")
            }
            Why::Challenged => sentences!(self, "this vendor refuses what is inspected"),
        }
    }
}
