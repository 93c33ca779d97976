//! Key files: made once, whole or not at all, readable by their owner alone.

use super::VaultError;
use crate::model::Secret;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

/// What a key file begins with: its kind and version.
pub(super) type Header = [u8; 16];

/// No key file is longer.
const MAX_LEN: u64 = 4096;

/// Makes the directory of key files where it is missing: nobody else may enter.
pub(super) fn directory(path: &Path) -> Result<(), VaultError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| VaultError::KeyFile { path: path.to_owned(), source })
}

/// Reads the content behind the header; `None` where there is no such file.
pub(super) fn read(path: &Path, header: &Header) -> Result<Option<Secret<Vec<u8>>>, VaultError> {
    let failed = |source| VaultError::KeyFile { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    refuse_open_permissions(path, &file)?;
    let mut bytes = Vec::with_capacity(usize::try_from(MAX_LEN).unwrap_or(0) + 1);
    file.take(MAX_LEN + 1).read_to_end(&mut bytes).map_err(failed)?;
    let whole = Secret::new(bytes);
    match whole.expose().strip_prefix(header) {
        Some(content) if whole.expose().len() as u64 <= MAX_LEN => Ok(Some(Secret::new(content.to_vec()))),
        _ => Err(VaultError::KeyFileDamaged { path: path.to_owned() }),
    }
}

/// Makes the file with this content: it is there whole and durable, or not at all. Never replaces one.
pub(super) fn create(path: &Path, header: &Header, content: &[u8]) -> Result<(), VaultError> {
    write_new(path, header, content).map_err(|source| VaultError::KeyFile { path: path.to_owned(), source })
}

fn write_new(path: &Path, header: &Header, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(header)?;
    file.write_all(content)?;
    file.sync_all()?;
    // A link, unlike a rename, fails where the name is taken. Some file systems have none; the home's lock stands in.
    match fs::hard_link(&unfinished, path) {
        Ok(()) => fs::remove_file(&unfinished)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        Err(_) if !path.try_exists()? => fs::rename(&unfinished, path)?,
        Err(error) => return Err(error),
    }
    sync_directory(path)
}

/// The new name itself is durable only with its directory.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn refuse_open_permissions(path: &Path, file: &File) -> Result<(), VaultError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata().map_err(|source| VaultError::KeyFile { path: path.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(VaultError::TooOpen { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn refuse_open_permissions(_path: &Path, _file: &File) -> Result<(), VaultError> {
    Ok(())
}
