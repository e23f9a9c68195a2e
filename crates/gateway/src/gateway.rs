//! Who may do what, and who does it.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use aws_wire::sigv4::{Claim, SignatureError};
use bytes::Bytes;
use futures::FutureExt;
use http::Method;
use http::request::Parts;
use parking_lot::RwLock;
use service::{
    Authority, Call, Clock, CredentialIssuer, Failure, Gate, Principal, Reply, RequestId, Service,
    Site, TemporaryCredentials,
};
use tracing::Instrument as _;

use crate::access::Origin;
use crate::hosted::Hosted;
use crate::keys::{KeyRing, Keys};
use crate::metrics::Metrics;
use crate::pages::Pages;
use crate::probe::Probe;
use crate::room::Room;
use crate::route::{Route, RouteAnswer, RouteRequest};
use crate::streaming::{ObjectCall, StreamingService};
use crate::watch::{Asked, Enforcement, Watch, nobody};

/// AWS's text for a fault of its own; ours says no more, so that nothing leaks.
const INTERNAL: &str =
    "The request processing has failed because of an unknown error, exception or failure.";

/// The way to every service: for callers over HTTP ([`crate::serve`]) and for services themselves
/// ([`Gate`]). It also hands out temporary credentials and knows them again.
pub struct Gateway {
    site: Site,
    keys: KeyRing,
    clock: Arc<dyn Clock>,
    services: RwLock<BTreeMap<&'static str, Arc<dyn Service>>>,
    routes: RwLock<BTreeMap<&'static str, Arc<dyn Route>>>,
    streaming: RwLock<Vec<Arc<dyn StreamingService>>>,
    probes: RwLock<BTreeMap<&'static str, Arc<dyn Probe>>>,
    metrics: Metrics,
    /// For bodies of signed requests.
    pub(crate) room: Room,
    /// For bodies of requests to pages.
    pub(crate) page_room: Room,
    pages: RwLock<Option<Arc<dyn Pages>>>,
    hosted: RwLock<Vec<Arc<dyn Hosted>>>,
    /// Decides on calls, where there is an authority.
    watch: OnceLock<Watch>,
}

impl Gateway {
    /// Returns a gateway to `services`. Services that need a gate of their own are added when they
    /// are made.
    pub fn new(
        site: Site,
        keys: Keys,
        services: Vec<Arc<dyn Service>>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let gateway = Self {
            keys: KeyRing::new(keys, Arc::clone(&site.account_id)),
            site,
            clock,
            services: RwLock::default(),
            routes: RwLock::default(),
            streaming: RwLock::default(),
            pages: RwLock::default(),
            hosted: RwLock::default(),
            probes: RwLock::default(),
            metrics: Metrics::default(),
            room: Room::of_the_signed(),
            page_room: Room::of_pages(),
            watch: OnceLock::new(),
        };
        for service in services {
            gateway.add_service(service);
        }
        Arc::new(gateway)
    }

    /// Adds a service, in place of one of the same name.
    pub fn add_service(&self, service: Arc<dyn Service>) {
        self.services.write().insert(service.name(), service);
    }

    /// Adds a way of the server's own, in place of one of the same name.
    pub fn add_route(&self, route: Arc<dyn Route>) {
        self.routes.write().insert(route.name(), route);
    }

    /// Adds a service that answers whole HTTP requests itself. Calls in process need
    /// [`Self::add_service`] beside it.
    pub fn add_streaming(&self, service: Arc<dyn StreamingService>) {
        self.streaming.write().push(service);
    }

    /// Sets who serves browsers.
    pub fn set_pages(&self, pages: Arc<dyn Pages>) {
        *self.pages.write() = Some(pages);
    }

    /// Adds who answers for hosts of the users' own.
    pub fn add_hosted(&self, hosted: Arc<dyn Hosted>) {
        self.hosted.write().push(hosted);
    }

    pub(crate) fn hosted_for(&self, parts: &Parts) -> Option<(Arc<dyn Hosted>, &'static str)> {
        let all = self.hosted.read();
        all.iter()
            .find_map(|hosted| Some((Arc::clone(hosted), hosted.is_meant(parts)?)))
    }

    pub(crate) fn pages_for(&self, parts: &Parts) -> Option<Arc<dyn Pages>> {
        let pages = self.pages.read();
        pages
            .as_ref()
            .filter(|pages| pages.is_meant(parts))
            .cloned()
    }

    pub(crate) fn find_streaming(
        &self,
        is_meant: impl Fn(&dyn StreamingService) -> bool,
    ) -> Option<Arc<dyn StreamingService>> {
        let services = self.streaming.read();
        services
            .iter()
            .find(|service| is_meant(&***service))
            .cloned()
    }

    /// Adds a page that anybody may ask for, in place of one with the same path.
    pub fn add_probe(&self, probe: Arc<dyn Probe>) {
        self.probes.write().insert(probe.path(), probe);
    }

    /// Adds what is counted of calls to a registry.
    pub fn register_metrics(&self, registry: &mut prometheus_client::registry::Registry) {
        self.metrics.register(registry);
    }

    pub(crate) fn find_probe(&self, path: &str) -> Option<Arc<dyn Probe>> {
        self.probes.read().get(path).cloned()
    }

    pub(crate) fn find_route(&self, name: &str) -> Option<Arc<dyn Route>> {
        self.routes.read().get(name).cloned()
    }

    /// Returns who sent a request, by the key alone: the signature is verified with the body.
    pub(crate) fn sender(
        &self,
        claim: &Claim<'_>,
        service: &str,
    ) -> Result<crate::keys::Sender, SignatureError> {
        let sender = self.keys.sender(claim, self.clock.now())?;
        let scope = &claim.scope;
        // IAM, and STS as it was first, are in one place for the whole world.
        let everywhere = matches!(service, "iam" | "sts") && scope.region == "us-east-1";
        if scope.region != *self.site.region && !everywhere {
            return Err(SignatureError::OutOfScope(format!(
                "Credential should be scoped to a valid region, not '{}'. This server is in '{}'.",
                scope.region, self.site.region
            )));
        }
        if scope.service != service {
            return Err(SignatureError::OutOfScope(format!(
                "Credential should be scoped to correct service: '{service}'."
            )));
        }
        Ok(sender)
    }

    /// Has an authority say whose the keys of users are, and what everybody may do.
    pub fn set_authority(&self, authority: Arc<dyn Authority>, enforcement: Enforcement) {
        let watch = Watch {
            authority: authority.clone(),
            enforcement,
            site: self.site.clone(),
        };
        if self.keys.authority.set(authority).is_err() || self.watch.set(watch).is_err() {
            tracing::error!("there is an authority already");
        }
    }

    /// Returns the secret of a user's access key.
    pub fn user_secret(&self, access_key_id: &str) -> String {
        self.keys.user_secret(access_key_id)
    }

    /// Has the owner sign with another access key from now on, and with the one before no more.
    pub fn replace_root_key(&self, id: Arc<str>, secret: Arc<str>) {
        self.keys.replace_root(id, secret);
    }

    /// Says whether requests may be signed with the key `id`, which ends not by itself.
    pub fn has_key(&self, id: &str) -> bool {
        self.keys.has(id)
    }

    /// Returns what the sender signs with.
    pub(crate) fn secret(&self, sender: &crate::keys::Sender, id: &str) -> String {
        self.keys.secret(sender, id)
    }

    /// Returns who holds a key, where a signature has no scope.
    pub(crate) fn holder(
        &self,
        id: &str,
        session_token: Option<&str>,
    ) -> Result<crate::keys::Sender, SignatureError> {
        self.keys.holder(id, session_token, self.clock.now())
    }

    /// Verifies that the request is the sender's.
    pub(crate) fn verify(
        &self,
        sender: &crate::keys::Sender,
        claim: &Claim<'_>,
        parts: &Parts,
        body: &[u8],
    ) -> Result<(), SignatureError> {
        claim.verify(
            parts,
            body,
            &self.keys.signing_key(sender, claim),
            self.clock.now(),
        )
    }

    /// Says whether `principal` may have what `admit` looks at. Without an authority, everybody who could
    /// prove who they are may do everything.
    pub(crate) fn watched(
        &self,
        principal: &Principal,
        service: &'static str,
        origin: &Origin,
        admit: impl FnOnce(&Watch, &Asked<'_>) -> Result<(), Box<Failure>>,
    ) -> Result<(), Box<Failure>> {
        let Some(watch) = self.watch.get() else {
            return Ok(());
        };
        let asked = Asked {
            principal,
            service,
            origin,
            now: self.clock.now(),
        };
        admit(watch, &asked)
    }

    /// Says whether `principal` may have what a request to S3 asks for.
    pub(crate) async fn admit_object(
        &self,
        principal: &Principal,
        origin: &Origin,
        call: &ObjectCall<'_>,
    ) -> Result<(), Box<Failure>> {
        let Some(watch) = self.watch.get() else {
            // Nobody says what is open to those who have not signed.
            return match principal {
                Principal::Anonymous => Err(Box::new(nobody())),
                _ => Ok(()),
            };
        };
        let asked = Asked {
            principal,
            service: "s3",
            origin,
            now: self.clock.now(),
        };
        let service = self.services.read().get("s3").cloned();
        watch.admit_object(&asked, call, service.as_ref()).await
    }

    /// Makes a call that came from `origin`, if its sender may make it.
    pub(crate) async fn call_from(&self, call: Call, origin: &Origin) -> Result<Reply, Failure> {
        let service = self.services.read().get(call.service).cloned();
        if let Some(watch) = self.watch.get() {
            let admitted = watch.admit(&call, origin, self.clock.now(), service.as_ref());
            admitted.await.map_err(|refused| *refused)?;
        }
        let Some(service) = service else {
            let message = format!("{}:{} is not served here yet", call.service, call.operation);
            return Err(Failure::client("NotImplemented", message).with_status(501));
        };
        let request_id = call.request_id;
        let (name, operation) = (service.name(), call.operation.clone());
        let begun = std::time::Instant::now();
        let answered = carried_out(service, call, request_id).await;
        let status = answered
            .as_ref()
            .map_or_else(|failure| failure.status, |_| 200);
        self.metrics
            .count(name, &operation, status, begun.elapsed());
        answered
    }

    /// Asks one of the server's own ways in process, as `principal`, who must be allowed to and signs with nothing.
    ///
    /// # Errors
    /// What the way answers, and `UnknownOperationException` where there is none of this name.
    pub async fn ask_own(
        &self,
        name: &str,
        principal: Principal,
        body: Bytes,
    ) -> Result<RouteAnswer, Failure> {
        let Some(route) = self.find_route(name) else {
            let message = format!("There is nothing at /_stepd/{name}");
            return Err(Failure::client("UnknownOperationException", message).with_status(404));
        };
        let request = RouteRequest {
            principal,
            key: None,
            method: Method::POST,
            path: String::new(),
            query: String::new(),
            body,
            request_id: RequestId::random(),
        };
        self.ask(&*route, request, &Origin::inside()).await
    }

    /// Lets `route` answer, if the sender may ask it.
    pub(crate) async fn ask(
        &self,
        route: &dyn Route,
        request: RouteRequest,
        origin: &Origin,
    ) -> Result<RouteAnswer, Failure> {
        self.watched(&request.principal, "stepd", origin, |watch, asked| {
            watch.admit_own(asked, route.name())
        })
        .map_err(|refused| *refused)?;
        let request_id = request.request_id;
        unharmed(route.answer(request), route.name(), &request_id).await
    }
}

#[async_trait]
impl Gate for Gateway {
    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        self.call_from(call, &Origin::inside()).await
    }
}

impl CredentialIssuer for Gateway {
    fn issue_to(&self, principal: &Principal, seconds: u64) -> TemporaryCredentials {
        self.keys
            .issue(principal, self.clock.now().plus_seconds(seconds))
    }
}

/// Carries a call out to its end, also when the caller goes away, unless it waits for somebody else.
async fn carried_out(
    service: Arc<dyn Service>,
    call: Call,
    request_id: RequestId,
) -> Result<Reply, Failure> {
    let name = service.name();
    if service.waits(&call.operation) {
        return unharmed(service.call(call), name, &request_id).await;
    }
    let task = async move { unharmed(service.call(call), name, &request_id).await };
    let task = tokio::spawn(task.in_current_span());
    // Only a server that ends breaks it off.
    match task.await {
        Ok(answered) => answered,
        Err(_) => Err(Failure::internal(INTERNAL)),
    }
}

/// Awaits an answer; a bug that panics costs its one request, never the server.
async fn unharmed<T>(
    answer: impl Future<Output = Result<T, Failure>>,
    name: &str,
    request_id: &service::RequestId,
) -> Result<T, Failure> {
    // What a service shares between calls is behind its own locks, and those do not poison.
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(answered) => answered,
        Err(_) => {
            tracing::error!(service = name, %request_id, "a call panicked");
            Err(Failure::internal(INTERNAL))
        }
    }
}
