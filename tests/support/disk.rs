//! Disks under the log that a test holds back or breaks.

use doorward::gateway::Seams;
use doorward::ledger::{Append, Disk, FsDisk};
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

/// The real disk, whose syncs can be held back and whose writes can be made to fail.
#[derive(Clone, Default)]
pub struct TestDisk(Arc<Seen>);

#[derive(Default)]
struct Seen {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    held: bool,
    waiting: usize,
    full: bool,
    /// Syncs cost nothing and do nothing: for tests that start many logs and lose no power.
    lax: bool,
}

impl TestDisk {
    /// One whose syncs do nothing.
    pub fn lax() -> Self {
        let disk = Self::default();
        disk.change(|state| state.lax = true);
        disk
    }

    /// A gateway on this disk.
    pub fn seams(&self) -> Seams {
        Seams { disk: Arc::new(self.clone()), ..Seams::default() }
    }

    /// From now on syncs do not return.
    pub fn hold(&self) {
        self.change(|state| state.held = true);
    }

    /// Lets held syncs go on.
    pub fn release(&self) {
        self.change(|state| state.held = false);
    }

    /// How many syncs are held back now.
    pub fn waiting(&self) -> usize {
        self.0.state.lock().unwrap().waiting
    }

    /// From now on there is no room for a byte more, or there is again.
    pub fn full(&self, full: bool) {
        self.change(|state| state.full = full);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.state.lock().unwrap());
        self.0.changed.notify_all();
    }

    fn room(&self) -> io::Result<()> {
        if self.0.state.lock().unwrap().full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

struct TestFile(TestDisk, Box<dyn Append>);

impl Append for TestFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.room()?;
        self.1.write(bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.1.finish()
    }

    fn sync(&mut self) -> io::Result<()> {
        let seen = &self.0.0;
        let mut state = seen.state.lock().unwrap();
        state.waiting += 1;
        while state.held {
            state = seen.changed.wait(state).unwrap();
        }
        state.waiting -= 1;
        let lax = state.lax;
        drop(state);
        if lax { Ok(()) } else { self.1.sync() }
    }
}

impl Disk for TestDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        FsDisk.create_dir(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        FsDisk.list(dir)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        self.room()?;
        Ok(Box::new(TestFile(self.clone(), FsDisk.create(path)?)))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        Ok(Box::new(TestFile(self.clone(), FsDisk.append(path)?)))
    }

    // Without room, so that a file's length tells what was written.
    fn create_with_room(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        self.create(path)
    }

    fn append_with_room(&self, path: &Path, end: u64) -> io::Result<Box<dyn Append>> {
        std::fs::OpenOptions::new().write(true).open(path)?.set_len(end)?;
        self.append(path)
    }

    fn read(&self, path: &Path, offset: u64) -> io::Result<Vec<u8>> {
        FsDisk.read(path, offset)
    }

    fn read_part(&self, path: &Path, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        FsDisk.read_part(path, offset, length)
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        FsDisk.length(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        FsDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        FsDisk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if self.0.state.lock().unwrap().lax { Ok(()) } else { FsDisk.sync_dir(dir) }
    }
}
