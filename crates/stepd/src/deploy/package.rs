//! What is uploaded for a local path of a template: a file as it is, or an archive of a folder with
//! the libraries that it asks for.

use std::path::Path;

use anyhow::{Context as _, bail};
use cfn_template::artifacts::{Artifact, ArtifactKind};

use super::archive::Files;
use super::libraries;

/// Returns the bytes of `artifact`, whose path begins in `folder`.
pub(super) fn build(folder: &Path, artifact: &Artifact) -> anyhow::Result<Vec<u8>> {
    let path = folder.join(&artifact.path);
    let read =
        || std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()));
    match artifact.kind {
        ArtifactKind::File => read(),
        ArtifactKind::Archive if path.is_dir() => files_of(&path, artifact)?.archive(),
        ArtifactKind::Archive => match path.extension().and_then(|extension| extension.to_str()) {
            Some("zip" | "jar") => read(),
            Some(_) | None => {
                let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                    bail!("{} is no file", path.display());
                };
                if !path.is_file() {
                    bail!("{} is not there", path.display());
                }
                let mut files = Files::default();
                files.add(name.to_owned(), path.clone());
                files.archive()
            }
        },
    }
}

/// Returns the files of a folder with the libraries that it asks for.
pub(crate) fn files_of(folder: &Path, artifact: &Artifact) -> anyhow::Result<Files> {
    let runtime = artifact.runtime.as_deref().unwrap_or_default();
    let mut files = Files::default();
    if runtime.starts_with("python") {
        if let Some(installed) = libraries::python(folder, runtime)? {
            files.add_folder(&installed, "", &[])?;
        }
        files.add_folder(folder, "", &[])?;
    } else if let Some(installed) = libraries::node(folder)? {
        files.add_folder(folder, "", &["node_modules"])?;
        files.add_folder(&installed, "node_modules/", &[".package-lock.json"])?;
    } else {
        files.add_folder(folder, "", &[])?;
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("makes it");
        std::fs::write(path, text).expect("writes");
    }

    fn names(archive: &[u8]) -> Vec<String> {
        let archive = zip::ZipArchive::new(std::io::Cursor::new(archive)).expect("an archive");
        archive.file_names().map(str::to_owned).collect()
    }

    #[test]
    fn the_same_files_are_the_same_archive() {
        let artifact = |path: &str, kind| Artifact {
            path: path.to_owned(),
            kind,
            runtime: Some("nodejs12.x".to_owned()),
            logical_id: "F".to_owned(),
        };
        let build_one = |order: &[&str]| {
            let folder = tempfile::tempdir().expect("a folder");
            for name in order {
                write(folder.path(), &format!("src/{name}"), name);
            }
            build(folder.path(), &artifact("src/", ArtifactKind::Archive)).expect("packs")
        };
        let first = build_one(&[
            "b.js",
            "a.js",
            "lib/c.js",
            ".git/config",
            "package.json.txt",
        ]);
        let second = build_one(&["package.json.txt", "lib/c.js", "a.js", "b.js"]);
        assert_eq!(
            names(&first),
            ["a.js", "b.js", "lib/c.js", "package.json.txt"]
        );
        assert_eq!(first, second);

        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "one.js", "x");
        write(folder.path(), "machine.json", "{}");
        let single =
            build(folder.path(), &artifact("one.js", ArtifactKind::Archive)).expect("packs");
        assert_eq!(names(&single), ["one.js"]);
        let file =
            build(folder.path(), &artifact("machine.json", ArtifactKind::File)).expect("reads");
        assert_eq!(file, b"{}");
        let error = build(folder.path(), &artifact("absent/", ArtifactKind::Archive))
            .expect_err("is not there");
        assert!(error.to_string().contains("is not there"), "{error}");
    }

    #[test]
    fn libraries_that_are_there_are_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "src/index.js", "x");
        write(
            folder.path(),
            "src/package.json",
            r#"{"dependencies": {"one": "^1.0.0"}}"#,
        );
        write(
            folder.path(),
            "src/node_modules/one/package.json",
            r#"{"version": "1.0.0"}"#,
        );
        write(folder.path(), "src/node_modules/one/index.js", "x");
        write(folder.path(), "src/node_modules/.bin/one", "x");
        write(folder.path(), "src/node_modules/.package-lock.json", "{}");
        let artifact = Artifact {
            path: "src".to_owned(),
            kind: ArtifactKind::Archive,
            runtime: Some("nodejs20.x".to_owned()),
            logical_id: "F".to_owned(),
        };
        let archive = build(folder.path(), &artifact).expect("packs without npm");
        let expected = [
            "index.js",
            "node_modules/one/index.js",
            "node_modules/one/package.json",
            "package.json",
        ];
        assert_eq!(names(&archive), expected);
    }
}
