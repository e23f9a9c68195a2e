//! Files of bytes: written once, put into their place, read, removed.
//!
//! A file is written in `incoming/` under a random name and synced there; then a row that speaks of
//! it is committed; only then is it renamed into `blobs/`, which is what `kill -9` may leave undone.
//! So whatever lies in `incoming/` at a start is either spoken of (and renamed now) or rubbish (and
//! removed), and nothing else has to be looked through. Files that lose their row are listed as waste
//! in the same commit, and removed behind it or at the next start.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use store::{Batch, Store, StoreError};

use crate::rows::{self, BlobId};

/// Waste that is looked up at a time.
const WASTE_PAGE: usize = 1_000;

/// Why the files could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A directory could not be made or read.
    #[error("could not use the directory of the S3 objects")]
    Directory(#[source] io::Error),
    /// What is left of the last run could not be looked up.
    #[error("could not look up the S3 objects in the store")]
    Lookup(#[source] StoreError),
}

/// The files.
pub(crate) struct Blobs {
    incoming: PathBuf,
    placed: PathBuf,
    /// How many read a file at the moment, and whether it is to be removed when they are done.
    readers: Mutex<HashMap<BlobId, Readers>>,
}

#[derive(Default)]
struct Readers {
    count: usize,
    waste: bool,
}

/// Keeps files from being removed as long as somebody reads them.
pub(crate) struct Pin {
    blobs: Arc<Blobs>,
    store: Arc<dyn Store>,
    ids: Vec<BlobId>,
}

impl Blobs {
    /// Opens the directory and clears up what the last run left.
    pub async fn open(data_dir: &Path, store: &Arc<dyn Store>) -> Result<Arc<Self>, OpenError> {
        let root = data_dir.join("objects");
        let blobs = Self {
            incoming: root.join("incoming"),
            placed: root.join("blobs"),
            readers: Mutex::default(),
        };
        blobs.create_directories().map_err(OpenError::Directory)?;
        let blobs = Arc::new(blobs);
        blobs.settle(&**store).await?;
        blobs.remove_all_waste(store).await?;
        Ok(blobs)
    }

    fn create_directories(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.incoming)?;
        for first in 0..=u8::MAX {
            std::fs::create_dir_all(self.placed.join(hex::encode([first])))?;
        }
        for folder in [&self.incoming, &self.placed] {
            sync(folder)?;
            sync(folder.parent().expect("it was made of a root"))?;
        }
        Ok(())
    }

    /// Puts into place, or removes, what the last run left in `incoming/`.
    async fn settle(&self, store: &dyn Store) -> Result<(), OpenError> {
        for entry in std::fs::read_dir(&self.incoming).map_err(OpenError::Directory)? {
            let path = entry.map_err(OpenError::Directory)?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let id = name.and_then(BlobId::from_name);
            let needed = match id {
                Some(id) => store
                    .get(&rows::needed_key(id))
                    .await
                    .map_err(OpenError::Lookup)?,
                None => None,
            };
            let settled = match id.filter(|_| needed.is_some()) {
                Some(id) => std::fs::rename(&path, self.place_of(id)),
                None => std::fs::remove_file(&path),
            };
            settled.map_err(OpenError::Directory)?;
        }
        Ok(())
    }

    async fn remove_all_waste(&self, store: &Arc<dyn Store>) -> Result<(), OpenError> {
        loop {
            let page = store
                .scan(&rows::wastes(), WASTE_PAGE)
                .await
                .map_err(OpenError::Lookup)?;
            let ids: Vec<BlobId> = page
                .iter()
                .filter_map(|(row, _)| rows::waste_of(row))
                .collect();
            if ids.is_empty() {
                return Ok(());
            }
            self.remove(&ids).map_err(OpenError::Directory)?;
            store
                .commit(forget(&ids))
                .await
                .map_err(OpenError::Lookup)?;
        }
    }

    /// Returns where a file is written.
    pub fn incoming_of(&self, id: BlobId) -> PathBuf {
        self.incoming.join(id.name())
    }

    fn place_of(&self, id: BlobId) -> PathBuf {
        let name = id.name();
        self.placed.join(&name[..2]).join(name)
    }

    /// Makes what was written in `incoming/` durable there. Once this returns, a row may speak of it.
    pub fn sync_incoming(&self) -> io::Result<()> {
        sync(&self.incoming)
    }

    /// Makes a second name of a file that another row will speak of. Costs no copy.
    pub fn link(&self, from: BlobId, to: BlobId) -> io::Result<()> {
        let target = self.incoming_of(to);
        match std::fs::hard_link(self.place_of(from), &target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::hard_link(self.incoming_of(from), &target)
            }
            done => done,
        }
    }

    /// Renames files that a committed row speaks of into their place.
    ///
    /// A failure costs nothing: they are found in `incoming/` as well, and placed at the next start.
    pub fn put_into_place(&self, ids: &[BlobId]) {
        for &id in ids {
            if let Err(error) = std::fs::rename(self.incoming_of(id), self.place_of(id)) {
                tracing::warn!(%error, blob = id.name(), "a file stays where it was written");
            }
        }
    }

    /// Removes a file that no row ever spoke of.
    pub fn discard(&self, id: BlobId) {
        if let Err(error) = std::fs::remove_file(self.incoming_of(id))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, blob = id.name(), "a file is left over until the next start");
        }
    }

    /// Opens a file for reading.
    pub fn read(&self, id: BlobId) -> io::Result<File> {
        // It may be renamed between the first look and the second, but never back.
        match File::open(self.place_of(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        match File::open(self.incoming_of(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => File::open(self.place_of(id)),
            opened => opened,
        }
    }

    /// Keeps `ids` from being removed until the pin is dropped.
    pub fn pin(self: &Arc<Self>, store: &Arc<dyn Store>, ids: Vec<BlobId>) -> Pin {
        let mut readers = self.readers.lock();
        for &id in &ids {
            readers.entry(id).or_default().count += 1;
        }
        Pin {
            blobs: Arc::clone(self),
            store: Arc::clone(store),
            ids,
        }
    }

    /// Removes files that a committed batch listed as waste, those that are read when that is over.
    pub fn discard_waste(self: &Arc<Self>, store: &Arc<dyn Store>, mut ids: Vec<BlobId>) {
        {
            let mut readers = self.readers.lock();
            ids.retain(|id| match readers.get_mut(id) {
                Some(reading) => {
                    reading.waste = true;
                    false
                }
                None => true,
            });
        }
        if ids.is_empty() {
            return;
        }
        let (blobs, store) = (Arc::clone(self), Arc::clone(store));
        tokio::spawn(async move {
            let removed = {
                let ids = ids.clone();
                tokio::task::spawn_blocking(move || blobs.remove(&ids)).await
            };
            // Whatever goes wrong here is put right at the next start: the waste is still listed.
            match removed {
                Ok(Ok(())) => {
                    if let Err(error) = store.commit(forget(&ids)).await {
                        tracing::warn!(%error, "removed files stay listed until the next start");
                    }
                }
                Ok(Err(error)) => tracing::warn!(%error, "files cannot be removed"),
                Err(error) => tracing::error!(%error, "the removal of files did not finish"),
            }
        });
    }

    fn remove(&self, ids: &[BlobId]) -> io::Result<()> {
        let mut touched: Vec<PathBuf> = Vec::new();
        for &id in ids {
            for path in [self.place_of(id), self.incoming_of(id)] {
                match std::fs::remove_file(&path) {
                    Ok(()) => touched.extend(path.parent().map(Path::to_owned)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        touched.sort();
        touched.dedup();
        // Before the waste is forgotten, or a loss of power could bring a file back for good.
        touched.iter().try_for_each(|folder| sync(folder))
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut waste = Vec::new();
        {
            let mut readers = self.blobs.readers.lock();
            for id in &self.ids {
                let Some(reading) = readers.get_mut(id) else {
                    continue;
                };
                reading.count -= 1;
                if reading.count == 0 {
                    if reading.waste {
                        waste.push(*id);
                    }
                    readers.remove(id);
                }
            }
        }
        // A pin may outlive the runtime when the server stops; the next start removes the waste then.
        if !waste.is_empty() && tokio::runtime::Handle::try_current().is_ok() {
            self.blobs.discard_waste(&self.store, waste);
        }
    }
}

fn forget(ids: &[BlobId]) -> Batch {
    Batch {
        delete: ids.iter().map(|&id| rows::waste_key(id)).collect(),
        ..Batch::default()
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
