//! The Secrets Manager API: secrets, their versions and stages.
//!
//! A secret is one row; what is secret in it is sealed. One that is deleted stays for its window, and is
//! gone when somebody looks after it. Deliberately absent: rotation and replicas, which answer an error that
//! names them.

#![forbid(unsafe_code)]
// A failure is an answer like any other; boxing it would cost every caller a line.
#![allow(clippy::result_large_err)]

mod failure;
mod manage;
mod password;
mod rows;
mod show;
mod versions;

use std::sync::Arc;

use async_trait::async_trait;
use seal::Seal;
use serde_json::Value;
use service::{Call, Clock, Failure, Members, Reply, Service, Site};
use store::{Documents, Space, Store};

use crate::rows::Secret;

/// The service `secretsmanager`.
pub struct SecretsManager {
    core: Core,
}

/// What the operations share.
pub(crate) struct Core {
    pub documents: Documents,
    pub clock: Arc<dyn Clock>,
    pub site: Site,
    pub seal: Seal,
    /// Held by who changes a secret.
    pub changing: tokio::sync::Mutex<()>,
}

impl SecretsManager {
    /// Returns the service over `store`; secrets are sealed under `master`.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, site: Site, master: &[u8]) -> Self {
        Self {
            core: Core {
                documents: Documents::new(store, Space::Parameters),
                clock,
                site,
                seal: Seal::new(master, "secrets"),
                changing: tokio::sync::Mutex::default(),
            },
        }
    }
}

impl Core {
    pub(crate) fn arn_prefix(&self) -> String {
        let Site { region, account_id } = &self.site;
        format!("arn:aws:secretsmanager:{region}:{account_id}:secret:")
    }

    /// Returns the secret with this name, ARN, or ARN without the letters that AWS adds. One whose window is
    /// over is not there.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Secret>, Failure> {
        let name = id.strip_prefix(&self.arn_prefix()).unwrap_or(id);
        let mut found = self.named(name).await?;
        if found.is_none()
            && id.starts_with("arn:")
            && let Some((name, suffix)) = name.rsplit_once('-')
        {
            found = self
                .named(name)
                .await?
                .filter(|secret| secret.suffix == suffix);
        }
        Ok(found)
    }

    async fn named(&self, name: &str) -> Result<Option<Secret>, Failure> {
        let found = self.documents.get::<Secret>(&rows::key(name)).await;
        let found = found.map_err(|error| failure::store(&error))?;
        match found {
            Some(secret) if secret.is_gone(self.clock.now()) => {
                self.clear(name).await?;
                Ok(None)
            }
            found => Ok(found),
        }
    }

    /// Removes a secret whose window is over. It is looked at again under the lock, as another may have been
    /// made in its place; while somebody holds it the row stays for the next who looks.
    async fn clear(&self, name: &str) -> Result<(), Failure> {
        let Ok(_changing) = self.changing.try_lock() else {
            return Ok(());
        };
        let found = self.documents.get::<Secret>(&rows::key(name)).await;
        let found = found.map_err(|error| failure::store(&error))?;
        if found.is_some_and(|secret| secret.is_gone(self.clock.now())) {
            let removed = self.documents.remove(&rows::key(name)).await;
            removed.map_err(|error| failure::store(&error))?;
        }
        Ok(())
    }

    /// Returns a secret that is there and not deleted.
    pub(crate) async fn live(&self, input: &Members) -> Result<Secret, Failure> {
        let found = self
            .find(input.text("SecretId").unwrap_or_default())
            .await?;
        let secret = found.ok_or_else(failure::no_secret)?;
        match secret.deleted_at {
            Some(_) => Err(failure::marked_for_deletion()),
            None => Ok(secret),
        }
    }

    pub(crate) async fn write(&self, secret: &Secret) -> Result<(), Failure> {
        let written = self.documents.write(&rows::key(&secret.name), secret).await;
        written.map_err(|error| failure::store(&error))
    }
}

#[async_trait]
impl Service for SecretsManager {
    fn name(&self) -> &'static str {
        "secretsmanager"
    }

    /// The secret's ARN, which ends in letters that callers need not know.
    async fn resource_of(&self, call: &Call) -> Option<String> {
        let input = Members::read(&call.input).ok()?;
        let secret = self.core.find(input.text("SecretId")?).await.ok()??;
        Some(format!(
            "{}{}-{}",
            self.core.arn_prefix(),
            secret.name,
            secret.suffix
        ))
    }

    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let core = &self.core;
        let input = Members::read(&call.input)?;
        let output: Value = match &*call.operation {
            "CreateSecret" => manage::create(core, &input).await,
            "UpdateSecret" => manage::update(core, &input).await,
            "DeleteSecret" => manage::delete(core, &input).await,
            "RestoreSecret" => manage::restore(core, &input).await,
            "TagResource" => manage::tag(core, &input).await,
            "UntagResource" => manage::untag(core, &input).await,
            "PutResourcePolicy" => manage::put_policy(core, &input).await,
            "DeleteResourcePolicy" => manage::delete_policy(core, &input).await,
            "GetResourcePolicy" => manage::policy(core, &input).await,
            "PutSecretValue" => versions::put(core, &input).await,
            "UpdateSecretVersionStage" => versions::stage(core, &input).await,
            "GetSecretValue" => show::value(core, &input).await,
            "BatchGetSecretValue" => show::values(core, &input).await,
            "DescribeSecret" => show::describe(core, &input).await,
            "ListSecrets" => show::list(core, &input).await,
            "ListSecretVersionIds" => show::versions(core, &input).await,
            "GetRandomPassword" => password::call(&input),
            other => {
                let message = format!("secretsmanager:{other} is not served here yet");
                return Err(Failure::client("NotImplemented", message).with_status(501));
            }
        }?;
        Ok(Reply {
            output: output.to_string().into(),
            ..Reply::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use serde_json::json;
    use service::{Principal, RequestId};
    use store::MemoryStore;
    use vocab::Timestamp;

    use super::*;

    /// A clock that stands still until it is moved.
    struct HandClock(AtomicI64);

    impl Clock for HandClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::SeqCst))
        }
    }

    async fn check(secrets: &SecretsManager, operation: &str, input: Value, code: &str) {
        let call = Call {
            service: "secretsmanager",
            operation: operation.to_owned().into(),
            input: input.to_string().into(),
            payload: bytes::Bytes::new(),
            principal: Principal::Root {
                account: "000000000000".into(),
            },
            request_id: RequestId::random(),
        };
        let told = match secrets.call(call).await {
            Ok(_) => String::new(),
            Err(failure) => failure.code.to_string(),
        };
        assert_eq!(told, code, "{operation} {input}");
    }

    #[tokio::test]
    async fn a_secret_whose_window_is_over_goes_under_the_lock() {
        let clock = Arc::new(HandClock(AtomicI64::new(1_790_000_000_000)));
        let site = Site {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
        };
        let store = Arc::new(MemoryStore::default());
        let secrets = SecretsManager::new(store, clock.clone(), site, b"master");
        let made = json!({"Name": "s", "SecretString": "a"});
        let named = json!({"SecretId": "s"});
        let gone = "ResourceNotFoundException";
        check(&secrets, "CreateSecret", made.clone(), "").await;
        let deleted = json!({"SecretId": "s", "RecoveryWindowInDays": 7});
        check(&secrets, "DeleteSecret", deleted, "").await;
        clock.0.fetch_add(8 * 86_400_000, Ordering::SeqCst);
        let rows = || secrets.core.documents.all::<Secret>("x/");
        {
            let _changing = secrets.core.changing.lock().await;
            check(&secrets, "GetSecretValue", named.clone(), gone).await;
            assert_eq!(rows().await.expect("the store is there").len(), 1);
        }
        check(&secrets, "GetSecretValue", named.clone(), gone).await;
        assert!(rows().await.expect("the store is there").is_empty());
        check(&secrets, "CreateSecret", made, "").await;
        check(&secrets, "GetSecretValue", named, "").await;
    }
}
