//! The signature of notifications: a key and a certificate of the server's own, made when they are first
//! needed, and kept. Whoever is told can fetch the certificate and verify that the server said it.
//!
//! The key is sealed where it is kept (the crate `seal`); the certificate signs itself, so who verifies has to trust
//! the address from which it comes, as with AWS's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256};
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use rsa::rand_core::OsRng;
use rsa::sha2::{Digest as _, Sha256};
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use serde::{Deserialize, Serialize};
use service::Failure;
use store::{Batch, Expectation, StoreError};

use crate::{Core, failure};

/// Length of the key, as AWS's are.
const KEY_BITS: usize = 2048;
/// The row of key and certificate.
const ROW: &str = "k/signature";
/// What the key is sealed for.
const OWNER: &str = "the key that signs notifications";

/// Key and certificate as they are kept.
#[derive(Serialize, Deserialize)]
struct Row {
    sealed: String,
    certificate: String,
}

/// Signs.
pub(crate) struct Signing {
    /// What version 1 is signed with, and version 2.
    keys: (SigningKey<sha1::Sha1>, SigningKey<Sha256>),
    /// In PEM.
    certificate: String,
    /// The file's name at the end of `SigningCertURL`.
    name: String,
}

impl Signing {
    fn new(key: RsaPrivateKey, certificate: String) -> Self {
        let hash = hex::encode(&Sha256::digest(&certificate)[..16]);
        Self {
            keys: (SigningKey::new(key.clone()), SigningKey::new(key)),
            certificate,
            name: format!("SimpleNotificationService-{hash}.pem"),
        }
    }

    /// Signs names and values, each on a line of its own, in base64.
    pub(crate) fn sign(&self, version: Version, said: &[(&str, &str)]) -> String {
        let mut text = String::new();
        for (name, value) in said {
            text.extend([name, "\n", value, "\n"]);
        }
        let mut random = OsRng;
        let bytes = match version {
            Version::One => {
                let signed = self.keys.0.sign_with_rng(&mut random, text.as_bytes());
                signed.to_vec()
            }
            Version::Two => {
                let signed = self.keys.1.sign_with_rng(&mut random, text.as_bytes());
                signed.to_vec()
            }
        };
        STANDARD.encode(bytes)
    }

    /// Returns where the certificate is.
    pub(crate) fn url(&self, core: &Core) -> String {
        format!("{}/{}", core.endpoint, self.name)
    }

    /// Returns the certificate if the file is called so.
    pub(crate) fn certificate(&self, name: &str) -> Option<String> {
        (name == self.name).then(|| self.certificate.clone())
    }
}

/// How is signed: with SHA-1, or with SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

impl Version {
    /// Returns what the attribute `SignatureVersion` of a topic says.
    pub(crate) fn of(topic: &crate::rows::TopicRow) -> Self {
        match topic.says("SignatureVersion", "2") {
            true => Self::Two,
            false => Self::One,
        }
    }

    /// Returns the version as notifications show it.
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
        }
    }
}

impl Core {
    /// Returns the key and the certificate; makes them if there are none yet.
    pub(crate) async fn signing(&self) -> Result<&Signing, Failure> {
        self.signing.get_or_try_init(|| self.open_signing()).await
    }

    async fn open_signing(&self) -> Result<Signing, Failure> {
        let store = |error: StoreError| failure::store(&error);
        if let Some(row) = self.documents.get::<Row>(ROW).await.map_err(store)? {
            let opened = self.seal.open(&row.sealed, OWNER).ok();
            let key = opened.and_then(|der| RsaPrivateKey::from_pkcs8_der(&der).ok());
            let key = key.ok_or_else(|| failed("the key that signs notifications is damaged"))?;
            return Ok(Signing::new(key, row.certificate));
        }
        let made = tokio::task::spawn_blocking(make).await;
        let (key, der, certificate) = match made {
            Ok(Some(made)) => made,
            Ok(None) | Err(_) => {
                return Err(failed("the key that signs notifications could not be made"));
            }
        };
        let row = Row {
            sealed: self.seal.seal(&der, OWNER),
            certificate,
        };
        let mut batch = Batch::default();
        batch
            .expect
            .push((self.documents.key(ROW), Expectation::Absent));
        self.documents.put(&mut batch, ROW, &row);
        self.documents.commit(batch).await.map_err(store)?;
        Ok(Signing::new(key, row.certificate))
    }
}

fn failed(what: &str) -> Failure {
    tracing::error!("{what}");
    Failure::internal("Notifications cannot be signed.")
}

/// Makes a key, and a certificate that it signs itself. Takes a moment.
fn make() -> Option<(RsaPrivateKey, Vec<u8>, String)> {
    let key = RsaPrivateKey::new(&mut OsRng, KEY_BITS).ok()?;
    let der = key.to_pkcs8_der().ok()?.as_bytes().to_vec();
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der.as_slice().into(), &PKCS_RSA_SHA256);
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params
        .distinguished_name
        .push(DnType::CommonName, "stepd: notifications");
    let certificate = params.self_signed(&pair.ok()?).ok()?;
    Some((key, der, certificate.pem()))
}
