//! Which blocks of the log hold records under which key: a file of its own, made from the log and never believed over it.
//!
//! It says nothing that does not stand in the clear in the log itself: key names, numbers and times. Whose key it is and
//! about which vendor says the state file, and forgets it when the key is erased. The file can be deleted at any time.

use super::StoreError;
use super::database::private_file;
use crate::model::{KeyId, Timestamp};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Version of the form below; a file of another one is made anew.
const VERSION: u32 = 1;
const SCHEMA: &str = include_str!("log_index.sql");

/// Consecutive records of one segment file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Number of its first record.
    pub first: u64,
    /// How many records.
    pub records: u64,
    /// Number of the first record of the segment it lies in.
    pub segment: u64,
    /// Where it begins in the segment's file (bytes).
    pub offset: u64,
    /// How long it is (bytes).
    pub bytes: u64,
    /// Time of its first record.
    pub time: Timestamp,
    /// The keys its records are sealed with; empty where they are not asked for.
    pub keys: Vec<KeyId>,
}

impl Block {
    /// The number behind its last record.
    pub fn end(&self) -> u64 {
        self.first + self.records
    }
}

/// A handle on the index. Calls block on the disk.
#[derive(Debug)]
pub struct LogIndex {
    connection: Mutex<Connection>,
}

impl LogIndex {
    /// Opens the index of the log of this name, empty where the file is missing, damaged, or another log's.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn open(path: &Path, log: &str) -> Result<Self, StoreError> {
        private_file(path).map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        let index =
            Connection::open(path).map_err(StoreError::from).and_then(|file| Self::prepare(file, log));
        if index.is_ok() {
            return index;
        }
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            // What cannot be removed shows itself when it is opened again.
            let _ = std::fs::remove_file(name);
        }
        private_file(path).map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        Self::prepare(Connection::open(path)?, log)
    }

    /// An index that ends with its handle.
    ///
    /// # Errors
    /// When SQLite cannot start.
    pub fn in_memory(log: &str) -> Result<Self, StoreError> {
        Self::prepare(Connection::open_in_memory()?, log)
    }

    fn prepare(connection: Connection, log: &str) -> Result<Self, StoreError> {
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // What a power cut takes is read from the log again.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "trusted_schema", false)?;
        let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 0 {
            connection.execute_batch(SCHEMA)?;
            connection.execute("INSERT INTO log (name) VALUES (?1)", [log])?;
            connection.pragma_update(None, "user_version", VERSION)?;
        } else if version != VERSION {
            return Err(StoreError::Damaged("the index of the log"));
        }
        let of: Option<String> =
            connection.query_row("SELECT name FROM log", [], |row| row.get(0)).optional()?;
        if of.as_deref() != Some(log) {
            return Err(StoreError::Damaged("the index of the log"));
        }
        Ok(Self { connection: Mutex::new(connection) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest block: all records before its end are indexed. An empty one before the first.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn newest(&self) -> Result<Block, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT * FROM block ORDER BY first DESC LIMIT 1")?;
        Ok(statement.query_row([], block).optional()?.unwrap_or_default())
    }

    /// Adds blocks that follow the newest one, each the one before it; others are passed over.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn add(&self, blocks: &[Block]) -> Result<(), StoreError> {
        let mut end = self.newest()?.end();
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for one in blocks {
            if one.first != end {
                continue;
            }
            end = one.end();
            transaction
                .prepare_cached(
                    "INSERT INTO block (first, records, segment, offset, bytes, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![one.first, one.records, one.segment, one.offset, one.bytes, one.time.0])?;
            let mut keys =
                transaction.prepare_cached("INSERT OR IGNORE INTO block_key (key, first) VALUES (?1, ?2)")?;
            for key in &one.keys {
                keys.execute(params![key.0, one.first])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// The newest blocks that begin before the record `below` and hold records sealed with any of `keys`, newest first.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn holding(&self, keys: &[KeyId], below: u64, most: usize) -> Result<Vec<Block>, StoreError> {
        let connection = self.connection();
        let mut of_key = connection.prepare_cached(
            "SELECT first FROM block_key WHERE key = ?1 AND first < ?2 ORDER BY first DESC LIMIT ?3",
        )?;
        let mut firsts = BTreeSet::new();
        for key in keys {
            let found = of_key.query_map(params![key.0, below, most as i64], |row| row.get::<_, u64>(0))?;
            firsts.extend(found.collect::<Result<Vec<_>, _>>()?);
        }
        let mut named = connection.prepare_cached("SELECT * FROM block WHERE first = ?1")?;
        let newest = firsts.into_iter().rev().take(most);
        newest.map(|first| Ok(named.query_row([first], block)?)).collect()
    }

    /// Forgets the blocks that reach beyond a log of so many records.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn cut(&self, records: u64) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let first: Option<u64> = transaction.query_row(
            "SELECT min(first) FROM block WHERE first + records > ?1",
            [records],
            |row| row.get(0),
        )?;
        if let Some(first) = first {
            transaction.execute("DELETE FROM block WHERE first >= ?1", [first])?;
            transaction.execute("DELETE FROM block_key WHERE first >= ?1", [first])?;
        }
        Ok(transaction.commit()?)
    }
}

fn block(row: &rusqlite::Row<'_>) -> rusqlite::Result<Block> {
    Ok(Block {
        first: row.get("first")?,
        records: row.get("records")?,
        segment: row.get("segment")?,
        offset: row.get("offset")?,
        bytes: row.get("bytes")?,
        time: Timestamp(row.get("time")?),
        keys: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(count: u64) -> Vec<Block> {
        let of = |number: u64| Block {
            first: number * 10,
            records: 10,
            segment: 0,
            offset: number * 100,
            bytes: 100,
            time: Timestamp(number),
            keys: vec![KeyId([(number % 3) as u8; 16]), KeyId([9; 16])],
        };
        (0..count).map(of).collect()
    }

    fn firsts(index: &LogIndex, key: u8, below: u64, most: usize) -> Vec<u64> {
        let found = index.holding(&[KeyId([key; 16])], below, most).unwrap();
        found.into_iter().map(|block| block.first).collect()
    }

    #[test]
    fn blocks_are_found_by_the_keys_they_hold_newest_first() {
        let index = LogIndex::in_memory("a").unwrap();
        assert_eq!(index.newest().unwrap().end(), 0);
        index.add(&blocks(7)).unwrap();
        assert_eq!(index.newest().unwrap().end(), 70);
        assert_eq!(firsts(&index, 0, u64::from(u32::MAX), 9), [60, 30, 0]);
        assert_eq!(firsts(&index, 0, 60, 1), [30]);
        assert_eq!(firsts(&index, 9, 100, 2), [60, 50]);
        assert_eq!(firsts(&index, 8, 100, 2), [0; 0]);
        let both = index.holding(&[KeyId([0; 16]), KeyId([1; 16])], 100, 3).unwrap();
        assert_eq!(both.iter().map(|block| block.first).collect::<Vec<_>>(), [60, 40, 30]);
    }

    #[test]
    fn what_does_not_follow_is_passed_over_and_what_was_cut_is_forgotten() {
        let index = LogIndex::in_memory("a").unwrap();
        let all = blocks(5);
        index.add(&all[1..]).unwrap();
        assert_eq!(index.newest().unwrap().end(), 0);
        index.add(&all[..3]).unwrap();
        index.add(&all[2..]).unwrap();
        assert_eq!(index.newest().unwrap().end(), 50);
        index.cut(35).unwrap();
        assert_eq!((index.newest().unwrap().end(), firsts(&index, 9, 100, 9)), (30, vec![20, 10, 0]));
        index.add(&all[3..]).unwrap();
        assert_eq!(index.newest().unwrap().end(), 50);
    }

    #[test]
    fn a_file_that_is_damaged_or_another_logs_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.db");
        let filled = |log: &str| {
            let index = LogIndex::open(&path, log).unwrap();
            let before = index.newest().unwrap().end();
            index.add(&blocks(2)).unwrap();
            before
        };
        assert_eq!((filled("a"), filled("a"), filled("b")), (0, 20, 0));
        std::fs::write(&path, vec![7; 9000]).unwrap();
        assert_eq!(filled("b"), 0);
        assert_eq!(filled("b"), 20);
    }
}
