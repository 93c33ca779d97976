//! The few things the log asks of a disk, so that a simulated one can crash in every possible place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Room made ahead at a time: some hundred records.
const ROOM: usize = 128 << 10;

/// A disk. What a call wrote is lost or torn by a power cut until the matching `sync` has returned.
pub trait Disk: Send + Sync + 'static {
    /// Makes the folder and its parents, readable by the owner only.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// The names in the folder, in no order.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes a new, empty file; fails where one is.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>>;
    /// Opens a file to write at its end.
    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>>;
    /// Like [`Disk::create`], for a file that is synced after every write: where the disk can, room for more is made
    /// ahead, so that a sync need not make a new length durable too. Until [`Append::finish`] the room reads as zeros.
    fn create_with_room(&self, path: &Path) -> io::Result<Box<dyn Append>>;
    /// Opens such a file to write from `end` on, behind which there is nothing but room.
    fn append_with_room(&self, path: &Path, end: u64) -> io::Result<Box<dyn Append>>;
    /// The file's bytes from `offset` on.
    fn read(&self, path: &Path, offset: u64) -> io::Result<Vec<u8>>;
    /// Up to `length` of the file's bytes from `offset` on.
    fn read_part(&self, path: &Path, offset: u64, length: u64) -> io::Result<Vec<u8>>;
    /// The file's length in bytes.
    fn length(&self, path: &Path) -> io::Result<u64>;
    /// Gives the file another name, replacing what had it; durable after [`Disk::sync_dir`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes the file; durable after [`Disk::sync_dir`].
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the folder's names durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// A file that only grows.
pub trait Append: Send {
    /// Writes all of `bytes` at the end.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes everything written so far durable. After an error the file's state is unknown: never call it again.
    fn sync(&mut self) -> io::Result<()>;
    /// Gives back the room behind the last byte, once nothing more is written.
    fn finish(&mut self) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct FsDisk;

impl Disk for FsDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        Ok(Box::new(private(OpenOptions::new().append(true).create_new(true)).open(path)?))
    }

    fn create_with_room(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let file = private(OpenOptions::new().write(true).create_new(true)).open(path)?;
        Ok(Box::new(Roomy { file, end: 0, room: 0 }))
    }

    fn append_with_room(&self, path: &Path, end: u64) -> io::Result<Box<dyn Append>> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        let room = file.metadata()?.len();
        file.seek(SeekFrom::Start(end))?;
        Ok(Box::new(Roomy { file, end, room }))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        Ok(Box::new(OpenOptions::new().append(true).open(path)?))
    }

    fn read(&self, path: &Path, offset: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn read_part(&self, path: &Path, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let (mut file, mut bytes) = (File::open(path)?, Vec::new());
        file.seek(SeekFrom::Start(offset))?;
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.len())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

impl Append for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Readable by the owner only.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// A file with zeros behind its last byte, which later writes replace.
struct Roomy {
    file: File,
    end: u64,
    /// The file's length.
    room: u64,
}

impl Append for Roomy {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.end + bytes.len() as u64;
        if end > self.room {
            // Written, not only allocated: the first write to an allocated block changes what the file system notes of it.
            let zeros = vec![0; ROOM + bytes.len()];
            self.file.write_all(&zeros)?;
            self.file.seek(SeekFrom::Start(self.end))?;
            self.room = self.end + zeros.len() as u64;
        }
        self.file.write_all(bytes)?;
        self.end = end;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.room = self.end;
        self.file.sync_data()
    }
}

/// Replaces a file by one with these bytes: after a crash there is the old or the new one, whole.
pub(crate) fn replace(disk: &dyn Disk, dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let fresh = dir.join(format!("{name}{FRESH}"));
    let mut file = disk.create(&fresh)?;
    file.write(bytes)?;
    file.sync()?;
    disk.rename(&fresh, &dir.join(name))?;
    disk.sync_dir(dir)
}

/// The end of the names of files that [`replace`] has not finished.
pub(crate) const FRESH: &str = ".new";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_ahead_used_up_and_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut file = FsDisk.create_with_room(&path).unwrap();
        file.write(b"one").unwrap();
        let room = FsDisk.length(&path).unwrap();
        assert!(room > ROOM as u64);
        drop(file);

        let mut file = FsDisk.append_with_room(&path, 3).unwrap();
        file.write(b"two").unwrap();
        file.sync().unwrap();
        assert_eq!(FsDisk.length(&path).unwrap(), room);
        let bytes = FsDisk.read(&path, 0).unwrap();
        assert!(bytes.starts_with(b"onetwo") && bytes[6..].iter().all(|byte| *byte == 0));

        let long = vec![7; 2 * ROOM];
        file.write(&long).unwrap();
        file.finish().unwrap();
        assert_eq!(FsDisk.read(&path, 0).unwrap(), [b"onetwo", long.as_slice()].concat());
    }
}
