//! A configuration is taken up again while the gateway runs: when told to, and when its file has become another.

use crate::support::crypto;
use doorward::config::Config;
use doorward::config::schema::Profile;
use doorward::gateway::{House, ReloadError, Seams};
use doorward::model::Level;
use doorward::vault::Home;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A home that was opened before there was a file in it.
struct Scene {
    _dir: TempDir,
    house: Arc<House>,
    file: PathBuf,
}

impl Scene {
    fn set() -> Self {
        crypto();
        let dir = tempfile::tempdir().unwrap();
        let config =
            Config::defaults(Profile::Household).adjusted(|settings| settings.trackers.lists.clear());
        let home = Home::open(dir.path()).unwrap();
        let file = home.config_file();
        let house = House::open(home, config, Seams::default()).unwrap();
        Self { _dir: dir, house, file }
    }

    fn write(&self, lines: &str) {
        std::fs::write(&self.file, format!("schema = 1\n[trackers]\nlists = []\n{lines}")).unwrap();
    }

    fn new_vendor(&self) -> Level {
        self.house.rooms().generation.load().config.settings.identity.new_vendor
    }

    async fn until(&self, level: Level) {
        for _ in 0..600 {
            if self.new_vendor() == level {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the file was not taken up");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_came_after_the_first_start_is_found() {
    let scene = Scene::set();
    assert!(matches!(scene.house.reload().await, Err(ReloadError::NoFile(_))));
    scene.write("[identity]\nnew_vendor = \"stranger\"");
    let reloaded = scene.house.reload().await.unwrap();
    assert_eq!((reloaded.file, scene.new_vendor()), (scene.file.clone(), Level::Stranger));
    assert!(reloaded.waiting.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_holds_from_the_next_start_is_said_to_wait() {
    let scene = Scene::set();
    for (lines, waiting) in [
        ("[limits]\nconnect = \"3s\"\n[listen]\ntrust_network = [\"192.168.0.0/16\"]", vec![]),
        (
            "[listen]\nproxy = \"127.0.0.1:9999\"\n[ledger]\nwrite = \"batched\"",
            vec!["listen.proxy", "ledger.write"],
        ),
    ] {
        scene.write(lines);
        assert_eq!(scene.house.reload().await.unwrap().waiting, waiting, "{lines}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_becomes_another_is_taken_up_and_a_bad_one_is_not() {
    let scene = Scene::set();
    tokio::spawn(Arc::clone(&scene.house).keep());
    scene.write("[identity]\nnew_vendor = \"stranger\"");
    scene.until(Level::Stranger).await;
    scene.write("[identity]\nnew_vendor = \"nobody\"");
    assert!(matches!(scene.house.reload().await, Err(ReloadError::Config(_))));
    assert_eq!(scene.new_vendor(), Level::Stranger);
    scene.write("[identity]\nnew_vendor = \"known\"\nfirst = \"pseudonym\"");
    scene.until(Level::Known).await;
    scene.house.close(Duration::ZERO).await;
}
