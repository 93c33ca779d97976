//! `control.sock`: the API for whoever owns the home, by file permission.

use axum::Router;
use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

/// Why the socket cannot be opened.
#[derive(Debug, Error)]
#[error("{}: {source}", .path.display())]
pub struct ControlError {
    path: PathBuf,
    source: std::io::Error,
}

/// Serves `router` on the socket until told to stop. The home's lock is held, so a socket that is there is a dead one's.
///
/// # Errors
/// When the socket cannot be made.
pub fn serve_control(
    path: &Path,
    router: Router,
    stop: CancellationToken,
) -> Result<impl Future<Output = ()> + Send + use<>, ControlError> {
    let failed = |source| ControlError { path: path.to_owned(), source };
    // Bound under another name and moved once only its owner may speak to it.
    let making = path.with_extension("new");
    for left in [path, &making] {
        match fs::remove_file(left) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    let listener = UnixListener::bind(&making).map_err(failed)?;
    fs::set_permissions(&making, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    fs::rename(&making, path).map_err(failed)?;
    let path = path.to_owned();
    Ok(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::warn!(%error, "control socket");
        }
        // A socket without a gateway behind it would only make commands wait.
        let _ = fs::remove_file(path);
    })
}
