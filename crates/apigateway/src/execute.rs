//! `execute-api:Invoke`: the permission to call an API, which the gate decides on. There is nothing to do behind it.

use async_trait::async_trait;
use service::{Call, Failure, Reply, Service};

/// The service `execute-api`.
pub(crate) struct Execute;

#[async_trait]
impl Service for Execute {
    fn name(&self) -> &'static str {
        "execute-api"
    }

    async fn call(&self, _: Call) -> Result<Reply, Failure> {
        Ok(Reply::default())
    }
}
