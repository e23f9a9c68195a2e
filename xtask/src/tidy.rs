//! `cargo xtask tidy`: what the project demands and the compiler does not check.
//!
//! Every check looks at the files of the working tree and pushes what it finds; nothing is changed.
//! It runs as a test too, so that `cargo test` alone tells.

mod arrows;
mod documents;
mod purity;
mod text;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::workspace;

/// One thing that is not as it should be: where, and what.
pub type Problems = Vec<String>;

/// Checks everything and prints every problem.
pub fn run() -> anyhow::Result<()> {
    let problems = problems()?;
    for problem in &problems {
        println!("{problem}");
    }
    if !problems.is_empty() {
        bail!("{} things are not tidy", problems.len());
    }
    println!("tidy");
    Ok(())
}

fn problems() -> anyhow::Result<Problems> {
    let crates = crates()?;
    let files = files()?;
    let mut problems = Problems::new();
    arrows::check(&crates, &mut problems);
    purity::check(&crates, &files, &mut problems);
    text::check(&files, &mut problems);
    documents::check(&crates, &files, &mut problems);
    Ok(problems)
}

/// A crate of the workspace, as its manifest describes it.
pub struct Crate {
    /// Its name, equal to its folder's.
    pub name: String,
    /// The folder, relative to the root.
    pub folder: String,
    /// `[package.metadata.stepd] layer`.
    pub layer: Option<u64>,
    /// `[package.metadata.stepd] pure`.
    pub pure: bool,
    /// The `license` field.
    pub license: Option<String>,
    /// What the crate itself is built from; what only its tests use is not here.
    pub dependencies: Vec<Dependency>,
}

/// One line of a crate's `[dependencies]` or `[build-dependencies]`.
pub struct Dependency {
    /// The package's name.
    pub name: String,
    /// Whether it is a crate of this workspace.
    pub ours: bool,
}

/// Returns the workspace's crates.
fn crates() -> anyhow::Result<Vec<Crate>> {
    let words = [
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ];
    let text = workspace::output(&mut workspace::cargo(&words))?;
    let metadata: Value = serde_json::from_str(&text).context("could not read cargo metadata")?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    packages.iter().map(crate_of).collect()
}

fn crate_of(package: &Value) -> anyhow::Result<Crate> {
    let name = package["name"]
        .as_str()
        .context("a package without a name")?
        .to_owned();
    let manifest = PathBuf::from(
        package["manifest_path"]
            .as_str()
            .context("a package without a manifest")?,
    );
    let folder = manifest.parent().context("a manifest without a folder")?;
    let folder = folder
        .strip_prefix(workspace::root())
        .unwrap_or(folder)
        .to_string_lossy()
        .into_owned();
    let told = &package["metadata"]["stepd"];
    let lines = package["dependencies"].as_array().into_iter().flatten();
    let dependencies = lines
        .filter(|line| line["kind"].as_str() != Some("dev"))
        .map(|line| Dependency {
            name: line["name"].as_str().unwrap_or_default().to_owned(),
            ours: line["path"].is_string(),
        });
    Ok(Crate {
        folder,
        layer: told["layer"].as_u64(),
        pure: told["pure"].as_bool().unwrap_or(false),
        license: package["license"].as_str().map(str::to_owned),
        dependencies: dependencies.collect(),
        name,
    })
}

/// A text file of the project.
pub struct File {
    /// Relative to the root, with forward slashes.
    pub path: String,
    /// What is in it.
    pub text: String,
}

impl File {
    /// Says whether a generator wrote the file: by its name, and then by its first lines.
    pub fn is_generated(&self) -> bool {
        self.path.ends_with("generated.rs") || self.path.contains("__generated__/")
    }
}

/// Returns the files that are in the repository or would be added to it, without those not text.
fn files() -> anyhow::Result<Vec<File>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(workspace::root());
    let mut files = Vec::new();
    for path in workspace::output(&mut git)?.lines() {
        // A file that was removed and not yet committed is still listed; one that is not text has
        // nothing to say here.
        if let Ok(text) = std::fs::read_to_string(workspace::root().join(path)) {
            files.push(File {
                path: path.to_owned(),
                text,
            });
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_project_is_tidy() {
        let problems = super::problems().expect("the workspace can be read");
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }
}
