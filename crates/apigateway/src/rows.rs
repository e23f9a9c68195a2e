//! APIs as they are kept: what the operations show, by ids.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::Failure;
use store::Batch;
use vocab::Timestamp;

use crate::{ApiGateway, failure};

/// The row of an API, `a/ID`, and without its stages what a deployment serves, `d/ID/DEPLOYMENT`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ApiRow {
    pub id: String,
    /// Whether it is an HTTP API, not a REST API.
    pub http: bool,
    /// What is shown of the API itself.
    pub shown: Map<String, Value>,
    /// Of a REST API: resources with their methods.
    pub resources: BTreeMap<String, Value>,
    /// Of an HTTP API.
    pub routes: BTreeMap<String, Value>,
    pub integrations: BTreeMap<String, Value>,
    pub authorizers: BTreeMap<String, Value>,
    pub stages: BTreeMap<String, Value>,
    pub deployments: BTreeMap<String, Value>,
}

impl ApiRow {
    /// Returns what a deployment serves.
    pub fn snapshot(&self) -> Self {
        Self {
            stages: BTreeMap::new(),
            deployments: BTreeMap::new(),
            ..self.clone()
        }
    }

    /// Returns the resource at a path.
    pub fn resource_at(&self, path: &str) -> Option<&Value> {
        self.resources.values().find(|one| one["path"] == path)
    }
}

/// Returns `length` random small letters and digits.
pub(crate) fn new_id(length: usize) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut bits = uuid::Uuid::new_v4().as_u128();
    let mut id = String::with_capacity(length);
    for _ in 0..length {
        id.push(char::from(LETTERS[(bits % 36) as usize]));
        bits /= 36;
    }
    id
}

/// Returns the id that a caller of this server's own chose, or a new one.
pub(crate) fn id_or_new(given: Option<&str>, length: usize) -> Result<String, Failure> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    match given {
        None => Ok(new_id(length)),
        Some(id) if id.len() == length && id.bytes().all(letter) => Ok(id.to_owned()),
        Some(_) => Err(failure::bad_request("Invalid id specified")),
    }
}

/// Returns a moment as REST APIs show it: seconds.
pub(crate) fn seconds(now: Timestamp) -> Value {
    now.as_millis().div_euclid(1000).into()
}

/// Returns a moment as HTTP APIs show it.
pub(crate) fn moment(now: Timestamp) -> Value {
    let text = now.to_string();
    format!("{}Z", &text[..19]).into()
}

impl ApiGateway {
    pub(crate) async fn find(&self, id: &str) -> Result<Option<ApiRow>, Failure> {
        let found = self.documents.get(&format!("a/{id}")).await;
        found.map_err(|error| failure::store(&error))
    }

    pub(crate) async fn all(&self, http: bool) -> Result<Vec<ApiRow>, Failure> {
        let all = self.documents.all::<ApiRow>("a/").await;
        let all = all.map_err(|error| failure::store(&error))?;
        let rows = all.into_iter().map(|(_, row)| row);
        Ok(rows.filter(|row| row.http == http).collect())
    }

    pub(crate) async fn deployed(
        &self,
        id: &str,
        deployment: &str,
    ) -> Result<Option<ApiRow>, Failure> {
        let found = self.documents.get(&format!("d/{id}/{deployment}")).await;
        found.map_err(|error| failure::store(&error))
    }

    /// Writes an API down, with a new deployment where there is one. What answered for it is made anew.
    pub(crate) async fn write(
        &self,
        row: &ApiRow,
        deployment: Option<(&str, &ApiRow)>,
    ) -> Result<(), Failure> {
        let mut batch = Batch::default();
        self.documents
            .put(&mut batch, &format!("a/{}", row.id), row);
        if let Some((deployment, snapshot)) = deployment {
            let key = format!("d/{}/{deployment}", row.id);
            self.documents.put(&mut batch, &key, snapshot);
        }
        self.commit(&row.id, batch).await
    }

    /// Removes an API with its deployments, or one deployment of an API that stays.
    pub(crate) async fn remove(
        &self,
        row: &ApiRow,
        deployment: Option<&str>,
    ) -> Result<(), Failure> {
        let mut batch = Batch::default();
        let key = |deployment: &str| format!("d/{}/{deployment}", row.id);
        match deployment {
            Some(deployment) => {
                batch.delete.push(self.documents.key(&key(deployment)));
                self.documents
                    .put(&mut batch, &format!("a/{}", row.id), row);
            }
            None => {
                let deployments = row.deployments.keys();
                let keys = deployments.map(|deployment| self.documents.key(&key(deployment)));
                batch.delete.extend(keys);
                batch
                    .delete
                    .push(self.documents.key(&format!("a/{}", row.id)));
            }
        }
        self.commit(&row.id, batch).await
    }

    async fn commit(&self, id: &str, batch: Batch) -> Result<(), Failure> {
        let committed = self.documents.commit(batch).await;
        self.plans.write().retain(|(api, _), _| api != id);
        committed.map_err(|error| failure::store(&error))
    }
}

/// Returns a page of `items` and the position behind it.
pub(crate) fn page(
    items: Vec<Value>,
    position: Option<&str>,
    limit: Option<i64>,
    default: usize,
) -> (Vec<Value>, Option<String>) {
    let begin: usize = position.and_then(|text| text.parse().ok()).unwrap_or(0);
    let limit = limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(default);
    let limit = limit.clamp(1, 500);
    let more = items.len() > begin.saturating_add(limit);
    let page = items.into_iter().skip(begin).take(limit).collect();
    (page, more.then(|| (begin + limit).to_string()))
}
