//! How long tests wait.

use std::time::Duration;

/// Waits for what a test knows must come.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what} did not come");
}

/// Long enough for what should not happen to have happened.
pub async fn a_while() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}
