//! The index: a listing by it is what reading the whole log gives, whatever became of either.

use super::super::listing::Filter;
use super::super::read::Reader;
use super::super::sim::{Fault, SimDisk};
use super::super::{Ledger, Options};
use super::fixtures::*;
use crate::model::record::Record;
use crate::model::{FlowId, MemberId, Timestamp, VendorId};
use crate::store::{Block, LogIndex};
use std::sync::Arc;
use std::time::Duration;

const VENDORS: [&str; 3] = ["shop", "bank", "rare"];

struct House {
    disk: SimDisk,
    keys: Arc<MemoryKeys>,
    members: [MemberId; 2],
    index: Arc<LogIndex>,
}

impl House {
    fn new() -> Self {
        let members = [MemberId::random(), MemberId::random()];
        Self { disk: SimDisk::default(), keys: Arc::default(), members, index: empty() }
    }

    fn start(&self) -> Ledger {
        let index = Some(Arc::clone(&self.index));
        let small = Options { index, segment_bytes: 600 << 10, ..options(&self.disk, &self.keys) };
        Ledger::start(small).unwrap().0
    }

    /// Flows of every member with every vendor, one vendor among them seldom; one in ten has no end yet.
    async fn live(&self, ledger: &Ledger, flows: usize) {
        for number in 0..flows {
            let vendor = if number % 250 == 3 { "rare" } else { VENDORS[number % 2] };
            let member = self.members[usize::from(number % 5 == 0)];
            let at = |record| Record { vendor: Some(vendor.into()), ..record };
            let flow = FlowId::now();
            let room = ledger.reserve().await.unwrap();
            if number % 7 == 1 {
                room.end(at(blocked(member, flow)));
                continue;
            }
            let opened = room.open(Vec::new(), at(open(member, flow))).await.unwrap();
            if number % 10 != 4 {
                opened.close(at(close(member, flow)));
            }
        }
    }

    /// Listings by the index and without it are the same.
    fn agrees(&self, reader: &Reader, case: &str) {
        let now = now();
        for member in self.members {
            for vendor in VENDORS.map(VendorId::from) {
                let keys = super::super::Keys::names(&*self.keys, member, &vendor).unwrap();
                for (limit, since) in [(7, None), (10_000, None), (10_000, Some(now.0 - 200))] {
                    let (vendor, since) = (Some(vendor.clone()), since.map(Timestamp));
                    let filter = Filter { member: Some(member), vendor, since, limit };
                    let listed = reader.list_by(&self.index, &keys, &filter).unwrap();
                    assert_eq!(listed, reader.list_all(&filter).unwrap(), "{case}: {filter:?}");
                }
            }
        }
    }

    /// Waits until the index has all records before this one.
    async fn caught_up(&self, records: u64) {
        for _ in 0..500 {
            if self.index.newest().unwrap().end() >= records {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the index stays behind");
    }
}

fn empty() -> Arc<LogIndex> {
    Arc::new(LogIndex::in_memory("home.example/ledger").unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_by_the_index_is_the_listing() {
    let mut house = House::new();
    let ledger = house.start();
    house.agrees(&ledger.reader(), "empty");
    for round in 0..2 {
        house.live(&ledger, 350).await;
        house.agrees(&ledger.reader(), &format!("round {round}, as far as it is"));
    }
    house.caught_up(ledger.size() / 2).await;
    house.agrees(&ledger.reader(), "behind");
    ledger.shutdown().await;

    // A later start indexes what the last one left, and goes on.
    let ledger = house.start();
    house.caught_up(ledger.size() - 1).await;
    house.agrees(&ledger.reader(), "taken up");
    house.live(&ledger, 350).await;
    house.agrees(&ledger.reader(), "goes on");
    ledger.shutdown().await;

    house.index = empty();
    let ledger = house.start();
    house.caught_up(ledger.size()).await;
    let reader = ledger.reader();
    house.agrees(&reader, "deleted and made again");
    house.keys.erase(house.members[1]);
    house.agrees(&reader, "erased");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_knows_more_than_the_log_is_cut() {
    let house = House::new();
    let ledger = house.start();
    house.live(&ledger, 400).await;
    ledger.shutdown().await;
    let earlier = house.disk.copy();
    let ledger = house.start();
    house.live(&ledger, 600).await;
    house.caught_up(ledger.size() / 2).await;
    ledger.shutdown().await;
    let house = House { disk: earlier, ..house };
    let ledger = house.start();
    // At once: what is written from here on has numbers that the index has seen on other records.
    assert!(house.index.newest().unwrap().end() <= ledger.size());
    house.agrees(&ledger.reader(), "shorter");
    house.live(&ledger, 500).await;
    house.caught_up(ledger.size() / 2).await;
    house.agrees(&ledger.reader(), "cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_taken_up_again_is_indexed_on() {
    let house = House::new();
    let ledger = house.start();
    house.live(&ledger, 400).await;
    house.disk.fuse(2, Fault::OneError);
    let lost = ledger.append(vec![issue(house.members[0])]).await;
    assert!(lost.is_err());
    while !ledger.healthy() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    house.live(&ledger, 500).await;
    house.caught_up(ledger.size() / 2).await;
    house.agrees(&ledger.reader(), "taken up again");
    ledger.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_wrong_is_found_out_and_the_log_is_read() {
    let house = House::new();
    let ledger = house.start();
    house.live(&ledger, 600).await;
    ledger.shutdown().await;
    let filter = Filter {
        member: Some(house.members[0]),
        vendor: Some("shop".into()),
        limit: 1_000,
        ..Filter::default()
    };
    let keys = super::super::Keys::names(&*house.keys, house.members[0], &"shop".into()).unwrap();
    let plain = Reader::open("/ledger", Arc::new(house.disk.clone()), house.keys.clone());
    let want = plain.list(&filter).unwrap();
    assert!(!want.is_empty());
    for (offset, bytes, records) in [(0, 4_000, 3), (77, 4_000, 3), (1 << 40, 10, 1)] {
        let wrong = empty();
        let block = Block { offset, bytes, records, keys: keys.clone(), ..Block::default() };
        wrong.add(&[block]).unwrap();
        let reader = Reader::open("/ledger", Arc::new(house.disk.clone()), house.keys.clone());
        assert!(reader.list_by(&wrong, &keys, &filter).is_err(), "{offset}");
        assert_eq!(reader.indexed(Some(wrong)).list(&filter).unwrap(), want, "{offset}");
    }
}
