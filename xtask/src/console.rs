//! `cargo xtask console`: builds the web console into `console/dist`, from where the server's build
//! takes it; and its tests.
//!
//! What npm installs is pinned by the lock file and installed again only when that changes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::workspace;

/// What the tests' browser is called on the systems that have one.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Builds the page; without a Node.js that is new enough, says what is missing.
pub fn build() -> anyhow::Result<()> {
    install()?;
    workspace::run(&mut npm(&["run", "--silent", "build"]))
}

/// Says whether there is a Node.js that can build the page.
pub fn can_build() -> bool {
    node_version().is_some_and(|version| version >= (20, 19)) && workspace::is_installed("npm")
}

/// Runs the page's own tests: the folds, the layout, the forms.
pub fn test() -> anyhow::Result<()> {
    install()?;
    workspace::run(&mut npm(&["run", "--silent", "test"]))
}

/// Walks through the console in a real browser, against `stepd` with the AWS command line in `tools`.
pub fn walk(stepd: &Path, tools: &Path) -> anyhow::Result<()> {
    install()?;
    let mut walk = npm(&["run", "--silent", "walk"]);
    walk.env("STEPD_BIN", stepd)
        .env("STEPD_AWS", tools.join("venv/bin/aws"))
        .env("STEPD_BROWSER", browser()?);
    workspace::run(&mut walk)
}

/// Returns the browser of the tests; installs Debian's where there is none and it can be.
fn browser() -> anyhow::Result<PathBuf> {
    if let Some(found) = std::env::var_os("STEPD_BROWSER") {
        return Ok(found.into());
    }
    if let Some(found) = find_browser() {
        return Ok(found);
    }
    let is_root = rustix::process::geteuid().is_root();
    if !is_root || !workspace::is_installed("apt-get") {
        bail!(
            "no Chromium is installed and it cannot be installed from here; the walk through the console \
             needs one (STEPD_BROWSER says where it is)"
        );
    }
    println!("installing Chromium for the walk through the console");
    for words in [
        &["update", "-qq"][..],
        &[
            "install",
            "-qq",
            "-y",
            "--no-install-recommends",
            "chromium",
            "fonts-dejavu-core",
        ],
    ] {
        let mut apt = Command::new("apt-get");
        apt.args(words).env("DEBIAN_FRONTEND", "noninteractive");
        workspace::output(&mut apt)?;
    }
    find_browser().context("Chromium was installed and cannot be found")
}

/// Returns where the browser lies: who starts it looks at no `PATH`.
fn find_browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut places = BROWSERS
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.find(|place| place.is_file())
}

fn folder() -> PathBuf {
    workspace::root().join("console")
}

fn npm(words: &[&str]) -> Command {
    let mut npm = Command::new("npm");
    npm.args(words).current_dir(folder());
    npm
}

fn install() -> anyhow::Result<()> {
    if !can_build() {
        bail!("the console is built with Node.js 20.19 or newer and npm, https://nodejs.org");
    }
    let wanted = read(&folder().join("package-lock.json"))?;
    let installed = folder().join("node_modules/.installed");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    workspace::run(&mut npm(&["ci", "--silent", "--no-audit", "--no-fund"]))?;
    std::fs::write(&installed, wanted)
        .with_context(|| format!("could not write {}", installed.display()))
}

/// Returns major and minor of `v20.19.1`.
fn node_version() -> Option<(u32, u32)> {
    let text = workspace::output(Command::new("node").arg("--version")).ok()?;
    version_of(text.trim())
}

fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix('v')?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::version_of;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(version_of("v20.19.1"), Some((20, 19)));
        assert!(version_of("v20.9.0") < Some((20, 19)));
        assert_eq!(version_of("nonsense"), None);
    }
}
