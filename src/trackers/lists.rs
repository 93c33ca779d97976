//! Where list texts come from: files the owner wrote, and downloads with a copy kept on disk.
//!
//! A start never waits for the network: what was downloaded last is used, and the built-in list is always there.
//! A download replaces the copy only when it looks like a list and has not shrunk suspiciously.

use super::List;
use crate::vault::replace_file;
use sha2::{Digest, Sha256};
use std::future::Future;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The largest list that is read, in bytes. EasyList has 2 MiB.
pub const MAX_SIZE: u64 = 32 << 20;
/// The most lists one configuration names.
pub const MAX_LISTS: usize = 64;
/// A download with less than this share of the copy's lines, in percent, is taken for a failure of its maker.
const SHRINK_LIMIT: usize = 70;

/// One entry of `[trackers] lists`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An `https` URL.
    Url(Arc<str>),
    /// A file.
    File {
        /// As configured: the list's name.
        name: Arc<str>,
        /// Where it is.
        path: PathBuf,
    },
}

impl Source {
    /// Reads an entry: an `https` URL, or a path from `base`, the folder of the configuration file.
    pub fn parse(text: &str, base: &Path) -> Result<Self, ListError> {
        let error = |problem| ListError { list: text.into(), problem };
        if text.is_empty() {
            return Err(error(Problem::Empty));
        }
        if !text.contains("://") {
            return Ok(Self::File { name: text.into(), path: base.join(text) });
        }
        let url = url::Url::parse(text).map_err(|_| error(Problem::NotHttps))?;
        if url.scheme() != "https" || url.host().is_none() || !url.username().is_empty() {
            return Err(error(Problem::NotHttps));
        }
        Ok(Self::Url(text.into()))
    }

    /// The list's name: as configured.
    pub fn name(&self) -> &Arc<str> {
        match self {
            Self::Url(name) | Self::File { name, .. } => name,
        }
    }
}

/// A list that could not be had.
#[derive(Debug, thiserror::Error)]
#[error("list {list}: {problem}")]
pub struct ListError {
    /// Its name.
    pub list: Arc<str>,
    /// What is wrong.
    #[source]
    pub problem: Problem,
}

/// What is wrong with a list.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Neither an https URL nor a path.
    #[error("neither an https URL nor a path")]
    NotHttps,
    /// An empty name, or a text without a rule.
    #[error("it is empty")]
    Empty,
    /// The file could not be read, or the copy not written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Larger than [`MAX_SIZE`].
    #[error("larger than {} MiB", MAX_SIZE >> 20)]
    TooLarge,
    /// Not text.
    #[error("not UTF-8 text")]
    NotText,
    /// A page instead of a list, as a captive portal or an error gives.
    #[error("a web page, not a list")]
    WebPage,
    /// There is no copy yet: the list acts after its first download.
    #[error("not downloaded yet")]
    NotDownloaded,
    /// A download of far fewer lines than the copy has.
    #[error("only {new} lines where the copy has {old}; the copy is kept")]
    Shrunk {
        /// Lines of the copy.
        old: usize,
        /// Lines of the download.
        new: usize,
    },
    /// The download failed.
    #[error("{0}")]
    Fetch(#[from] FetchError),
}

/// Why a download failed, in words for the owner.
#[derive(Debug, thiserror::Error)]
#[error("download failed: {0}")]
pub struct FetchError(pub String);

/// What a download brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Nothing: what is known under the tag is what there is.
    Unchanged,
    /// A text.
    Text {
        /// As it came, content codings undone.
        bytes: Vec<u8>,
        /// Its entity tag (RFC 9110 section 8.8.3), where it has one.
        tag: Option<String>,
    },
}

/// The way out for downloads; whoever implements it goes through `upstream` and leaves a record.
pub trait Fetch {
    /// The body of a successful GET of `url`, of at most `limit` bytes, unless it is still the one of `tag`.
    fn fetch(
        &self,
        url: &str,
        limit: u64,
        tag: Option<&str>,
    ) -> impl Future<Output = Result<Fetched, FetchError>> + Send;
}

/// The copies of downloaded lists.
#[derive(Clone, Debug)]
pub struct Copies {
    dir: PathBuf,
}

/// What became of a download.
#[derive(Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The copy was already the same.
    Same,
    /// The copy is new.
    New,
}

impl Copies {
    /// Keeps copies in `dir`, which is made with the first one.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The lists there are now, without the network: files as they stand, URLs from their copies; and what is wrong
    /// with the rest. Blocks on the disk.
    pub fn load(&self, sources: &[Source]) -> (Vec<List>, Vec<ListError>) {
        let mut lists = Vec::new();
        let mut errors = Vec::new();
        for source in sources.iter().take(MAX_LISTS) {
            let text = match source {
                Source::File { path, .. } => read(path),
                Source::Url(url) => read(&self.path(url)).map_err(|problem| match problem {
                    Problem::Io(error) if error.kind() == std::io::ErrorKind::NotFound => {
                        Problem::NotDownloaded
                    }
                    other => other,
                }),
            };
            match text {
                Ok(text) => lists.push(List::new(source.name().clone(), text)),
                Err(problem) => errors.push(ListError { list: source.name().clone(), problem }),
            }
        }
        (lists, errors)
    }

    /// How long ago the copy of `source` was found to be what there is; `None` where there is none. A file has no copy.
    pub fn age(&self, source: &Source) -> Option<Duration> {
        let Source::Url(url) = source else { return None };
        let changed = std::fs::metadata(self.path(url)).and_then(|about| about.modified()).ok()?;
        Some(changed.elapsed().unwrap_or_default())
    }

    /// Downloads one URL and replaces its copy where the download can be trusted to be the list. On any error the copy
    /// stays as it is. A file needs no download.
    pub async fn refresh(&self, source: &Source, fetch: &impl Fetch) -> Result<Refreshed, ListError> {
        let Source::Url(url) = source else { return Ok(Refreshed::Same) };
        let error = |problem| ListError { list: url.clone(), problem };
        let tag = self.tag(url);
        let fetched =
            fetch.fetch(url, MAX_SIZE, tag.as_deref()).await.map_err(|failed| error(failed.into()))?;
        let copies = self.clone();
        let name = url.clone();
        // Reading, comparing and writing 2 MiB is no work for a worker.
        let done = tokio::task::spawn_blocking(move || match fetched {
            Fetched::Unchanged => copies.confirm(&name),
            Fetched::Text { bytes, tag } => copies.replace(&name, bytes, tag.as_deref()),
        });
        done.await.unwrap_or_else(|failed| Err(std::io::Error::other(failed).into())).map_err(error)
    }

    /// The tag of a copy that is there and whole.
    fn tag(&self, url: &str) -> Option<String> {
        read(&self.path(url)).ok()?;
        std::fs::read_to_string(self.tag_path(url)).ok()
    }

    fn confirm(&self, url: &str) -> Result<Refreshed, Problem> {
        std::fs::File::options().append(true).open(self.path(url))?.set_modified(SystemTime::now())?;
        Ok(Refreshed::Same)
    }

    fn replace(&self, url: &str, bytes: Vec<u8>, tag: Option<&str>) -> Result<Refreshed, Problem> {
        let text = check(bytes)?;
        if let Ok(copy) = read(&self.path(url)) {
            if copy == text {
                self.keep_tag(url, tag)?;
                return self.confirm(url);
            }
            let (old, new) = (copy.lines().count(), text.lines().count());
            if new * 100 < old * SHRINK_LIMIT {
                return Err(Problem::Shrunk { old, new });
            }
        }
        // Without a tag for a moment rather than with that of another text.
        self.keep_tag(url, None)?;
        replace_file(&self.dir, &file_name(url), |file| file.write_all(text.as_bytes()))?;
        self.keep_tag(url, tag)?;
        Ok(Refreshed::New)
    }

    fn keep_tag(&self, url: &str, tag: Option<&str>) -> Result<(), Problem> {
        let path = self.tag_path(url);
        match (tag, path.file_name().and_then(|name| name.to_str())) {
            (Some(tag), Some(name)) => replace_file(&self.dir, name, |file| file.write_all(tag.as_bytes()))?,
            _ => match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            },
        }
        Ok(())
    }

    fn tag_path(&self, url: &str) -> PathBuf {
        self.path(url).with_extension("etag")
    }

    fn path(&self, url: &str) -> PathBuf {
        self.dir.join(file_name(url))
    }
}

/// A name that any URL can have and no file system minds.
fn file_name(url: &str) -> String {
    let digest = Sha256::digest(url);
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).chain([".txt".to_owned()]).collect()
}

fn read(path: &Path) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
    check(bytes)
}

/// A text that can be a list.
fn check(bytes: Vec<u8>) -> Result<String, Problem> {
    if bytes.len() as u64 > MAX_SIZE {
        return Err(Problem::TooLarge);
    }
    let text = String::from_utf8(bytes).map_err(|_| Problem::NotText)?;
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.is_empty() {
        return Err(Problem::Empty);
    }
    if start.starts_with('<') {
        return Err(Problem::WebPage);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    struct Canned(Mutex<Vec<Result<Vec<u8>, FetchError>>>);

    impl Fetch for Canned {
        async fn fetch(&self, _url: &str, _limit: u64, _tag: Option<&str>) -> Result<Fetched, FetchError> {
            self.0.lock().unwrap().remove(0).map(|bytes| Fetched::Text { bytes, tag: None })
        }
    }

    /// Has one text under one tag.
    struct Tagged;

    impl Fetch for Tagged {
        async fn fetch(&self, _url: &str, _limit: u64, tag: Option<&str>) -> Result<Fetched, FetchError> {
            Ok(match tag {
                Some("\"one\"") => Fetched::Unchanged,
                _ => Fetched::Text { bytes: lines(3), tag: Some("\"one\"".to_owned()) },
            })
        }
    }

    #[tokio::test]
    async fn a_copy_that_is_still_the_newest_is_not_downloaded_again() {
        let dir = tempfile::tempdir().unwrap();
        let copies = Copies::new(dir.path().join("lists"));
        let source = Source::parse(URL, dir.path()).unwrap();
        assert_eq!(copies.age(&source), None);
        assert_eq!(copies.refresh(&source, &Tagged).await.unwrap(), Refreshed::New);
        let long_ago = SystemTime::now() - Duration::from_secs(1_000_000);
        std::fs::File::options().append(true).open(copies.path(URL)).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(copies.refresh(&source, &Tagged).await.unwrap(), Refreshed::Same);
        assert!(copies.age(&source).unwrap() < Duration::from_secs(1000));
        // A tag without its text proves nothing.
        std::fs::remove_file(copies.path(URL)).unwrap();
        assert_eq!(copies.refresh(&source, &Tagged).await.unwrap(), Refreshed::New);
    }

    const URL: &str = "https://lists.example/privacy.txt";

    fn lines(count: usize) -> Vec<u8> {
        (0..count).map(|n| format!("||t{n}.example^\n")).collect::<String>().into_bytes()
    }

    #[test]
    fn an_entry_is_an_https_url_or_a_path() {
        let base = Path::new("/etc/doorward");
        assert_eq!(Source::parse(URL, base).unwrap(), Source::Url(URL.into()));
        let file = Source::parse("lists/mine.txt", base).unwrap();
        assert_eq!(file, Source::File { name: "lists/mine.txt".into(), path: base.join("lists/mine.txt") });
        for text in ["", "http://lists.example/x", "https://", "ftp://x.example/", "https://u:p@x.example/l"]
        {
            assert!(Source::parse(text, base).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_copy_is_replaced_only_by_what_looks_like_the_list() {
        let dir = tempfile::tempdir().unwrap();
        let copies = Copies::new(dir.path().join("lists"));
        let source = Source::parse(URL, dir.path()).unwrap();
        let sources = [source.clone()];
        assert!(matches!(copies.load(&sources).1[..], [ListError { problem: Problem::NotDownloaded, .. }]));

        let fetch = Canned(Mutex::new(vec![
            Ok(lines(100)),
            Ok(lines(100)),
            Ok(lines(69)),
            Ok(b"<!doctype html>sign in".to_vec()),
            Ok(b" \n".to_vec()),
            Ok(vec![0xff, 0xfe]),
            Err(FetchError("no route".to_owned())),
            Ok(lines(70)),
        ]));
        assert_eq!(copies.refresh(&source, &fetch).await.unwrap(), Refreshed::New);
        assert_eq!(copies.refresh(&source, &fetch).await.unwrap(), Refreshed::Same);
        for want in [
            "list https://lists.example/privacy.txt: only 69 lines where the copy has 100; the copy is kept",
            "list https://lists.example/privacy.txt: a web page, not a list",
            "list https://lists.example/privacy.txt: it is empty",
            "list https://lists.example/privacy.txt: not UTF-8 text",
            "list https://lists.example/privacy.txt: download failed: no route",
        ] {
            assert_eq!(copies.refresh(&source, &fetch).await.unwrap_err().to_string(), want);
            let (lists, errors) = copies.load(&sources);
            assert_eq!((lists[0].text.lines().count(), errors.len()), (100, 0), "the copy stays");
        }
        assert_eq!(copies.refresh(&source, &fetch).await.unwrap(), Refreshed::New);
        assert_eq!(copies.load(&sources).0[0].text.lines().count(), 70);
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let source = Source::parse("none.txt", dir.path()).unwrap();
        let (lists, errors) = Copies::new(dir.path()).load(&[source]);
        assert!(lists.is_empty());
        assert!(errors[0].to_string().starts_with("list none.txt: "), "{}", errors[0]);
    }
}
