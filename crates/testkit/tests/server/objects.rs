//! S3 through the AWS command line, presigned URLs, and a server that is killed meanwhile.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use serde_json::Value;
use testkit::{Aws, Server, until};

/// Runs `aws s3 ARGUMENTS…` and returns what it printed.
fn s3(aws: &Aws, arguments: &[&str]) -> anyhow::Result<String> {
    let output = aws
        .command(&[&["s3"], arguments].concat())
        .output()
        .context("aws s3")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "aws s3 {}: {errors}",
        arguments.join(" ")
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Bytes that differ from place to place, so that a part in the wrong place is seen.
fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| {
            (at as u64)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .to_be_bytes()[0]
        })
        .collect()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<String> {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().context("a folder")?)?;
    std::fs::write(&path, bytes)?;
    Ok(path.to_string_lossy().into_owned())
}

#[test]
fn the_command_line_keeps_files_in_buckets() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    let folder = server.folder().join("files");
    s3(&aws, &["mb", "s3://things"])?;
    ensure!(
        s3(&aws, &["ls"])?.trim_end().ends_with(" things"),
        "the bucket is listed"
    );

    // Above 8 MB the command line uploads in parts, several at a time.
    let big = bytes(20 << 20);
    let big_path = write(&folder, "big", &big)?;
    s3(&aws, &["cp", &big_path, "s3://things/big", "--quiet"])?;
    let head = aws.call(&["s3api", "head-object", "--bucket", "things", "--key", "big"])?;
    ensure!(head["ContentLength"] == big.len(), "{head}");
    ensure!(
        head["ETag"]
            .as_str()
            .is_some_and(|tag| tag.ends_with("-3\"")),
        "{head}"
    );
    let attributes = ["--object-attributes", "ETag", "ObjectParts", "ObjectSize"];
    let asked = [
        "s3api",
        "get-object-attributes",
        "--bucket",
        "things",
        "--key",
        "big",
    ];
    let told = aws.call(&[asked.as_slice(), &attributes].concat())?;
    ensure!(told["ObjectParts"]["TotalPartsCount"] == 3, "{told}");
    ensure!(told["ObjectSize"] == big.len(), "{told}");
    let back = folder.join("back").to_string_lossy().into_owned();
    s3(&aws, &["cp", "s3://things/big", &back, "--quiet"])?;
    ensure!(
        std::fs::read(&back)? == big,
        "what comes back is what was sent"
    );
    s3(
        &aws,
        &["cp", "s3://things/big", "s3://things/copy", "--quiet"],
    )?;
    let head = aws.call(&[
        "s3api",
        "head-object",
        "--bucket",
        "things",
        "--key",
        "copy",
    ])?;
    ensure!(head["ContentLength"] == big.len(), "{head}");

    for name in ["tree/a.txt", "tree/b c.txt", "tree/ü/d.txt"] {
        let path = write(&folder, name, name.as_bytes())?;
        // S3 tells whole seconds, so a file of the same second may look newer than its object.
        let minute_ago = SystemTime::now() - Duration::from_secs(60);
        File::options()
            .write(true)
            .open(path)?
            .set_modified(minute_ago)?;
    }
    let tree = folder.join("tree").to_string_lossy().into_owned();
    s3(&aws, &["sync", &tree, "s3://things/tree", "--quiet"])?;
    ensure!(
        s3(&aws, &["sync", &tree, "s3://things/tree"])?.is_empty(),
        "nothing is sent twice"
    );
    let listed = s3(&aws, &["ls", "s3://things/tree/"])?;
    for name in ["a.txt", "b c.txt", "PRE ü/"] {
        ensure!(listed.contains(name), "{name} in {listed}");
    }
    ensure!(
        s3(&aws, &["cp", "s3://things/tree/ü/d.txt", "-"])? == "tree/ü/d.txt",
        "it is printed"
    );

    let refused = aws.refused(&["s3api", "delete-bucket", "--bucket", "things"])?;
    ensure!(refused.code == "BucketNotEmpty", "{refused:?}");
    s3(&aws, &["rm", "s3://things", "--recursive", "--quiet"])?;
    s3(&aws, &["rb", "s3://things"])?;
    until("all files are removed", || {
        Ok(files(&server.data_dir()).is_empty().then_some(()))
    })
}

fn files(data_dir: &Path) -> Vec<std::path::PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![data_dir.join("objects")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path)
            } else {
                files.push(path)
            }
        }
    }
    files
}

/// Runs `curl` and returns status and body.
fn curl(arguments: &[&str]) -> anyhow::Result<(String, String)> {
    let output = Command::new("curl")
        .args(["-sS", "-w", "\n%{http_code}"])
        .args(arguments)
        .output();
    let text = String::from_utf8_lossy(&output.context("curl")?.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').context("curl prints the status")?;
    Ok((status.to_owned(), body.to_owned()))
}

#[test]
fn a_url_lets_in_only_whoever_has_it_whole() -> anyhow::Result<()> {
    let server = Server::start()?;
    let aws = server.aws()?;
    s3(&aws, &["mb", "s3://things"])?;
    let path = write(server.folder(), "hello", b"hello")?;
    s3(&aws, &["cp", &path, "s3://things/hello", "--quiet"])?;
    // Without a word, the command line makes URLs of the second version of signatures.
    let config = "[default]\ns3 =\n  signature_version = s3v4\n";
    let config = write(server.folder(), "config", config.as_bytes())?;
    for (aws, unsigned) in [
        (aws.clone(), "SignatureDoesNotMatch"),
        (aws.with("AWS_CONFIG_FILE", &config), "AccessDenied"),
    ] {
        let url = s3(&aws, &["presign", "s3://things/hello"])?;
        check_url(url.trim(), unsigned)?;
    }
    Ok(())
}

/// Checks that the URL lets its owner in, and nobody who has changed anything. `unsigned` is what a
/// header that it does not cover is refused with.
fn check_url(url: &str, unsigned: &str) -> anyhow::Result<()> {
    let (status, body) = curl(&[url])?;
    ensure!(
        (&*status, &*body) == ("200", "hello"),
        "{url}: {status} {body}"
    );
    let (status, _) = curl(&["-H", "Range: bytes=1-2", url])?;
    ensure!(status == "206", "{status}");
    let other = "SignatureDoesNotMatch";
    for (name, request, code) in [
        (
            "another key",
            vec![url.replace("/hello?", "/other?")],
            other,
        ),
        (
            "another method",
            vec!["-XDELETE".into(), url.to_owned()],
            other,
        ),
        (
            "another sender",
            vec![url.replace("AKIATESTKIT", "AKIATESTTIK")],
            "InvalidAccessKeyId",
        ),
        (
            "a header that is not signed",
            vec!["-H".into(), "x-amz-acl: public-read".into(), url.to_owned()],
            unsigned,
        ),
    ] {
        let arguments: Vec<&str> = request.iter().map(String::as_str).collect();
        let (status, body) = curl(&arguments)?;
        ensure!(
            status == "403" && body.contains(code),
            "{name} of {url}: {status} {body}"
        );
    }
    let (status, _) = curl(&[url.split('?').next().context("a path")?])?;
    ensure!(status == "403", "without a signature: {status}");
    Ok(())
}

/// Everything that was acknowledged before the server was killed is there, whole, and nothing else.
#[test]
fn what_was_acknowledged_survives_a_kill() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    s3(&server.aws()?, &["mb", "s3://things"])?;
    let sent = bytes(9 << 20);
    let path = write(server.folder(), "sent", &sent)?;
    for round in 0..2 {
        let (aws, ended) = (server.aws()?, Arc::new(AtomicBool::new(false)));
        let uploads: Vec<_> = (0..3)
            .map(|uploader| {
                let (aws, path, ended) = (aws.clone(), path.clone(), Arc::clone(&ended));
                std::thread::spawn(move || {
                    let mut acknowledged = Vec::new();
                    while !ended.load(Ordering::Relaxed) {
                        let key = format!("{round}-{uploader}-{}", acknowledged.len());
                        let target = format!("s3://things/{key}");
                        if s3(&aws, &["cp", &path, &target, "--quiet"]).is_err() {
                            break;
                        }
                        acknowledged.push(key);
                    }
                    acknowledged
                })
            })
            .collect();
        let listed = || s3(&aws, &["ls", "s3://things/"]);
        let prefix = format!(" {round}-");
        until("some uploads are acknowledged", || {
            Ok((listed()?.matches(&prefix).count() >= 3 + round).then_some(()))
        })?;
        // The others are somewhere in their middle.
        server.kill9()?;
        ended.store(true, Ordering::Relaxed);
        let mut acknowledged = Vec::new();
        for upload in uploads {
            acknowledged.extend(upload.join().expect("an uploader does not panic"));
        }
        server.restart()?;
        let aws = server.aws()?;
        let listing = aws.call(&["s3api", "list-objects-v2", "--bucket", "things"])?;
        let there: Vec<&Value> = listing["Contents"]
            .as_array()
            .into_iter()
            .flatten()
            .collect();
        for key in &acknowledged {
            ensure!(
                there.iter().any(|object| object["Key"] == key.as_str()),
                "{key} is there"
            );
        }
        let back = server.folder().join("back");
        for object in there {
            let key = object["Key"].as_str().context("a key")?;
            s3(
                &aws,
                &[
                    "cp",
                    &format!("s3://things/{key}"),
                    &back.to_string_lossy(),
                    "--quiet",
                ],
            )?;
            ensure!(std::fs::read(&back)? == sent, "{key} is whole");
        }
    }
    let aws = server.aws()?;
    let uploads = aws.call(&["s3api", "list-multipart-uploads", "--bucket", "things"])?;
    for upload in uploads["Uploads"].as_array().into_iter().flatten() {
        let (key, id) = (upload["Key"].as_str(), upload["UploadId"].as_str());
        let (key, id) = (key.context("a key")?, id.context("an upload")?);
        let bucket = ["--bucket", "things", "--key", key, "--upload-id", id];
        aws.call(&[&["s3api", "abort-multipart-upload"], bucket.as_slice()].concat())?;
    }
    s3(&aws, &["rm", "s3://things", "--recursive", "--quiet"])?;
    until("nothing is left over", || {
        Ok(files(&server.data_dir()).is_empty().then_some(()))
    })
}
