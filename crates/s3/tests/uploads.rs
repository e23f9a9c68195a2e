//! Uploads in parts, and what they leave behind: nothing.

mod common;

use common::World;
use serde_json::{Value, json};
use service::Failure;

const MIB: usize = 1 << 20;

impl World {
    async fn told(&self, operation: &str, input: Value, payload: &[u8]) -> Result<Value, Failure> {
        let reply = self.call(operation, &input, payload).await?;
        Ok(serde_json::from_slice(&reply.output).expect("output is JSON"))
    }

    /// Begins an upload of `things/big` and returns its members for further calls.
    async fn upload(&self) -> Value {
        self.told("CreateBucket", json!({ "Bucket": "things" }), b"")
            .await
            .expect("a bucket");
        let mut input = json!({ "Bucket": "things", "Key": "big" });
        let begun = self
            .told("CreateMultipartUpload", input.clone(), b"")
            .await
            .expect("an upload");
        input["UploadId"] = begun["UploadId"].clone();
        input
    }

    async fn part(&self, upload: &Value, number: i32, bytes: &[u8]) -> Value {
        let mut input = upload.clone();
        input["PartNumber"] = number.into();
        let part = self.told("UploadPart", input, bytes).await.expect("a part");
        json!({ "PartNumber": number, "ETag": part["ETag"] })
    }

    async fn complete(&self, upload: &Value, parts: &[&Value]) -> Result<Value, Failure> {
        let mut input = upload.clone();
        input["MultipartUpload"] = json!({ "Parts": parts });
        self.told("CompleteMultipartUpload", input, b"").await
    }

    /// Waits until no more than `count` files are there, and demands that there are no fewer.
    async fn settles_at(&self, count: usize) {
        for _ in 0..2_000 {
            if self.files().len() <= count {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert_eq!(self.files().len(), count, "{:?}", self.files());
    }
}

fn code(failed: Result<Value, Failure>) -> String {
    failed.expect_err("it is refused").code.into_owned()
}

#[tokio::test]
async fn parts_become_one_object_whatever_their_order_and_count() {
    let world = World::new().await;
    let upload = world.upload().await;
    let (first, second, last) = (vec![b'a'; 5 * MIB], vec![b'b'; 5 * MIB], b"end".to_vec());
    let three = world.part(&upload, 7, &last).await;
    let unused = world.part(&upload, 9, b"not used").await;
    world.part(&upload, 1, b"replaced").await;
    let two = world.part(&upload, 2, &second).await;
    let one = world.part(&upload, 1, &first).await;
    let listed = world
        .told("ListParts", upload.clone(), b"")
        .await
        .expect("a list");
    assert_eq!(listed["Parts"].as_array().map(Vec::len), Some(4));

    assert_eq!(
        code(world.complete(&upload, &[&two, &one]).await),
        "InvalidPartOrder"
    );
    assert_eq!(
        code(world.complete(&upload, &[&three, &unused]).await),
        "EntityTooSmall"
    );
    let wrong = json!({ "PartNumber": 2, "ETag": one["ETag"] });
    assert_eq!(
        code(world.complete(&upload, &[&one, &wrong]).await),
        "InvalidPart"
    );
    assert_eq!(code(world.complete(&upload, &[]).await), "MalformedXML");

    let made = world
        .complete(&upload, &[&one, &two, &three])
        .await
        .expect("an object");
    assert!(
        made["ETag"]
            .as_str()
            .is_some_and(|tag| tag.ends_with("-3\"")),
        "{made}"
    );
    // The answer may have been lost: once more is no harm.
    assert_eq!(
        world
            .complete(&upload, &[&one, &two, &three])
            .await
            .expect("again"),
        made
    );
    assert_eq!(code(world.complete(&upload, &[&one]).await), "NoSuchUpload");

    let whole = [first, second, last].concat();
    let mut get = json!({ "Bucket": "things", "Key": "big" });
    let got = world
        .call("GetObject", &get, b"")
        .await
        .expect("the object");
    assert!(got.payload == whole, "the bytes are those of the parts");
    for (range, expected) in [
        ("bytes=5242879-5242880", b"ab".as_slice()),
        ("bytes=10485759-", b"bend"),
        ("bytes=-4", b"bend"),
    ] {
        get["Range"] = range.into();
        let got = world.call("GetObject", &get, b"").await.expect("a range");
        assert_eq!(got.payload, expected, "{range}");
    }
    world.settles_at(3).await;
    world
        .told(
            "PutObject",
            json!({ "Bucket": "things", "Key": "big" }),
            b"x",
        )
        .await
        .expect("put");
    world.settles_at(1).await;
}

#[tokio::test]
async fn an_upload_that_ends_otherwise_leaves_no_file() {
    let world = World::new().await;
    let upload = world.upload().await;
    let part = world.part(&upload, 1, b"part").await;
    world
        .told("AbortMultipartUpload", upload.clone(), b"")
        .await
        .expect("it ends");
    world.settles_at(0).await;
    assert_eq!(
        code(world.complete(&upload, &[&part]).await),
        "NoSuchUpload"
    );
    let mut late = upload.clone();
    late["PartNumber"] = 2.into();
    assert_eq!(
        code(world.told("UploadPart", late, b"late").await),
        "NoSuchUpload"
    );

    let other = world.upload().await;
    world.part(&other, 1, b"part").await;
    world
        .told("DeleteBucket", json!({ "Bucket": "things" }), b"")
        .await
        .expect("it is empty");
    world.settles_at(0).await;
}

#[tokio::test]
async fn a_start_keeps_what_rows_speak_of_and_removes_the_rest() {
    let world = World::new().await;
    let at = |key: &str| json!({ "Bucket": "things", "Key": key });
    world
        .told("CreateBucket", json!({ "Bucket": "things" }), b"")
        .await
        .expect("a bucket");
    world
        .told("PutObject", at("kept"), b"kept")
        .await
        .expect("an object");
    // As a crash between commit and renaming leaves it; and one in the middle of an upload.
    let incoming = world.folder.path().join("objects/incoming");
    let name = world.files().remove(0);
    let placed = world
        .folder
        .path()
        .join("objects/blobs")
        .join(&name[..2])
        .join(&name);
    std::fs::rename(&placed, incoming.join(&name)).expect("a rename");
    std::fs::write(incoming.join("0123456789abcdef0123456789abcdef"), b"torn").expect("a file");
    let got = world
        .call("GetObject", &at("kept"), b"")
        .await
        .expect("it is read where it lies");
    assert_eq!(got.payload, b"kept".as_slice());
    let world = world.again().await;
    assert!(placed.exists(), "it is put into its place");
    world.settles_at(1).await;
    // As a crash between commit and removal leaves it.
    world
        .told("DeleteObject", at("kept"), b"")
        .await
        .expect("gone");
    std::fs::write(&placed, b"kept").expect("a file");
    let row = [b"w".as_slice(), &hex(&name)].concat();
    let waste = store::Key::new(store::Space::Blobs, row);
    let batch = store::Batch {
        put: vec![(waste.clone(), bytes::Bytes::new())],
        ..Default::default()
    };
    world.store.commit(batch).await.expect("a commit");
    let world = world.again().await;
    world.settles_at(0).await;
    assert_eq!(world.store.get(&waste).await.expect("a look"), None);
}

fn hex(name: &str) -> Vec<u8> {
    (0..name.len())
        .step_by(2)
        .filter_map(|at| u8::from_str_radix(&name[at..at + 2], 16).ok())
        .collect()
}

/// Writers, readers and a remover at one key: every read is whole, and one file is left at most.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_reads_reads_one_version() {
    let world = std::sync::Arc::new(World::new().await);
    world
        .told("CreateBucket", json!({ "Bucket": "things" }), b"")
        .await
        .expect("a bucket");
    let at = json!({ "Bucket": "things", "Key": "hot" });
    let tasks = (0..8_u8).map(|task| {
        let (world, at) = (std::sync::Arc::clone(&world), at.clone());
        tokio::spawn(async move {
            for _ in 0..25 {
                match task {
                    0..4 => drop(
                        world
                            .told("PutObject", at.clone(), &[task; 700_000])
                            .await
                            .expect("put"),
                    ),
                    4 => drop(
                        world
                            .told("DeleteObject", at.clone(), b"")
                            .await
                            .expect("gone"),
                    ),
                    _ => match world.call("GetObject", &at, b"").await {
                        Ok(got) => {
                            assert_eq!(got.payload.len(), 700_000);
                            assert!(got.payload.iter().all(|byte| *byte == got.payload[0]));
                        }
                        Err(failure) => assert_eq!(failure.code, "NoSuchKey"),
                    },
                }
            }
        })
    });
    for task in futures::future::join_all(tasks.collect::<Vec<_>>()).await {
        task.expect("no task panics");
    }
    world.told("DeleteObject", at, b"").await.expect("gone");
    world.settles_at(0).await;
}
