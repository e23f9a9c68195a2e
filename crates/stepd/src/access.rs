//! IAM, put together with the gateway: the one keeps who may do what, the other asks before every call.

use std::sync::Arc;

use anyhow::Context as _;
use gateway::Gateway;
use iam::Iam;
use service::{Clock, Site};
use store::Store;

/// Opens IAM over `store`, and makes it the authority of `gateway`.
pub async fn open(
    gateway: &Arc<Gateway>,
    store: &Arc<dyn Store>,
    site: &Site,
    clock: &Arc<dyn Clock>,
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
    gateway.set_authority(iam.clone());
    Ok(iam)
}
