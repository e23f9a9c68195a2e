//! `stepd build`: what `sam build` does, for every runtime that functions here have: the code of each
//! function with its libraries in a folder of its own, and a template that names these folders. The SAM
//! command line deploys it as its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cfn_template::artifacts::{self, ArtifactKind};
use cfn_template::{Template, yaml};

use crate::deploy::{find_template, gather};

/// The file that says that a folder is a build, which the next may replace.
const MARKER: &str = ".stepd-build";
/// What the former build is called while the new one takes its place.
const FORMER: &str = "former";

/// Options of `stepd build`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The template, or the folder in which it is called template.yaml, template.yml or template.json
    #[arg(default_value = ".", value_name = "DIR|TEMPLATE")]
    path: PathBuf,
    /// Where the folders and the new template go [default: .aws-sam/build beside the template]
    #[arg(long, value_name = "DIR")]
    build_dir: Option<PathBuf>,
}

/// Builds.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let file = find_template(&arguments.path)?;
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let template =
        Template::parse(&text).with_context(|| format!("{} is no template", file.display()))?;
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = std::path::absolute(folder.unwrap_or(Path::new(".")))
        .context("the template's folder has no path")?;
    let build_dir = match &arguments.build_dir {
        Some(own) => std::path::absolute(own).context("the build folder has no path")?,
        None => folder.join(".aws-sam/build"),
    };
    refuse_project(&build_dir, &folder)?;
    let draft = draft(&build_dir)?;
    let mut places = BTreeMap::new();
    for artifact in artifacts::list(&template) {
        let what = || {
            format!(
                "{} (of {}) cannot be built",
                artifact.path, artifact.logical_id
            )
        };
        let source = folder.join(&artifact.path);
        let place = match (artifact.kind, is_folder(&source)) {
            (ArtifactKind::Archive, true) => {
                println!("Building {}", artifact.logical_id);
                let files = gather(&source, &artifact).with_context(what)?;
                files
                    .write(&draft.path().join(&artifact.logical_id))
                    .with_context(what)?;
                artifact.logical_id.clone()
            }
            (ArtifactKind::Archive | ArtifactKind::File, _) => {
                let source = std::fs::canonicalize(&source).with_context(what)?;
                relative(&build_dir, &source).display().to_string()
            }
        };
        places.insert(artifact.path, place);
    }
    let mut document = yaml::parse(&text)?.value;
    artifacts::relocate(&mut document, &places);
    let written = serde_json::to_string_pretty(&document).context("the template has no text")?;
    std::fs::write(draft.path().join("template.yaml"), written + "\n")
        .context("the template cannot be written")?;
    std::fs::write(draft.path().join(MARKER), "")
        .context("the mark of a build cannot be written")?;
    publish(draft, &build_dir, arguments.build_dir.is_none())?;
    println!(
        "\nBuilt {}; deploy it with `stepd deploy` or `sam deploy`",
        build_dir.join("template.yaml").display()
    );
    Ok(())
}

fn is_folder(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Returns a folder beside the build's, which takes its place once everything is in it.
fn draft(build_dir: &Path) -> anyhow::Result<tempfile::TempDir> {
    let parent = build_dir
        .parent()
        .context("the build folder is in no folder")?;
    std::fs::create_dir_all(parent)
        .with_context(|| format!("{} cannot be made", parent.display()))?;
    tempfile::Builder::new()
        .prefix(".build-")
        .tempdir_in(parent)
        .with_context(|| format!("{} cannot be written", parent.display()))
}

/// Refuses to build where the template is: what a build replaces, it removes.
fn refuse_project(build_dir: &Path, folder: &Path) -> anyhow::Result<()> {
    // A folder that is not there yet holds nobody's project.
    let Ok(place) = std::fs::canonicalize(build_dir) else {
        return Ok(());
    };
    let folder = std::fs::canonicalize(folder).context("the template's folder has no path")?;
    anyhow::ensure!(
        !folder.starts_with(&place),
        "{} is the template's own folder or holds it: name another with --build-dir",
        build_dir.display()
    );
    Ok(())
}

/// Puts the draft in the place of the build. `is_default` says that nobody has named the place.
fn publish(draft: tempfile::TempDir, build_dir: &Path, is_default: bool) -> anyhow::Result<()> {
    let unwritten = || format!("{} cannot be written", build_dir.display());
    let mut former = None;
    if build_dir.exists() {
        // Only what a build has made is removed. A template says nothing about that: each project has
        // one. The default place belongs to whoever builds, so that what `sam` made is replaced there.
        let is_build = build_dir.join(MARKER).is_file()
            || (is_default && build_dir.join("template.yaml").is_file());
        anyhow::ensure!(
            is_build,
            "{} is there and is no build: name another with --build-dir",
            build_dir.display()
        );
        let away = self::draft(build_dir)?;
        std::fs::rename(build_dir, away.path().join(FORMER)).with_context(unwritten)?;
        former = Some(away);
    }
    if let Err(error) = std::fs::rename(draft.path(), build_dir) {
        if let Some(away) = former {
            // Kept, should it not go back: it is all that is left of the former build.
            let away = away.keep();
            let returned = std::fs::rename(away.join(FORMER), build_dir);
            if returned.is_ok() {
                // An empty folder that stays is no harm.
                let _ = std::fs::remove_dir(away);
            }
        }
        return Err(error).with_context(unwritten);
    }
    // It has its name now; there is nothing left to remove.
    let _ = draft.keep();
    make_readable(build_dir).with_context(unwritten)
}

/// A folder for a moment is its owner's alone; a build is like any other.
fn make_readable(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Returns the way from the folder `from` to `to`; both are whole paths.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let from = std::fs::canonicalize(from.parent().unwrap_or(from)).map_or_else(
        |_| from.to_owned(),
        |parent| match from.file_name() {
            Some(name) => parent.join(name),
            None => parent,
        },
    );
    let shared = from
        .components()
        .zip(to.components())
        .take_while(|(left, right)| left == right)
        .count();
    let up = from.components().count() - shared;
    let mut way: PathBuf = std::iter::repeat_n("..", up).collect();
    way.extend(to.components().skip(shared));
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("makes it");
        std::fs::write(path, text).expect("writes");
    }

    const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: nodejs12.x}}
Resources:
  One: {Type: AWS::Serverless::Function, Properties: {CodeUri: src/, Handler: a.b, Role: !GetAtt R.Arn}}
  Two: {Type: AWS::Serverless::Function, Properties: {CodeUri: src/, Handler: c.d}}
  M: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: machines/m.json}}
";

    #[test]
    fn a_build_is_a_template_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "template.yaml", TEMPLATE);
        write(folder.path(), "src/a.js", "1");
        write(folder.path(), "src/lib/b.js", "2");
        write(folder.path(), "machines/m.json", "{}");
        let arguments = Arguments {
            path: folder.path().to_owned(),
            build_dir: None,
        };
        for _ in 0..2 {
            run(&arguments).expect("builds");
        }
        let built = folder.path().join(".aws-sam/build");
        assert_eq!(
            std::fs::read_to_string(built.join("One/lib/b.js")).expect("reads"),
            "2"
        );
        let text = std::fs::read_to_string(built.join("template.yaml")).expect("reads");
        let template = Template::parse(&text).expect("a template");
        let of = |id: &str, name: &str| template.resources[id].properties[name].clone();
        assert_eq!(
            (of("One", "CodeUri"), of("Two", "CodeUri")),
            ("One".into(), "One".into())
        );
        assert_eq!(
            of("One", "Role"),
            serde_json::json!({"Fn::GetAtt": ["R", "Arn"]})
        );
        assert_eq!(of("M", "DefinitionUri"), "../../machines/m.json");
        assert!(built.join("../../machines/m.json").is_file());
    }

    /// Checks that a build at `build_dir` is refused with `reason`, and that `kept` stays.
    fn check_refused(folder: &Path, build_dir: &Path, reason: &str, kept: &Path) {
        let arguments = Arguments {
            path: folder.to_owned(),
            build_dir: Some(build_dir.to_owned()),
        };
        let refused = run(&arguments).expect_err("is no build").to_string();
        assert!(refused.contains(reason), "{refused}");
        assert!(kept.exists(), "{} is gone", kept.display());
    }

    #[test]
    fn what_no_build_has_made_stays() {
        let around = tempfile::tempdir().expect("a folder");
        let project = around.path().join("project");
        write(&project, "template.yaml", TEMPLATE);
        write(&project, "src/a.js", "1");
        write(&project, "machines/m.json", "{}");
        let source = project.join("src/a.js");
        let roundabout = project.join("src/..");
        for own in [project.as_path(), roundabout.as_path(), around.path()] {
            check_refused(&project, own, "own folder", &source);
        }
        let other = tempfile::tempdir().expect("a folder");
        write(other.path(), "template.yaml", TEMPLATE);
        let kept = other.path().join("template.yaml");
        check_refused(&project, other.path(), "is no build", &kept);

        // A build of our own is replaced, wherever it is.
        let arguments = Arguments {
            path: project.clone(),
            build_dir: Some(other.path().join("build")),
        };
        for _ in 0..2 {
            run(&arguments).expect("builds");
        }
        // So is what `sam` has built at the default place.
        write(&project, ".aws-sam/build/template.yaml", "{}");
        write(&project, ".aws-sam/build/old.txt", "old");
        let arguments = Arguments {
            path: project.clone(),
            build_dir: None,
        };
        run(&arguments).expect("builds");
        assert!(!project.join(".aws-sam/build/old.txt").exists());
    }
}
