//! The file of signed checkpoints: one note after another, each with an empty line behind it.

use super::disk::{Append, Disk, replace};
use super::error::LedgerError;
use super::note::{Checkpoint, Signer, Verifier};
use std::path::Path;

/// The file's name.
pub(crate) const FILE: &str = "checkpoints";
/// The file that holds the verifier key.
pub(crate) const KEY_FILE: &str = "verifier-key";
/// The newest checkpoints are all kept.
const KEEP_LAST: usize = 256;
/// More than this many kept for being new, and the file is thinned out.
const THIN_AT: usize = 2 * KEEP_LAST;
const HOUR_MS: u64 = 3_600_000;

/// The kept checkpoints of a log, oldest first, and the file they are in.
pub(crate) struct Checkpoints {
    file: Box<dyn Append>,
    kept: Vec<(Checkpoint, String)>,
    /// How many were added since the file was last thinned out.
    added: usize,
}

/// Cuts the file's text into notes, the last perhaps torn.
pub(crate) fn notes(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        // A note has an empty line before its signatures, and the file one behind them.
        let signatures = rest.find("\n\n")? + 2;
        let end = rest.get(signatures..)?.find("\n\n").map(|at| signatures + at + 1);
        let (note, after) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        rest = after.strip_prefix('\n').unwrap_or(after);
        Some(note)
    })
}

/// What the file's bytes hold: the good notes from its start, and whether bytes are left that are none.
pub(crate) fn read(bytes: &[u8], verifier: &Verifier) -> (Vec<(Checkpoint, String)>, bool) {
    let whole = String::from_utf8_lossy(bytes);
    let mut good = Vec::new();
    let mut length = 0;
    for note in notes(&whole) {
        let Ok(checkpoint) = Checkpoint::open(note, verifier) else { break };
        length += note.len() + 1;
        good.push((checkpoint, note.to_owned()));
    }
    let clean = length == bytes.len();
    (good, !clean)
}

/// Whether what follows the `good` notes in these bytes is one more that was not written to its end.
pub(crate) fn ends_unfinished(bytes: &[u8], good: usize) -> bool {
    !bytes.ends_with(b"\n\n") && notes(&String::from_utf8_lossy(bytes)).count() <= good + 1
}

impl Checkpoints {
    /// Reads the file and makes it if there is none. A torn last note is cut; one that is not the last and does not
    /// hold is an error, as only the last can have been torn. The file is written anew: after a failed sync the kernel
    /// may show notes that it never wrote, and a later one behind them would leave a hole.
    pub fn open(disk: &dyn Disk, dir: &Path, fresh: bool, verifier: &Verifier) -> Result<Self, LedgerError> {
        let path = dir.join(FILE);
        let failed = LedgerError::disk("opening the checkpoints");
        if fresh {
            let mut file = disk.create(&path).map_err(&failed)?;
            file.sync().map_err(&failed)?;
            disk.sync_dir(dir).map_err(&failed)?;
            return Ok(Self { file, kept: Vec::new(), added: 0 });
        }
        let bytes = disk.read(&path, 0).map_err(&failed)?;
        let (kept, torn) = read(&bytes, verifier);
        if torn {
            let text = String::from_utf8_lossy(&bytes);
            if notes(&text).count() > kept.len() + 1 {
                let seq = kept.last().map_or(0, |(checkpoint, _)| checkpoint.size);
                return Err(LedgerError::Corrupt { seq, reason: "a checkpoint was changed".to_owned() });
            }
        }
        if torn || !kept.is_empty() {
            replace(disk, dir, FILE, join(&kept).as_bytes()).map_err(&failed)?;
        }
        let file = disk.append(&path).map_err(&failed)?;
        let added = kept.len().min(KEEP_LAST);
        Ok(Self { file, kept, added })
    }

    /// All that are kept, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Checkpoint> {
        self.kept.iter().map(|(checkpoint, _)| checkpoint)
    }

    /// Those of a tree of this size.
    pub fn at(&self, size: u64) -> impl Iterator<Item = &Checkpoint> {
        let start = self.kept.partition_point(|(checkpoint, _)| checkpoint.size < size);
        let same = self.kept.iter().skip(start).map(|(checkpoint, _)| checkpoint);
        same.take_while(move |checkpoint| checkpoint.size == size)
    }

    /// The newest.
    pub fn last(&self) -> Option<&Checkpoint> {
        self.kept.last().map(|(checkpoint, _)| checkpoint)
    }

    /// Signs and keeps one; durable on return.
    pub fn add(&mut self, checkpoint: Checkpoint, signer: &Signer) -> Result<(), LedgerError> {
        let failed = LedgerError::disk("writing a checkpoint");
        let note = checkpoint.sign(signer);
        self.file.write(format!("{note}\n").as_bytes()).map_err(&failed)?;
        self.file.sync().map_err(&failed)?;
        self.kept.push((checkpoint, note));
        self.added += 1;
        Ok(())
    }

    /// Where too many gathered: keeps the newest, one for each hour, and those at which a segment begins.
    pub fn thin_out(
        &mut self,
        disk: &dyn Disk,
        dir: &Path,
        begins_segment: impl Fn(u64) -> bool,
    ) -> Result<(), LedgerError> {
        if self.added <= THIN_AT {
            return Ok(());
        }
        let failed = LedgerError::disk("thinning out the checkpoints");
        let old = self.kept.len().saturating_sub(KEEP_LAST);
        let mut hour = None;
        let mut index = 0;
        self.kept.retain(|(checkpoint, _)| {
            let this = Some(checkpoint.time.0 / HOUR_MS);
            let first = std::mem::replace(&mut hour, this) != this;
            index += 1;
            index > old || first || begins_segment(checkpoint.size)
        });
        replace(disk, dir, FILE, join(&self.kept).as_bytes()).map_err(&failed)?;
        self.file = disk.append(&dir.join(FILE)).map_err(&failed)?;
        self.added = KEEP_LAST;
        Ok(())
    }
}

fn join(kept: &[(Checkpoint, String)]) -> String {
    kept.iter().fold(String::new(), |text, (_, note)| text + note + "\n")
}
