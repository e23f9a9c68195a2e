//! Bodies in signed chunks, with and without a trailer, and unsigned ones with a checksum behind them: what is
//! signed is taken, and whatever differs from it by a byte leaves the object as it was.

mod common;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::World;
use hmac::{Hmac, Mac as _};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use s3::{Body, Signatory};
use serde_json::json;
use service::{Clock as _, RequestId, SystemClock};
use sha2::{Digest as _, Sha256};

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// How the body of a request is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Signed,
    SignedTrailer,
    UnsignedTrailer,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Signed => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Self::SignedTrailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            Self::UnsignedTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Signs as the documentation of chunked uploads has it.
struct Signer {
    /// `20130524T000000Z`.
    date: String,
    region: &'static str,
}

impl Signer {
    fn scope(&self) -> String {
        format!("{}/{}/s3/aws4_request", &self.date[..8], self.region)
    }

    fn sign(&self, text: &str) -> String {
        let begin = format!("AWS4{SECRET}").into_bytes();
        let parts = [&self.date[..8], self.region, "s3", "aws4_request"];
        let key = parts.iter().fold(begin, |key, part| hmac(&key, part));
        hex::encode(hmac(&key, text))
    }

    /// Returns the signature of the head of a `PUT`; `headers` are sorted.
    fn seed(&self, path: &str, headers: &[(String, String)], form: &str) -> String {
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let lines = headers
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"));
        let lines: String = lines.collect();
        let canonical = format!("PUT\n{path}\n\n{lines}\n{}\n{form}", names.join(";"));
        let (date, scope) = (&self.date, self.scope());
        let hash = sha256(canonical.as_bytes());
        self.sign(&format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}"))
    }

    fn chunk(&self, before: &str, data: &[u8]) -> String {
        let (date, scope, nothing) = (&self.date, self.scope(), sha256(b""));
        let hash = sha256(data);
        self.sign(&format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{date}\n{scope}\n{before}\n{nothing}\n{hash}"
        ))
    }

    fn trailer(&self, before: &str, text: &str) -> String {
        let (date, scope, hash) = (&self.date, self.scope(), sha256(text.as_bytes()));
        self.sign(&format!(
            "AWS4-HMAC-SHA256-TRAILER\n{date}\n{scope}\n{before}\n{hash}"
        ))
    }
}

#[test]
fn the_documented_example_is_signed_alike() {
    let signer = Signer {
        date: "20130524T000000Z".to_owned(),
        region: "us-east-1",
    };
    let form = Form::Signed.name();
    let headers = [
        ("content-encoding", "aws-chunked"),
        ("content-length", "66824"),
        ("host", "s3.amazonaws.com"),
        ("x-amz-content-sha256", form),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-decoded-content-length", "66560"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let seed = signer.seed("/examplebucket/chunkObject.txt", &headers, form);
    let first = signer.chunk(&seed, &[b'a'; 65_536]);
    let second = signer.chunk(&first, &[b'a'; 1_024]);
    let last = signer.chunk(&second, b"");
    assert_eq!(
        [seed, first, second, last],
        [
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ]
    );
}

/// A request with its body, as bytes.
struct Sent {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn signed(form: Form, pieces: &[&[u8]]) -> Sent {
    let now = SystemClock.now().to_string();
    let digits: String = now
        .chars()
        .filter(|letter| !"-:".contains(*letter))
        .collect();
    let date = format!("{}Z", &digits[..15]);
    let signer = Signer {
        date: date.clone(),
        region: "us-east-1",
    };
    let data = pieces.concat();
    let mut headers = vec![
        ("content-encoding".to_owned(), "aws-chunked".to_owned()),
        ("host".to_owned(), "localhost".to_owned()),
        ("x-amz-content-sha256".to_owned(), form.name().to_owned()),
        ("x-amz-date".to_owned(), date),
        (
            "x-amz-decoded-content-length".to_owned(),
            data.len().to_string(),
        ),
    ];
    if form != Form::Signed {
        let trailer = "x-amz-checksum-crc32".to_owned();
        headers.push(("x-amz-trailer".to_owned(), trailer));
    }
    let seed = signer.seed("/things/k", &headers, form.name());
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/{}, SignedHeaders={}, Signature={seed}",
        signer.scope(),
        names.join(";")
    );
    headers.push(("authorization".to_owned(), authorization));
    let (mut body, mut before) = (Vec::new(), seed);
    let ends: &[&[u8]] = &[b""];
    for piece in pieces.iter().chain(ends) {
        body.extend(format!("{:x}", piece.len()).bytes());
        if form != Form::UnsignedTrailer {
            before = signer.chunk(&before, piece);
            body.extend(format!(";chunk-signature={before}").bytes());
        }
        body.extend(b"\r\n");
        body.extend(*piece);
        // The last chunk is followed by the trailer, where there is one.
        if !piece.is_empty() || form == Form::Signed {
            body.extend(b"\r\n");
        }
    }
    if form != Form::Signed {
        let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, &data);
        let crc = u32::try_from(crc).expect("32 bits").to_be_bytes();
        let line = format!("x-amz-checksum-crc32:{}", STANDARD.encode(crc));
        body.extend(format!("{line}\r\n").bytes());
        if form == Form::SignedTrailer {
            let signature = signer.trailer(&before, &format!("{line}\n"));
            body.extend(format!("x-amz-trailer-signature:{signature}\r\n").bytes());
        }
        body.extend(b"\r\n");
    }
    Sent { headers, body }
}

async fn put(world: &World, sent: &Sent) -> (u16, String) {
    let mut request = Request::put("http://localhost/things/k");
    for (name, value) in &sent.headers {
        request = request.header(name.as_str(), value.as_str());
    }
    let length = sent.body.len();
    let request = request.header("content-length", length);
    let request = request
        .body(Body::from(sent.body.clone()))
        .expect("a request");
    let signatory = Signatory {
        key: Some((KEY.to_owned(), SECRET.to_owned())),
        arn: "arn:aws:iam::000000000000:root".to_owned(),
        authorize: Arc::new(|_| Box::pin(async { Ok(()) })),
    };
    let answered = world.s3.answer(request, signatory, RequestId::random());
    let answered: Response<Body> = answered.await;
    let status = answered.status().as_u16();
    let body = answered.into_body().collect().await;
    let body = body
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// Returns the bytes of the object, if it is there.
async fn there(world: &World) -> Option<Vec<u8>> {
    let at = json!({"Bucket": "things", "Key": "k"});
    let reply = world.call("GetObject", &at, b"").await.ok()?;
    Some(reply.payload.to_vec())
}

#[tokio::test]
async fn chunks_are_taken_whole_and_unchanged() {
    let world = World::new().await;
    let bucket = json!({"Bucket": "things"});
    world
        .call("CreateBucket", &bucket, b"")
        .await
        .expect("a bucket");
    let pieces: [&[u8]; 2] = [b"one chunk of some bytes, ", b"another"];
    for form in [Form::Signed, Form::SignedTrailer, Form::UnsignedTrailer] {
        let sent = signed(form, &pieces);
        let (status, text) = put(&world, &sent).await;
        assert_eq!(status, 200, "{form:?}: {text}");
        assert_eq!(
            there(&world).await.as_deref(),
            Some(&*pieces.concat()),
            "{form:?}"
        );
        let at = json!({"Bucket": "things", "Key": "k"});
        world.call("DeleteObject", &at, b"").await.expect("deleted");
        for at in 0..sent.body.len() {
            let mut changed = Sent {
                headers: sent.headers.clone(),
                body: sent.body.clone(),
            };
            changed.body[at] ^= 1;
            let (status, _) = put(&world, &changed).await;
            let shown = String::from_utf8_lossy(&changed.body).into_owned();
            // What ends a line is no part of what is said, as long as the same is said.
            match there(&world).await {
                None => assert_ne!(status, 200, "{form:?} byte {at}: {shown:?}"),
                Some(stored) => {
                    assert_eq!(stored, pieces.concat(), "{form:?} byte {at}: {shown:?}")
                }
            }
            let _ = world
                .call(
                    "DeleteObject",
                    &json!({"Bucket": "things", "Key": "k"}),
                    b"",
                )
                .await;
        }
        for length in [0, 1, sent.body.len() / 2] {
            let short = Sent {
                headers: sent.headers.clone(),
                body: sent.body[..length].to_vec(),
            };
            assert_ne!(put(&world, &short).await.0, 200, "{form:?}: {length} bytes");
            assert_eq!(there(&world).await, None, "{form:?}: {length} bytes");
        }
        for (at, (name, value)) in sent.headers.iter().enumerate() {
            let mut changed = Sent {
                headers: sent.headers.clone(),
                body: sent.body.clone(),
            };
            let last = value.len() - 1;
            let end = if value.ends_with('0') { '1' } else { '0' };
            changed.headers[at].1 = format!("{}{end}", &value[..last]);
            assert_ne!(put(&world, &changed).await.0, 200, "{form:?}: {name}");
            assert_eq!(there(&world).await, None, "{form:?}: {name}");
        }
    }
}
