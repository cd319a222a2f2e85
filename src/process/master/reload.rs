//! `--reload`, for development: watches files, builds the program and replaces the workers.

use super::orphans::Children;
use super::{ERROR, Event, Master};
use crate::http::ServeError;
use crate::process::channel::{SUCCESSOR, WORKER};
use crate::settings::{NamedFile, ServerSettings};
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// Changes count once nothing has changed for this long: editors and linkers write in steps.
const QUIET: Duration = Duration::from_millis(200);

/// Refuses sources that do not exist.
pub(super) fn check(settings: &ServerSettings) -> Result<(), ServeError> {
    let absent = |path: &&PathBuf| settings.reload && !path.exists();
    settings.reload_dirs.iter().find(absent).map_or(Ok(()), |path| {
        Err(ServeError::Setting {
            key: "server.reload_dirs".to_owned(),
            value: path.display().to_string(),
            allowed: "existing folders and files",
        })
    })
}

/// What is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Watched {
    /// A change to one of these replaces the workers.
    files: BTreeSet<PathBuf>,
    /// A change in one of these runs the command, or replaces the workers if there is none.
    sources: BTreeSet<PathBuf>,
    command: Option<String>,
}

impl Watched {
    fn of(master: &Master) -> Self {
        let (plan, server) = (&master.plan, &master.plan.settings.server);
        let config = [&plan.layers.file, &plan.layers.env_file].into_iter().flatten();
        let log = plan.settings.logging.config.iter().map(NamedFile::path);
        let files = config.map(PathBuf::as_path).chain(log).chain([master.launcher.executable()]);
        Self {
            files: files.map(absolute).collect(),
            sources: server.reload_dirs.iter().map(|path| absolute(path)).collect(),
            command: server.reload_command.clone(),
        }
    }

    fn find(&self, path: PathBuf) -> Option<Change> {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if self.files.contains(&path) {
            Some(Change::File(path))
        } else if !hidden && self.sources.iter().any(|source| path.starts_with(source)) {
            Some(Change::Source(path))
        } else {
            None
        }
    }

    /// Single files are watched through their folders: most are replaced rather than rewritten.
    fn watch(&self, watcher: &mut RecommendedWatcher) -> notify::Result<()> {
        let (folders, files): (Vec<_>, Vec<_>) =
            self.sources.iter().partition(|path| path.is_dir());
        let parents = files.into_iter().chain(&self.files).filter_map(|path| path.parent());
        for parent in parents.collect::<BTreeSet<_>>() {
            watcher.watch(parent, RecursiveMode::NonRecursive)?;
        }
        folders.into_iter().try_for_each(|path| watcher.watch(path, RecursiveMode::Recursive))
    }
}

/// Events name files by the folder as given.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[derive(Debug)]
enum Change {
    File(PathBuf),
    Source(PathBuf),
}

/// Watches until it is dropped.
pub(super) struct Reloader {
    what: Watched,
    _watcher: RecommendedWatcher,
}

impl Reloader {
    fn start(
        what: Watched,
        children: Children,
        events: UnboundedSender<Event>,
    ) -> notify::Result<Self> {
        let (sender, changes) = unbounded_channel();
        let known = what.clone();
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<_>| match event {
                Ok(notify::Event { kind, paths, .. }) if is_change(kind) => {
                    for change in paths.into_iter().filter_map(|path| known.find(path)) {
                        // Fails only when this server ends.
                        let _ = sender.send(change);
                    }
                }
                Ok(_) => {}
                Err(error) => log::error!(target: ERROR, "--reload: {error}"),
            })?;
        what.watch(&mut watcher)?;
        actix_web::rt::spawn(react(changes, (what.command.clone(), children), events));
        Ok(Self { what, _watcher: watcher })
    }
}

impl Master {
    /// Watches what the current plan needs; nothing without `--reload`.
    pub(super) fn watch_files(&mut self) {
        let wanted = self.plan.settings.server.reload.then(|| Watched::of(self));
        if self.reloader.as_ref().map(|reloader| &reloader.what) == wanted.as_ref() {
            return;
        }
        let started = wanted.map(|what| {
            Reloader::start(what, self.launcher.children().clone(), self.events.clone())
        });
        self.reloader = started.transpose().unwrap_or_else(|error| {
            log::error!(target: ERROR, "--reload: files cannot be watched: {error}");
            None
        });
    }
}

/// Reading is no change; otherwise each build would start the next one.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Modify(ModifyKind::Metadata(_)) | EventKind::Any | EventKind::Other => false,
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) => true,
    }
}

/// Merges each burst of changes into one; those during a build wait for its end.
async fn react(
    mut changes: UnboundedReceiver<Change>,
    (command, children): (Option<String>, Children),
    events: UnboundedSender<Event>,
) {
    while let Some(first) = changes.recv().await {
        let mut burst = vec![first];
        while let Ok(Some(change)) = timeout(QUIET, changes.recv()).await {
            burst.push(change);
        }
        let (mut file, mut source) = (None, None);
        for change in burst {
            match change {
                Change::File(path) => file = Some(path),
                Change::Source(path) => source = Some(path),
            }
        }
        match (source, &command) {
            // Its output changes the program's file.
            (Some(path), Some(command)) => build(&path, command, &children).await,
            (source, _) => file = file.or(source),
        }
        if let Some(path) = file
            && events.send(Event::Changed(path)).is_err()
        {
            return;
        }
    }
}

/// Runs the command; its output goes where the server's does.
async fn build(changed: &Path, command: &str, children: &Children) {
    log::info!(target: ERROR, "Changed: {}; building: {command}", changed.display());
    let started = Command::new("sh")
        .args(["-c", command])
        .env_remove(WORKER)
        .env_remove(SUCCESSOR)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let status = match started {
        Ok(mut child) => {
            let _awaited = children.wait_for(child.id());
            child.wait().await
        }
        Err(error) => Err(error),
    };
    match status {
        Ok(status) if status.success() => log::info!(target: ERROR, "Built"),
        Ok(status) => log::error!(target: ERROR, "The build failed ({status}): the old program \
                                                  continues"),
        Err(error) => log::error!(target: ERROR, "The build failed, sh does not start: {error}"),
    }
}
