//! Files that are replaced whole.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Writes `name` in `dir` so that whoever reads it sees the old file or the new one, never a part. Makes `dir` where
/// it is missing. Only the owner can read the file.
pub fn replace_file(
    dir: &Path,
    name: &str,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let temporary = dir.join(format!("{name}.{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let written = options.open(&temporary).and_then(|mut file| {
        write(&mut file)?;
        file.sync_data()
    });
    let done = written.and_then(|()| fs::rename(&temporary, dir.join(name)));
    if done.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    done
}
