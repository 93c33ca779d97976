//! Schema versions: numbered SQL, compiled in, counted by `PRAGMA user_version`.

use super::StoreError;
use rusqlite::{Connection, TransactionBehavior};

/// Migration `n` (from 1) brings the schema from version `n - 1` to `n`. Entries are only ever added.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_state.sql"),
    include_str!("migrations/0002_met.sql"),
    include_str!("migrations/0003_passing.sql"),
    include_str!("migrations/0004_exceptions.sql"),
    include_str!("migrations/0005_sign_ins.sql"),
    include_str!("migrations/0006_reveal.sql"),
];

/// Brings the schema up to date, each step in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (version, sql) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step.execute_batch(sql)?;
        step.pragma_update(None, "user_version", version)?;
        step.commit()?;
    }
    Ok(())
}
