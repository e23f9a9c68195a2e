//! Deployment packages: zip archives unpacked once under the hash of their bytes.
//!
//! An archive is a stranger's: it may name files outside its folder, lead there through links, or
//! unpack without end. What is unpacked here stays inside and within the limits, or is not there at
//! all: a folder appears under its final name only once it is whole and on disk.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

/// Most bytes of an archive (Lambda quotas, "Deployment package", zipped, direct upload).
pub const ZIPPED_BYTES_MAX: usize = 52_428_800;
/// Most bytes of all files together (Lambda quotas, "Deployment package", unzipped).
pub const UNPACKED_BYTES_MAX: u64 = 262_144_000;
/// Most entries of an archive; ours, so that a small archive cannot make a million files.
const ENTRIES_MAX: usize = 65_535;
/// Deepest folder that an entry may be in; ours.
const DEPTH_MAX: usize = 64;
/// Longest target of a symbolic link.
const LINK_BYTES_MAX: u64 = 4096;

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It has no entries.
    #[error("Uploaded file must be a non-empty zip")]
    Empty,
    /// It is not a zip archive, or a damaged one.
    #[error("Could not unzip uploaded file. Please check your file, then try to upload again.")]
    NotAZip,
    /// It is more than [`ZIPPED_BYTES_MAX`] long.
    #[error("Zipped size must be smaller than {ZIPPED_BYTES_MAX} bytes")]
    ZippedTooLarge,
    /// It unpacks to more than [`UNPACKED_BYTES_MAX`].
    #[error("Unzipped size must be smaller than {UNPACKED_BYTES_MAX} bytes")]
    TooLarge,
    /// It has more than [`ENTRIES_MAX`] entries.
    #[error("The archive must have fewer than {ENTRIES_MAX} entries")]
    TooManyEntries,
    /// An entry would land, or lead, outside.
    #[error("The archive's entry {0:?} leads outside of the function's folder")]
    Escapes(String),
    /// The disk failed.
    #[error("could not {operation} the code of a function")]
    Disk {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

fn disk(operation: &'static str) -> impl FnOnce(io::Error) -> UnpackError {
    move |source| UnpackError::Disk { operation, source }
}

/// Returns the name under which the archive `zip` is kept: the SHA-256 of its bytes, in hex.
pub fn code_hash(zip: &[u8]) -> String {
    hex::encode(Sha256::digest(zip))
}

/// Where unpacked code lives.
#[derive(Clone, Debug)]
pub struct CodeStore {
    directory: PathBuf,
}

impl CodeStore {
    /// Keeps code in `directory`, which is created.
    pub fn open(directory: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        Ok(Self { directory })
    }

    /// Returns the folder of the code `hash`.
    pub fn path(&self, hash: &str) -> PathBuf {
        self.directory.join(hash)
    }

    /// Unpacks `zip`, whose hash is `hash`. Once this returns, the code survives the loss of power.
    ///
    /// Blocks on the disk.
    pub fn unpack(&self, zip: &[u8], hash: &str) -> Result<(), UnpackError> {
        if zip.is_empty() {
            return Err(UnpackError::Empty);
        }
        if zip.len() > ZIPPED_BYTES_MAX {
            return Err(UnpackError::ZippedTooLarge);
        }
        let target = self.path(hash);
        if target.is_dir() {
            return Ok(());
        }
        let partial = self.directory.join(format!(".partial-{}", uuid::Uuid::new_v4().simple()));
        let result = self.unpack_into(zip, &partial).and_then(|()| {
            match fs::rename(&partial, &target) {
                Ok(()) => Ok(()),
                // Somebody else unpacked the same bytes in the meantime.
                Err(_) if target.is_dir() => Ok(()),
                Err(source) => Err(disk("rename")(source)),
            }?;
            sync_folder(&self.directory)
        });
        if partial.exists() {
            // What is left of it is collected when the server starts.
            let _ = fs::remove_dir_all(&partial);
        }
        result
    }

    fn unpack_into(&self, zip: &[u8], root: &Path) -> Result<(), UnpackError> {
        let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|_| UnpackError::NotAZip)?;
        if archive.is_empty() {
            return Err(UnpackError::Empty);
        }
        if archive.len() > ENTRIES_MAX {
            return Err(UnpackError::TooManyEntries);
        }
        let links = link_paths(&mut archive)?;
        fs::create_dir_all(root).map_err(disk("create a folder for"))?;
        let mut files = Vec::new();
        let mut left = UNPACKED_BYTES_MAX;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(|_| UnpackError::NotAZip)?;
            if entry.is_symlink() {
                continue;
            }
            let path = inside(entry.name())?;
            if links.contains(&path) || path.ancestors().skip(1).any(|parent| links.contains(parent)) {
                return Err(UnpackError::Escapes(entry.name().to_owned()));
            }
            let place = root.join(&path);
            if entry.is_dir() {
                fs::create_dir_all(&place).map_err(disk("create a folder of"))?;
                continue;
            }
            if let Some(parent) = place.parent() {
                fs::create_dir_all(parent).map_err(disk("create a folder of"))?;
            }
            let executable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
            // The size that the archive claims is not believed.
            left -= write_file(&mut entry, &place, left)?;
            let mode = if executable { 0o555 } else { 0o444 };
            fs::set_permissions(&place, fs::Permissions::from_mode(mode)).map_err(disk("protect"))?;
            files.push(place);
        }
        make_links(&mut archive, root, &links)?;
        // All is written before the first is synced: the disk then has most of it done already.
        for file in &files {
            File::open(file).and_then(|file| file.sync_data()).map_err(disk("sync"))?;
        }
        sync_folder(root)
    }

    /// Removes all code but that of `hashes`. For when nothing runs yet.
    pub fn retain(&self, hashes: &HashSet<String>) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let known = entry.file_name().to_str().is_some_and(|name| hashes.contains(name));
            if !known {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Returns the path of an entry, relative and without `..`.
fn inside(name: &str) -> Result<PathBuf, UnpackError> {
    let escapes = || UnpackError::Escapes(name.to_owned());
    // A backslash is a separator to some who make archives, and never part of a sane name.
    if name.contains(['\0', '\\']) || name.len() > 4096 {
        return Err(escapes());
    }
    let mut path = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(escapes()),
        }
    }
    if path.as_os_str().is_empty() || path.components().count() > DEPTH_MAX {
        return Err(escapes());
    }
    Ok(path)
}

fn link_paths(archive: &mut ZipArchive<Cursor<&[u8]>>) -> Result<HashSet<PathBuf>, UnpackError> {
    let mut links = HashSet::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|_| UnpackError::NotAZip)?;
        if entry.is_symlink() {
            links.insert(inside(entry.name())?);
        }
    }
    Ok(links)
}

fn write_file(entry: &mut impl Read, place: &Path, left: u64) -> Result<u64, UnpackError> {
    // An archive may name a file twice; the second is an error, not a way to change the first.
    let mut file = File::options().write(true).create_new(true).open(place).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => UnpackError::NotAZip,
        _ => disk("write")(source),
    })?;
    let mut limited = entry.take(left + 1);
    let written = io::copy(&mut limited, &mut file).map_err(|source| match source.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => UnpackError::NotAZip,
        io::ErrorKind::Other => UnpackError::NotAZip,
        _ => disk("write")(source),
    })?;
    if written > left {
        return Err(UnpackError::TooLarge);
    }
    Ok(written)
}

/// Makes the symbolic links, last, so that nothing is ever written through one. No link is made
/// within another, and a target climbs only at its beginning: so where it leads can be read off it.
fn make_links(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    root: &Path,
    links: &HashSet<PathBuf>,
) -> Result<(), UnpackError> {
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|_| UnpackError::NotAZip)?;
        if !entry.is_symlink() {
            continue;
        }
        let name = entry.name().to_owned();
        let path = inside(&name)?;
        let mut target = String::new();
        entry.take(LINK_BYTES_MAX).read_to_string(&mut target).map_err(|_| UnpackError::NotAZip)?;
        let within_link = path.ancestors().skip(1).any(|parent| links.contains(parent));
        if within_link || !stays_inside(&path, &target) {
            return Err(UnpackError::Escapes(name));
        }
        let place = root.join(&path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(disk("create a folder of"))?;
        }
        symlink(&target, &place).map_err(disk("link"))?;
    }
    Ok(())
}

fn stays_inside(link: &Path, target: &str) -> bool {
    let depth = link.components().count() - 1;
    let mut climbed = 0;
    let mut descended = false;
    for component in Path::new(target).components() {
        match component {
            Component::ParentDir if descended => return false,
            Component::ParentDir => climbed += 1,
            Component::Normal(_) => descended = true,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    descended && climbed <= depth
}

fn sync_folder(path: &Path) -> Result<(), UnpackError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(disk("sync a folder of"))
}

/// Says whether the code in `root` speaks of the runtime's SDK without bringing it along.
///
/// Only the function's own files are read, not what it depends on. It decides whether the SDK is
/// made ready in advance, and nothing else.
pub fn needs_sdk(root: &Path, runtime_is_python: bool) -> bool {
    let bundled = if runtime_is_python { "boto3" } else { "node_modules/aws-sdk" };
    if root.join(bundled).is_dir() {
        return false;
    }
    let (extensions, word): (&[&str], &str) = if runtime_is_python {
        (&["py"], "boto")
    } else {
        (&["js", "mjs", "cjs"], "aws-sdk")
    };
    const FILES_MAX: usize = 2_000;
    let mut folders = vec![root.to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && name != "node_modules" {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)) {
                files += 1;
                let speaks = fs::read(&path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(word));
                if speaks || files > FILES_MAX {
                    return true;
                }
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;

    use super::*;

    /// One entry: a file, or with `->` a symbolic link.
    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            let options = SimpleFileOptions::default();
            match content.strip_prefix(b"->") {
                Some(target) => {
                    let target = std::str::from_utf8(target).expect("text");
                    writer.add_symlink(*name, target, options).expect("a link");
                }
                None => {
                    writer.start_file(*name, options).expect("an entry");
                    writer.write_all(content).expect("content");
                }
            }
        }
        writer.finish().expect("an archive").into_inner()
    }

    fn check(zip: &[u8]) -> Result<PathBuf, String> {
        let directory = tempfile::tempdir().expect("a directory").keep();
        let store = CodeStore::open(directory.join("code")).expect("a store");
        let hash = code_hash(zip);
        let result = store.unpack(zip, &hash).map(|()| store.path(&hash)).map_err(|error| error.to_string());
        let names: Vec<_> = fs::read_dir(directory.join("code")).expect("the store").flatten().collect();
        assert_eq!(names.len(), usize::from(result.is_ok()), "nothing is left behind: {names:?}");
        assert_eq!(fs::read_dir(&directory).expect("the directory").count(), 1, "nothing escaped");
        result
    }

    #[test]
    fn archives_are_unpacked() {
        let zip = archive(&[
            ("index.js", b"exports.handler = 1"),
            ("a/b/c.txt", b"c"),
            ("node_modules/.bin/tool", b"->../tool/cli.js"),
            ("node_modules/tool/cli.js", b"tool"),
        ]);
        let root = check(&zip).expect("unpacked");
        assert_eq!(fs::read(root.join("a/b/c.txt")).expect("a file"), b"c");
        assert_eq!(fs::read(root.join("node_modules/.bin/tool")).expect("through the link"), b"tool");
    }

    #[test]
    fn hostile_archives_are_refused() {
        let escapes = "leads outside";
        let cases: [(&str, Vec<u8>, &str); 13] = [
            ("nothing", Vec::new(), "non-empty"),
            ("no zip", b"hello".to_vec(), "Could not unzip"),
            ("no entries", archive(&[]), "non-empty"),
            ("parent", archive(&[("../x", b"x")]), escapes),
            ("parent within", archive(&[("a/../../x", b"x")]), escapes),
            ("absolute", archive(&[("/tmp/x", b"x")]), escapes),
            ("backslash", archive(&[("a\\..\\x", b"x")]), escapes),
            ("link up", archive(&[("l", b"->../x")]), escapes),
            ("absolute link", archive(&[("l", b"->/etc/passwd")]), escapes),
            ("through a link", archive(&[("l", b"->d"), ("l/x", b"x")]), escapes),
            ("link within a link", archive(&[("l", b"->d"), ("l/m", b"->../x")]), escapes),
            ("climbing behind a link", archive(&[("a/up", b"->.."), ("m", b"->a/up/../x")]), escapes),
            ("a file and a link", archive(&[("l", b"x"), ("d/../l", b"->d")]), escapes),
        ];
        for (name, zip, expected) in cases {
            let error = check(&zip).expect_err(name);
            assert!(error.contains(expected), "{name}: {error}");
        }
    }

    #[test]
    fn a_bomb_is_stopped_by_what_it_unpacks_to() {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let zeros = vec![0; 8 << 20];
        for number in 0..32 {
            writer.start_file(format!("zeros-{number}"), SimpleFileOptions::default()).expect("an entry");
            writer.write_all(&zeros).expect("content");
        }
        let zip = writer.finish().expect("an archive").into_inner();
        assert!(zip.len() < 1 << 20, "it is small: {}", zip.len());
        assert!(check(&zip).expect_err("too large").contains("262144000"));
    }
}
