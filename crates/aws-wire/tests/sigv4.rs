//! Signatures against an independent implementation, both ways, and against every changed byte.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode,
};
use aws_sigv4::sign::v4;
use aws_wire::sigv4::{Claim, SignatureError, Signer, SigningKey, presign, sign};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use vocab::Timestamp;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const NOW: Timestamp = Timestamp::from_millis(1_457_920_740_000);

/// A request before it is signed.
#[derive(Clone, Copy)]
struct Case {
    method: &'static str,
    uri: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static [u8],
    service: &'static str,
    token: Option<&'static str>,
}

const START: Case = Case {
    method: "POST",
    uri: "http://127.0.0.1:8083/",
    headers: &[
        ("x-amz-target", "AWSStepFunctions.StartExecution"),
        ("content-type", "application/x-amz-json-1.0"),
    ],
    body: br#"{"stateMachineArn":"arn"}"#,
    service: "states",
    token: None,
};

fn cases() -> Vec<Case> {
    let lambda = Case {
        method: "GET",
        headers: &[],
        body: b"",
        service: "lambda",
        ..START
    };
    vec![
        START,
        Case {
            token: Some("session/token+with=signs"),
            ..START
        },
        Case { body: b"", ..START },
        Case {
            uri: "http://localhost/",
            headers: &[("x-spaces", "  a   b  "), ("x-two", "1")],
            ..START
        },
        Case {
            uri: "http://localhost/2015-03-31/functions/?MaxItems=10&Marker=a%20b%2Bc",
            ..lambda
        },
        Case {
            uri: "http://localhost/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A0%3Afunction%3Af/code",
            ..lambda
        },
        Case {
            uri: "http://localhost/2015-03-31/functions/f%20g/%C3%A9?b=2&a=1&a=0&c",
            ..lambda
        },
        Case {
            uri: "http://localhost/a/./b/../c//d/?empty=",
            ..lambda
        },
        Case {
            uri: "http://localhost/~tilde/!'()*;,$&@=:+",
            ..lambda
        },
        Case {
            uri: "http://bucket.localhost/some%20key//with%2Fslash/../x",
            service: "s3",
            ..lambda
        },
    ]
}

fn parts(case: &Case) -> Parts {
    let mut request = Request::builder().method(case.method).uri(case.uri);
    for (name, value) in case.headers {
        request = request.header(*name, *value);
    }
    request
        .body(())
        .expect("the case is a request")
        .into_parts()
        .0
}

fn key(case: &Case) -> SigningKey {
    SigningKey::derive(SECRET, "20160314", "us-east-1", case.service)
}

/// Signs with the oracle.
fn signed_by_oracle(case: &Case, presigned: bool) -> Parts {
    let mut request = {
        let mut parts = parts(case);
        let host = HeaderValue::from_str(parts.uri.authority().expect("an absolute URI").as_str())
            .expect("a host");
        parts.headers.insert("host", host);
        Request::from_parts(parts, ())
    };
    let mut settings = SigningSettings::default();
    if case.service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    if presigned {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(900));
    }
    let identity =
        Credentials::new("AKID", SECRET, case.token.map(str::to_owned), None, "test").into();
    let signing = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name(case.service)
        .time(UNIX_EPOCH + Duration::from_millis(NOW.as_millis() as u64))
        .settings(settings)
        .build()
        .expect("all parameters are there")
        .into();
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("text")));
    let body = if presigned && case.service == "s3" {
        SignableBody::UnsignedPayload
    } else {
        SignableBody::Bytes(case.body)
    };
    let signable = SignableRequest::new(case.method, case.uri, headers, body).expect("signable");
    let (instructions, _) = aws_sigv4::http_request::sign(signable, &signing)
        .expect("the oracle signs")
        .into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request.into_parts().0
}

fn verify(parts: &Parts, case: &Case, now: Timestamp) -> Result<(), SignatureError> {
    let claim = Claim::read(parts)?;
    assert_eq!(
        (&*claim.access_key_id, claim.session_token.as_deref()),
        ("AKID", case.token)
    );
    claim.verify(parts, case.body, &key(case), now)
}

#[test]
fn takes_what_the_oracle_signs() {
    for case in cases() {
        for presigned in [false, true] {
            let parts = signed_by_oracle(&case, presigned);
            assert_eq!(
                verify(&parts, &case, NOW),
                Ok(()),
                "{} presigned: {presigned} {parts:?}",
                case.uri
            );
        }
    }
}

#[test]
fn signs_as_the_oracle_does() {
    for case in cases() {
        let mut ours = parts(&case);
        let signer = Signer {
            access_key_id: "AKID",
            secret_access_key: SECRET,
            session_token: case.token,
            region: "us-east-1",
            service: case.service,
        };
        sign(&mut ours, case.body, &signer, NOW).expect("signs");
        assert_eq!(verify(&ours, &case, NOW), Ok(()), "{}", case.uri);
        let theirs = signed_by_oracle(&case, false);
        let authorization = |parts: &Parts| parts.headers["authorization"].clone();
        assert_eq!(authorization(&ours), authorization(&theirs), "{}", case.uri);
        let mut link = parts(&case);
        presign(&mut link, case.body, &signer, 900, NOW).expect("signs");
        assert_eq!(verify(&link, &case, NOW), Ok(()), "{}", case.uri);
    }
}

#[test]
fn refuses_every_changed_byte() {
    let case = Case {
        token: Some("token"),
        uri: "http://127.0.0.1:8083/path?a=b",
        ..START
    };
    let signed = signed_by_oracle(&case, false);
    let refused = |parts: &Parts, body: &[u8]| {
        Claim::read(parts)
            .and_then(|claim| claim.verify(parts, body, &key(&case), NOW))
            .is_err()
    };
    assert!(!refused(&signed, case.body));
    for at in 0..case.body.len() {
        let mut body = case.body.to_vec();
        body[at] ^= 1;
        assert!(refused(&signed, &body), "body, byte {at}");
    }
    for name in signed.headers.keys() {
        let value = signed.headers[name].as_bytes();
        for at in 0..value.len() {
            let mut changed = value.to_vec();
            changed[at] ^= 1;
            let Ok(changed) = HeaderValue::from_bytes(&changed) else {
                continue;
            };
            let mut parts = signed.clone();
            parts.headers.insert(name.clone(), changed);
            // The access key chooses the secret; with another key there is another secret.
            let same_sender = Claim::read(&parts).is_ok_and(|claim| claim.access_key_id == "AKID");
            assert!(
                !same_sender || refused(&parts, case.body),
                "{name}, byte {at}"
            );
        }
        let mut without = signed.clone();
        without.headers.remove(name);
        assert!(refused(&without, case.body), "without {name}");
    }
    for uri in [
        "http://h/path?a=c",
        "http://h/path?a=b&c=d",
        "http://h/path",
        "http://h/patH?a=b",
        "http://h/path/?a=b",
    ] {
        let mut parts = signed.clone();
        parts.uri = uri.parse().expect("a URI");
        assert!(refused(&parts, case.body), "{uri}");
    }
    let mut parts = signed.clone();
    parts.method = http::Method::PUT;
    assert!(refused(&parts, case.body), "method");
    // A header that decides what is done cannot be slipped in.
    let mut parts = signed;
    parts.headers.insert(
        HeaderName::from_static("x-amz-invocation-type"),
        HeaderValue::from_static("Event"),
    );
    assert!(refused(&parts, case.body), "unsigned header");
}

#[test]
fn refuses_a_presigned_link_that_was_changed() {
    let signed = signed_by_oracle(&START, true);
    let uri = signed.uri.to_string();
    for (from, to) in [
        ("900", "901"),
        ("X-Amz-Expires=900", "X-Amz-Expires=604801"),
        ("us-east-1", "us-east-2"),
    ] {
        let mut parts = signed.clone();
        parts.uri = uri.replace(from, to).parse().expect("a URI");
        assert_ne!(parts.uri, signed.uri);
        assert!(verify(&parts, &START, NOW).is_err(), "{from} → {to}");
    }
}

#[test]
fn says_what_is_wrong_in_aws_words() {
    let whole = signed_by_oracle(&START, false).headers["authorization"]
        .to_str()
        .expect("text")
        .to_owned();
    let signature = whole
        .rsplit_once('=')
        .expect("ends in the signature")
        .1
        .to_owned();
    let cases: Vec<(String, &str, &str)> = vec![
        (
            String::new(),
            "IncompleteSignatureException",
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. (Hashed",
        ),
        (
            "Bearer x".to_owned(),
            "IncompleteSignatureException",
            "Authorization header requires 'Credential' parameter.",
        ),
        (
            whole.replace(&signature, ""),
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        ),
        (
            whole.replace(&signature, &signature.to_uppercase()),
            "InvalidSignatureException",
            "The request signature",
        ),
        (
            whole.replace("AKID/20160314/", "AKID/"),
            "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements",
        ),
        (
            whole.replace("aws4_request", "aws5_request"),
            "InvalidSignatureException",
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
        ),
        (
            whole.replace("20160314/", "20160315/"),
            "InvalidSignatureException",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20160315' != '20160314', from '20160314T015900Z'.",
        ),
        (
            whole.replace("host;", ""),
            "InvalidSignatureException",
            "'Host' or ':authority' must be a 'SignedHeader'",
        ),
        (
            whole.replace(";x-amz-target", ""),
            "InvalidSignatureException",
            "There were headers present in the request which were not signed: x-amz-target",
        ),
    ];
    for (authorization, code, message) in cases {
        let mut parts = signed_by_oracle(&START, false);
        parts.headers.insert(
            "authorization",
            HeaderValue::from_str(&authorization).expect("a header"),
        );
        let error = verify(&parts, &START, NOW).expect_err(&authorization);
        assert_eq!(error.code(), code, "{authorization}");
        assert!(error.to_string().starts_with(message), "{error}\n{message}");
    }
    let mut nothing = parts(&START);
    assert_eq!(
        Claim::read(&nothing).expect_err("no signature"),
        SignatureError::Missing
    );
    nothing.headers.insert(
        "authorization",
        HeaderValue::from_static("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request"),
    );
    let text = Claim::read(&nothing).expect_err("no date").to_string();
    assert!(
        text.contains("requires existence of either a 'X-Amz-Date' or a 'Date' header."),
        "{text}"
    );
}

#[test]
fn a_signature_has_its_time() {
    let minutes = |minutes: i64| Timestamp::from_millis(NOW.as_millis() + minutes * 60_000);
    let cases = [
        (false, 15, None),
        (false, -15, None),
        (
            false,
            16,
            Some(
                "Signature expired: 20160314T015900Z is now earlier than 20160314T020000Z (20160314T021500Z - 15 min.)",
            ),
        ),
        (
            false,
            -16,
            Some(
                "Signature not yet current: 20160314T015900Z is still later than 20160314T015800Z (20160314T014300Z + 15 min.)",
            ),
        ),
        (true, 15, None),
        (
            true,
            16,
            Some("Signature expired: 20160314T015900Z is now earlier than 20160314T020000Z"),
        ),
    ];
    for (presigned, later, message) in cases {
        let found = verify(&signed_by_oracle(&START, presigned), &START, minutes(later));
        assert_eq!(
            found.err().map(|error| error.to_string()).as_deref(),
            message,
            "{presigned} {later}"
        );
    }
}

#[test]
fn only_s3_leaves_the_body_unsigned() {
    for form in [
        "UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    ] {
        let mut parts = signed_by_oracle(&START, false);
        let signed = parts.headers["authorization"]
            .to_str()
            .expect("text")
            .replace("x-amz-date", "x-amz-content-sha256;x-amz-date");
        parts.headers.insert(
            "authorization",
            HeaderValue::from_str(&signed).expect("a header"),
        );
        parts
            .headers
            .insert("x-amz-content-sha256", HeaderValue::from_static(form));
        assert_eq!(
            verify(&parts, &START, NOW),
            Err(SignatureError::PayloadForm(form.to_owned()))
        );
    }
}
