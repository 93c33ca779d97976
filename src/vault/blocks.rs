//! Bytes that wait on disk for a while, sealed under a key that is never written down.

use super::VaultError;
use super::seal::{self, Key};
use crate::model::Secret;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A file without a name that nobody but this process can read: it is gone with the process, and what stays of it on the
/// disk cannot be opened.
pub struct SealedBlocks {
    file: File,
    key: Key,
    /// Where each block lies: its first byte, and how many there are.
    blocks: Vec<(u64, usize)>,
    end: u64,
}

impl SealedBlocks {
    /// An empty file on the disk of `dir`.
    ///
    /// # Errors
    /// The disk; the system gives no random bytes.
    pub fn create(dir: &Path) -> io::Result<Self> {
        let key = seal::random().map_err(io::Error::other)?;
        Ok(Self { file: tempfile::tempfile_in(dir)?, key, blocks: Vec::new(), end: 0 })
    }

    /// Adds a block. Waits for the disk: never on a worker.
    ///
    /// # Errors
    /// The disk; the system gives no random bytes.
    pub fn append(&mut self, block: &[u8]) -> io::Result<()> {
        let sealed = seal::seal(&self.key, &context(self.blocks.len()), block).map_err(io::Error::other)?;
        self.file.write_all_at(&sealed, self.end)?;
        self.blocks.push((self.end, sealed.len()));
        self.end += sealed.len() as u64;
        Ok(())
    }

    /// The block of that number, from 0; `None` behind the last. Waits for the disk: never on a worker.
    ///
    /// # Errors
    /// The disk; the block is not what was written.
    pub fn read(&self, number: usize) -> io::Result<Option<Secret<Vec<u8>>>> {
        let Some(&(start, length)) = self.blocks.get(number) else { return Ok(None) };
        let mut sealed = vec![0; length];
        self.file.read_exact_at(&mut sealed, start)?;
        let opened = seal::open(&self.key, &context(number), &sealed);
        opened.map(Some).map_err(|error: VaultError| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// A block in another place than its own does not open.
fn context(number: usize) -> [u8; 8] {
    (number as u64).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_blocks() -> (tempfile::TempDir, SealedBlocks) {
        let dir = tempfile::tempdir().unwrap();
        let mut blocks = SealedBlocks::create(dir.path()).unwrap();
        blocks.append(b"ann@home.example").unwrap();
        blocks.append(b"17 Home Street 1").unwrap();
        (dir, blocks)
    }

    #[test]
    fn blocks_come_back_as_they_were_and_leave_no_name() {
        let (dir, blocks) = two_blocks();
        assert_eq!(blocks.read(1).unwrap().unwrap().expose(), b"17 Home Street 1");
        assert_eq!(blocks.read(0).unwrap().unwrap().expose(), b"ann@home.example");
        assert!(blocks.read(2).unwrap().is_none());
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn the_disk_holds_nothing_readable() {
        let (_dir, blocks) = two_blocks();
        let mut all = vec![0; blocks.end as usize];
        blocks.file.read_exact_at(&mut all, 0).unwrap();
        assert!(!all.windows(8).any(|window| b"ann@home.example".starts_with(window)));
    }

    #[test]
    fn what_was_changed_or_moved_does_not_open() {
        let (_dir, mut blocks) = two_blocks();
        blocks.blocks.swap(0, 1);
        assert!(blocks.read(0).is_err(), "moved");
        blocks.blocks.swap(0, 1);
        blocks.file.write_all_at(b"x", 30).unwrap();
        assert!(blocks.read(0).is_err() && blocks.read(1).is_ok(), "changed");
    }
}
