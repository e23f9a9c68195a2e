//! IAM, put together with the gateway: the one keeps who may do what, the other asks before every call.

use std::sync::Arc;

use anyhow::Context as _;
use gateway::Gateway;
use iam::Iam;
use service::{Clock, Site};
use store::Store;

/// What becomes of calls that policies do not allow.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Enforcement {
    /// They are refused.
    Enforce,
    /// They are made, and the server's log says what would have been refused.
    Audit,
    /// They are made.
    Off,
}

impl From<Enforcement> for gateway::Enforcement {
    fn from(enforcement: Enforcement) -> Self {
        match enforcement {
            Enforcement::Enforce => Self::Enforce,
            Enforcement::Audit => Self::Audit,
            Enforcement::Off => Self::Off,
        }
    }
}

/// Opens IAM over `store`, and makes it the authority of `gateway`.
pub async fn open(
    gateway: &Arc<Gateway>,
    store: &Arc<dyn Store>,
    site: &Site,
    clock: &Arc<dyn Clock>,
    enforcement: Enforcement,
) -> anyhow::Result<Arc<Iam>> {
    // Not the gateway itself, which holds the service.
    let keys = Arc::downgrade(gateway);
    let secret_of = move |id: &str| {
        let gateway = keys.upgrade();
        gateway
            .map(|gateway| gateway.user_secret(id))
            .unwrap_or_default()
    };
    let iam = Iam::open(store.clone(), site, clock.clone(), Arc::new(secret_of));
    let iam = iam.await.context("the users and roles cannot be opened")?;
    gateway.add_service(iam.clone());
    gateway.set_authority(iam.clone(), enforcement.into());
    Ok(iam)
}
