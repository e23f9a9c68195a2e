//! The libraries that a function asks for: installed once for every set of them, by npm or pip, and
//! kept in the user's cache. What is kept is named by the hash of all that decides what is installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The files that decide what npm installs.
const NPM_FILES: [&str; 4] = [
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    ".npmrc",
];

/// Returns the `node_modules` for the function in `folder`; `None` when it asks for no library.
pub(super) fn node(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let Ok(text) = std::fs::read_to_string(folder.join("package.json")) else {
        return Ok(None);
    };
    let package: Value = serde_json::from_str(&text).context("package.json is no JSON")?;
    let empty = serde_json::Map::new();
    let wanted = package
        .get("dependencies")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    if wanted.is_empty() {
        return Ok(None);
    }
    let own = folder.join("node_modules");
    if is_fresh(folder, &own, wanted) {
        return Ok(Some(own));
    }
    // A library out of a folder nearby is not decided by these files alone.
    let local = |version: &Value| {
        version
            .as_str()
            .is_some_and(|version| version.starts_with("file:") || version.starts_with('.'))
    };
    if wanted.values().any(local) {
        bail!(
            "package.json names libraries in folders: run `npm install` in {} and deploy again",
            folder.display()
        );
    }
    let mut hash = Sha256::new();
    for name in NPM_FILES {
        digest_file(&mut hash, &folder.join(name), name);
    }
    let kept = cache_dir()?.join("npm").join(hex::encode(hash.finalize()));
    install_once(&kept, |draft| npm(folder, draft))?;
    Ok(Some(kept.join("node_modules")))
}

/// Says whether `node_modules` has every library and is not older than the files that decide it.
fn is_fresh(folder: &Path, modules: &Path, wanted: &serde_json::Map<String, Value>) -> bool {
    let changed = |path: PathBuf| {
        std::fs::metadata(path)
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    let Some(installed) = changed(modules.join(".package-lock.json")) else {
        return false;
    };
    NPM_FILES
        .iter()
        .filter_map(|name| changed(folder.join(name)))
        .all(|file| file <= installed)
        && wanted
            .keys()
            .all(|name| modules.join(name).join("package.json").is_file())
}

fn npm(folder: &Path, draft: &Path) -> anyhow::Result<()> {
    for name in NPM_FILES {
        let from = folder.join(name);
        if from.is_file() {
            std::fs::copy(&from, draft.join(name))
                .with_context(|| format!("{name} cannot be copied"))?;
        }
    }
    println!("Installing the libraries of {} (npm)", folder.display());
    let npm = |verb: &str| {
        let mut command = Command::new("npm");
        command
            .args([
                verb,
                "--omit=dev",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ])
            .current_dir(draft);
        run(command, "npm")
    };
    let locked =
        draft.join("package-lock.json").is_file() || draft.join("npm-shrinkwrap.json").is_file();
    // A lock file that does not fit package.json is one that nobody has updated.
    if !locked || npm("ci").is_err() {
        npm("install")?;
    }
    std::fs::create_dir_all(draft.join("node_modules")).context("node_modules cannot be made")
}

/// Returns the folder with the libraries of the function in `folder`; `None` when it asks for none.
pub(super) fn python(folder: &Path, runtime: &str) -> anyhow::Result<Option<PathBuf>> {
    let requirements = folder.join("requirements.txt");
    let Ok(text) = std::fs::read_to_string(&requirements) else {
        return Ok(None);
    };
    let asks = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if !text.lines().any(asks) {
        return Ok(None);
    }
    let mut hash = Sha256::new();
    hash.update(runtime);
    digest_file(&mut hash, &requirements, "requirements.txt");
    let kept = cache_dir()?.join("pip").join(hex::encode(hash.finalize()));
    install_once(&kept, |draft| {
        println!("Installing the libraries of {} (pip)", folder.display());
        let mut command = Command::new("python3");
        command.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-compile",
            "--target",
        ]);
        command
            .arg(draft)
            .args(["-r", "requirements.txt"])
            .current_dir(folder);
        run(command, "pip")
    })?;
    Ok(Some(kept))
}

fn digest_file(hash: &mut Sha256, path: &Path, name: &str) {
    if let Ok(bytes) = std::fs::read(path) {
        hash.update(name);
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    }
}

/// Makes the folder `kept` by `install`, unless it is there. It gets its name when it is complete.
fn install_once(
    kept: &Path,
    install: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if kept.is_dir() {
        return Ok(());
    }
    let parent = kept.parent().context("the cache has no folder")?;
    std::fs::create_dir_all(parent)
        .with_context(|| format!("the cache {} cannot be made", parent.display()))?;
    let draft = tempfile::Builder::new()
        .prefix("draft-")
        .tempdir_in(parent)
        .context("the cache cannot be written")?;
    install(draft.path())?;
    match std::fs::rename(draft.path(), kept) {
        Ok(()) => {
            // It has its name now; there is nothing left to remove.
            let _ = draft.keep();
            Ok(())
        }
        // Somebody else was faster with the same.
        Err(_) if kept.is_dir() => Ok(()),
        Err(error) => Err(error).context("the cache cannot be written"),
    }
}

/// Returns the user's cache.
fn cache_dir() -> anyhow::Result<PathBuf> {
    if let Some(own) = std::env::var_os("STEPD_CACHE_DIR") {
        return Ok(own.into());
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = cache
        .or_else(home)
        .context("neither STEPD_CACHE_DIR nor HOME is set")?;
    Ok(cache.join("stepd"))
}

/// Runs a command; when it fails, what it said is the error.
fn run(mut command: Command, name: &str) -> anyhow::Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{name} cannot be run: is it installed?"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    bail!("{name} failed ({}):\n{}", output.status, said.trim_end())
}
