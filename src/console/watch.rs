//! Watches the files that the console was configured by.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;

use super::Signal;

/// Editors write a file in several steps: it is read when nothing has happened to it for so long.
const QUIET: Duration = Duration::from_millis(60);

/// Tells of changes until it is dropped.
pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    watched: HashSet<PathBuf>,
    waiter: AbortHandle,
}

impl Watch {
    /// Begins to watch nothing. Changes come as [`Signal::Files`].
    pub(crate) fn start(signals: mpsc::Sender<Signal>) -> notify::Result<Self> {
        let bell = Arc::new(Notify::new());
        let ring = Arc::clone(&bell);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| matters(&event)) {
                ring.notify_one();
            }
        })?;
        let waiter = tokio::spawn(async move {
            loop {
                bell.notified().await;
                while tokio::time::timeout(QUIET, bell.notified()).await.is_ok() {}
                if signals.send(Signal::Files).await.is_err() {
                    return;
                }
            }
        });
        Ok(Self { watcher, watched: HashSet::new(), waiter: waiter.abort_handle() })
    }

    /// Watches the folders of these files too, or where a folder is missing, the one that it would be made in.
    pub(crate) fn cover<'a>(&mut self, folders: impl IntoIterator<Item = &'a Path>) {
        for folder in folders {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let there = if folder.is_dir() { Some(folder) } else { folder.parent().filter(|parent| parent.is_dir()) };
            let Some(there) = there.filter(|there| !self.watched.contains(*there)) else { continue };
            match self.watcher.watch(there, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.watched.insert(there.to_owned())),
                Err(error) => tracing::warn!("{} is not watched: {error}", there.display()),
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.waiter.abort();
    }
}

/// Whether an event may have changed the configuration.
fn matters(event: &notify::Event) -> bool {
    let ours = |path: &PathBuf| {
        let folder =
            ["hemera", "themes", "keymaps"].iter().any(|name| path.file_name().is_some_and(|found| found == *name));
        folder || path.extension().is_some_and(|extension| extension == "toml")
    };
    !event.kind.is_access() && event.paths.iter().any(ours)
}
