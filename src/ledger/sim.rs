//! A disk in memory that fails and loses power where a test says.

use super::disk::{Append, Disk};
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What becomes of a call once the fuse has burnt down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Power is gone: every later call fails, and what was not synced may be lost or torn.
    PowerCut,
    /// This call fails, half of a write done; later ones work again.
    OneError,
}

#[derive(Clone, Default)]
struct File {
    /// What reads show.
    written: Vec<u8>,
    /// What syncs have dealt with.
    durable: usize,
    /// What a failed sync lost: reads show it, later syncs pass over it, the disk does not have it.
    lost: Vec<Range<usize>>,
}

#[derive(Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    fuse: Option<(u64, Fault)>,
    calls: u64,
    dead: bool,
}

#[derive(Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

struct SimFile(SimDisk, usize);

/// A small generator, so that a seed tells the whole crash.
pub struct Rng(pub u64);

impl Rng {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }
}

impl SimDisk {
    /// The fault strikes at the call with this number from now.
    pub fn fuse(&self, calls: u64, fault: Fault) {
        let mut state = self.0.lock().unwrap();
        state.fuse = Some((state.calls + calls, fault));
    }

    pub fn calls(&self) -> u64 {
        self.0.lock().unwrap().calls
    }

    /// The disk as it is found after the power came back.
    pub fn after_crash(&self, rng: &mut Rng) -> Self {
        let state = self.0.lock().unwrap();
        let mut files = state.files.clone();
        for file in &mut files {
            let loose = file.written.len() - file.durable;
            let kept = rng.below(loose as u64 + 1) as usize;
            file.written.truncate(file.durable + kept);
            // Sectors may have come to the disk in any order, or hold anything.
            for at in (file.durable..file.written.len()).step_by(512) {
                let end = (at + 512).min(file.written.len());
                match rng.below(4) {
                    0 => file.written[at..end].fill(0),
                    1 => file.written[at..end].iter_mut().for_each(|byte| *byte = rng.below(256) as u8),
                    _ => {}
                }
            }
            file.durable = file.written.len();
            for range in std::mem::take(&mut file.lost) {
                let end = range.end.min(file.written.len());
                file.written[range.start.min(end)..end].fill(0);
            }
        }
        let mut names = state.durable_names.clone();
        let all: Vec<_> = state.names.keys().chain(state.durable_names.keys()).cloned().collect();
        for name in all {
            if state.names.get(&name) != state.durable_names.get(&name) && rng.below(2) == 0 {
                match state.names.get(&name) {
                    Some(file) => names.insert(name, *file),
                    None => names.remove(&name),
                };
            }
        }
        let durable_names = names.clone();
        Self(Arc::new(Mutex::new(State { files, names, durable_names, ..State::default() })))
    }

    /// A copy without any fault.
    pub fn copy(&self) -> Self {
        let state = self.0.lock().unwrap();
        let (files, names) = (state.files.clone(), state.names.clone());
        let durable_names = names.clone();
        Self(Arc::new(Mutex::new(State { files, names, durable_names, ..State::default() })))
    }

    pub fn paths(&self) -> Vec<PathBuf> {
        self.0.lock().unwrap().names.keys().cloned().collect()
    }

    pub fn edit<T>(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut state = self.0.lock().unwrap();
        let file = state.names[path];
        change(&mut state.files[file].written)
    }

    fn cut(&self, path: &Path, end: usize) {
        let mut state = self.0.lock().unwrap();
        let file = state.names[path];
        let file = &mut state.files[file];
        file.written.truncate(end);
        file.durable = file.durable.min(end);
    }

    pub fn forget(&self, path: &Path) {
        self.0.lock().unwrap().names.remove(path);
    }

    fn step<T>(&self, call: impl FnOnce(&mut State, bool) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.0.lock().unwrap();
        if state.dead {
            return Err(io::Error::other("no power"));
        }
        state.calls += 1;
        let fault = state.fuse.filter(|(at, _)| *at == state.calls).map(|(_, fault)| fault);
        state.dead = fault == Some(Fault::PowerCut);
        let result = call(&mut state, fault.is_some());
        if fault.is_some() { Err(io::Error::other("simulated fault")) } else { result }
    }
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for SimDisk {
    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.step(|state, _| {
            let names = state.names.keys().filter(|path| path.parent() == Some(dir));
            Ok(names.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect())
        })
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let file = self.step(|state, _| {
            if state.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            state.files.push(File::default());
            let file = state.files.len() - 1;
            state.names.insert(path.to_owned(), file);
            Ok(file)
        })?;
        Ok(Box::new(SimFile(self.clone(), file)))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let file = self.step(|state, _| state.names.get(path).copied().ok_or_else(missing))?;
        Ok(Box::new(SimFile(self.clone(), file)))
    }

    fn create_with_room(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        self.create(path)
    }

    fn append_with_room(&self, path: &Path, end: u64) -> io::Result<Box<dyn Append>> {
        let file = self.append(path)?;
        // Zeros behind the end are as good as nothing, on the disk too.
        self.cut(path, end as usize);
        Ok(file)
    }

    fn read(&self, path: &Path, offset: u64) -> io::Result<Vec<u8>> {
        self.step(|state, _| {
            let file = state.names.get(path).ok_or_else(missing)?;
            Ok(state.files[*file].written.get(offset as usize..).unwrap_or_default().to_vec())
        })
    }

    fn read_part(&self, path: &Path, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        self.read(path, offset).map(|mut bytes| {
            bytes.truncate(length as usize);
            bytes
        })
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        self.read(path, 0).map(|bytes| bytes.len() as u64)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|state, fault| {
            let file = *state.names.get(from).ok_or_else(missing)?;
            if !fault {
                state.names.remove(from);
                state.names.insert(to.to_owned(), file);
            }
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(|state, _| state.names.remove(path).map(drop).ok_or_else(missing))
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        self.step(|state, fault| {
            if !fault {
                state.durable_names = state.names.clone();
            }
            Ok(())
        })
    }
}

impl Append for SimFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.step(|state, fault| {
            let kept = if fault { &bytes[..bytes.len() / 2] } else { bytes };
            state.files[self.1].written.extend_from_slice(kept);
            Ok(())
        })
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.step(|state, fault| {
            let file = &mut state.files[self.1];
            let dealt_with = std::mem::replace(&mut file.durable, file.written.len());
            if fault {
                file.lost.push(dealt_with..file.durable);
            }
            Ok(())
        })
    }
}
