//! The transform, resource by resource, against AWS's own: `aws-sam-translator` from PyPI, in a
//! virtual environment that this test makes for itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use cfn_template::{Template, sam};
use serde_json::{Map, Value, json};

/// The version that the templates here were last compared with.
const TRANSLATOR: &str = "aws-sam-translator==1.115.0";

/// Returns a Python that has the translator, or says why there is none.
fn python() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sam-translator");
    let python = folder.join("bin/python");
    let ready = folder.join("ready");
    if std::fs::read_to_string(&ready).is_ok_and(|version| version == TRANSLATOR) {
        return Ok(python);
    }
    let run = |program: &Path, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    };
    let path = folder.to_str().ok_or("the path is not UTF-8")?;
    run(Path::new("python3"), &["-m", "venv", path])?;
    run(
        &python,
        &["-m", "pip", "install", "--quiet", TRANSLATOR, "pyyaml"],
    )?;
    std::fs::write(&ready, TRANSLATOR).map_err(|error| error.to_string())?;
    Ok(python)
}

fn translate(python: &Path, arguments: &[&Path]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sam/translate.py");
    let output = Command::new(python).arg(script).args(arguments).output();
    let output = output.expect("python starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Returns the resources that our transform makes, in one form for both sides.
fn ours(text: &str) -> Map<String, Value> {
    let mut template = Template::parse(text).expect("parses");
    sam::transform(&mut template, &BTreeMap::new()).expect("transforms");
    let resources = template.resources.iter();
    resources
        .map(|(id, resource)| (id.clone(), normal(resource.to_value())))
        .collect()
}

/// Returns `resources` without the endings of deployments, which AWS makes of Python's text of a document.
fn without_digests(resources: &Map<String, Value>) -> Map<String, Value> {
    let deployments: Vec<&String> = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::ApiGateway::Deployment")
        .map(|(id, _)| id)
        .collect();
    let mut text = serde_json::to_string(resources).expect("JSON");
    for id in deployments {
        text = text.replace(id.as_str(), &id[..id.len() - 10]);
        let description = resources[id]["Properties"]["Description"].as_str();
        let description = description.expect("a description");
        let digest = description.rsplit(' ').next().unwrap_or_default();
        assert!(
            digest.len() == 40 && id.ends_with(&digest[..10]),
            "{id}: {description}"
        );
        text = text.replace(digest, "DIGEST");
    }
    serde_json::from_str(&text).expect("JSON")
}

/// `DependsOn` as a sorted list, and no empty `Properties`.
fn normal(mut resource: Value) -> Value {
    let members = resource.as_object_mut().expect("a resource");
    if members.get("Properties") == Some(&json!({})) {
        members.remove("Properties");
    }
    if let Some(on) = members.get_mut("DependsOn") {
        let mut names = match on.take() {
            Value::Array(names) => names,
            name => vec![name],
        };
        names.sort_by_key(Value::to_string);
        *on = names.into();
    }
    resource
}

fn compare(name: &str, text: &str, theirs: &Value, problems: &mut Vec<String>) -> usize {
    let mut ours = without_digests(&ours(text));
    let theirs = without_digests(theirs["Resources"].as_object().expect("resources"));
    for (id, resource) in &theirs {
        let (wanted, found) = (normal(resource.clone()), ours.remove(id));
        if found.as_ref() != Some(&wanted) {
            let found = found.unwrap_or_default();
            problems.push(format!("{name} {id}:\n  AWS  {wanted}\n  ours {found}"));
        }
    }
    problems.extend(
        ours.keys()
            .map(|id| format!("{name} {id}: AWS makes no such resource")),
    );
    theirs.len()
}

#[test]
fn the_transform_is_awss() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            eprintln!("skipped: aws-sam-translator cannot be installed here: {why}");
            return;
        }
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sam");
    let every_policy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("every-policy.json");
    let text = translate(&python, &[Path::new("--policies")]).to_string();
    std::fs::write(&every_policy, text).expect("writes");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .chain([every_policy])
        .collect();
    paths.sort();
    let borrowed: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let theirs = translate(&python, &borrowed);
    let (mut problems, mut compared) = (Vec::new(), 0);
    for (path, theirs) in paths.iter().zip(theirs.as_array().expect("a list")) {
        let text = std::fs::read_to_string(path).expect("reads");
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        compared += compare(&name, &text, theirs, &mut problems);
    }
    eprintln!("{compared} resources of {} templates compared", paths.len());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(compared > 250, "{compared} resources are too few");
}
