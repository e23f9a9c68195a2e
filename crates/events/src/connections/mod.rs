//! Connections: each is one row, its secrets in it. Nothing but [`Connections::credentials`] shows those.

mod parameters;

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::{Clock, Failure, Site};
use store::{Batch, Expectation, Key, Range, Space, Store, StoreError};
use uuid::Uuid;

use crate::failure;

/// How keys of connections begin.
const PREFIX: &[u8] = b"events/connection/";
/// Longest name.
const NAME_LETTERS_MAX: usize = 64;
/// Longest description.
const DESCRIPTION_LETTERS_MAX: usize = 512;
/// Most connections of a page.
const PAGE: usize = 100;

pub(crate) struct Connections {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub site: Site,
}

/// A connection as it is stored, as JSON: most of it is what the caller said.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Connection {
    name: String,
    /// Tells connections apart that had the same name one after another.
    id: String,
    /// What its secret is called in Secrets Manager on AWS: its letters are drawn.
    secret: String,
    description: Option<String>,
    authorization_type: String,
    /// With the secrets.
    auth_parameters: Value,
    created_at: i64,
    modified_at: i64,
    authorized_at: i64,
}

type Members = Map<String, Value>;

impl Connections {
    pub async fn create(&self, input: &Members) -> Result<Value, Failure> {
        let name = name_of(input)?;
        let authorization_type = parameters::authorization_type(input)?;
        let auth_parameters = parameters::read(authorization_type, input.get("AuthParameters"))?;
        refuse_what_is_not_built(input)?;
        let now = self.clock.now().as_millis();
        let id = Uuid::new_v4();
        let (_, letters) = Uuid::new_v4().as_u64_pair();
        let connection = Connection {
            name: name.to_owned(),
            id: id.to_string(),
            secret: format!("{id}-{:06x}", letters & 0xff_ffff),
            description: description_of(input)?,
            authorization_type: authorization_type.to_owned(),
            auth_parameters,
            created_at: now,
            modified_at: now,
            authorized_at: now,
        };
        match self.put(&connection, Expectation::Absent).await {
            Ok(()) => Ok(self.changed(&connection, "AUTHORIZED")),
            Err(StoreError::Conflict { .. }) => {
                let message = format!("Connection {name} already exists.");
                Err(Failure::client("ResourceAlreadyExistsException", message))
            }
            Err(error) => Err(failure::store(&error)),
        }
    }

    pub async fn update(&self, input: &Members) -> Result<Value, Failure> {
        let name = name_of(input)?;
        refuse_what_is_not_built(input)?;
        loop {
            let Some((row, mut connection)) = self.find(name).await? else {
                return Err(failure::no_connection("update", name));
            };
            if input.contains_key("Description") {
                connection.description = description_of(input)?;
            }
            let now = self.clock.now().as_millis();
            let has_type = input.contains_key("AuthorizationType");
            if has_type {
                parameters::authorization_type(input)?
                    .clone_into(&mut connection.authorization_type);
            }
            if has_type || input.contains_key("AuthParameters") {
                connection.auth_parameters =
                    parameters::read(&connection.authorization_type, input.get("AuthParameters"))?;
                connection.authorized_at = now;
            }
            connection.modified_at = now;
            match self.put(&connection, Expectation::Holds(row)).await {
                Ok(()) => {
                    let mut answer = self.changed(&connection, "AUTHORIZED");
                    answer["LastAuthorizedTime"] = seconds(connection.authorized_at);
                    return Ok(answer);
                }
                // Somebody else changed it meanwhile.
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(failure::store(&error)),
            }
        }
    }

    pub async fn describe(&self, input: &Members) -> Result<Value, Failure> {
        let name = name_of(input)?;
        let found = self.find(name).await?;
        let (_, connection) = found.ok_or_else(|| failure::no_connection("describe", name))?;
        let Site { region, account_id } = &self.site;
        let mut shown = self.listed(&connection);
        shown["SecretArn"] = format!(
            "arn:aws:secretsmanager:{region}:{account_id}:secret:events!connection/{}/{}",
            connection.name, connection.secret
        )
        .into();
        shown["AuthParameters"] = parameters::without_secrets(&connection.auth_parameters);
        if let Some(description) = &connection.description {
            shown["Description"] = description.as_str().into();
        }
        Ok(shown)
    }

    pub async fn delete(&self, input: &Members) -> Result<Value, Failure> {
        let name = name_of(input)?;
        loop {
            let Some((row, connection)) = self.find(name).await? else {
                return Err(failure::no_connection("delete", name));
            };
            let batch = Batch {
                expect: vec![(key(name), Expectation::Holds(row))],
                delete: vec![key(name)],
                ..Batch::default()
            };
            match self.store.commit(batch).await {
                Ok(()) => {
                    let mut answer = self.changed(&connection, "DELETING");
                    answer["LastAuthorizedTime"] = seconds(connection.authorized_at);
                    return Ok(answer);
                }
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(failure::store(&error)),
            }
        }
    }

    pub async fn list(&self, input: &Members) -> Result<Value, Failure> {
        let text = |member: &str| input.get(member).and_then(Value::as_str);
        let limit = match input.get("Limit").map(Value::as_u64) {
            None => PAGE,
            Some(Some(limit @ 1..=100)) => limit as usize,
            Some(_) => {
                let value = input["Limit"].to_string();
                return Err(failure::constraint(
                    &value,
                    "limit",
                    "have value between 1 and 100",
                ));
            }
        };
        let prefix = [PREFIX, text("NamePrefix").unwrap_or_default().as_bytes()].concat();
        let mut range = Range::prefix(Space::Meta, &prefix);
        if let Some(after) = text("NextToken") {
            let start = [PREFIX, after.as_bytes(), &[0]].concat();
            range.start = start.max(range.start.to_vec()).into();
        }
        let rows = self.store.scan(&range, limit + 1).await;
        let rows = rows.map_err(|error| failure::store(&error))?;
        let wanted = text("ConnectionState").is_none_or(|state| state == "AUTHORIZED");
        let mut connections = Vec::new();
        for (_, row) in rows.iter().take(limit).filter(|_| wanted) {
            connections.push(read(row)?);
        }
        let shown: Vec<Value> = connections.iter().map(|one| self.listed(one)).collect();
        let mut page = json!({ "Connections": shown });
        if rows.len() > limit
            && let Some(last) = connections.last()
        {
            page["NextToken"] = last.name.as_str().into();
        }
        Ok(page)
    }

    /// Returns what a connection authenticates with, secrets and all: for who may retrieve it.
    pub async fn credentials(&self, input: &Members) -> Result<Value, Failure> {
        let arn = input.get("ConnectionArn").and_then(Value::as_str);
        let arn = arn.unwrap_or_default();
        let name = vocab::Arn::parse(arn)
            .filter(|arn| arn.service == "events" && arn.account == &*self.site.account_id)
            .and_then(|arn| arn.resource.strip_prefix("connection/"))
            .map(|rest| rest.split('/').next().unwrap_or(rest));
        let found = match name {
            Some(name) => self.find(name).await?,
            None => None,
        };
        match found {
            Some((_, connection)) if self.arn(&connection) == arn => Ok(json!({
                "AuthorizationType": connection.authorization_type,
                "AuthParameters": connection.auth_parameters,
            })),
            Some(_) | None => {
                let message = format!("The connection {arn} does not exist.");
                Err(Failure::client("ResourceNotFoundException", message))
            }
        }
    }

    async fn find(&self, name: &str) -> Result<Option<(Bytes, Connection)>, Failure> {
        let row = self.store.get(&key(name)).await;
        let row = row.map_err(|error| failure::store(&error))?;
        row.map(|row| read(&row).map(|connection| (row, connection)))
            .transpose()
    }

    async fn put(&self, connection: &Connection, expected: Expectation) -> Result<(), StoreError> {
        let row = serde_json::to_vec(connection).expect("text and numbers are written");
        let key = key(&connection.name);
        let batch = Batch {
            expect: vec![(key.clone(), expected)],
            put: vec![(key, row.into())],
            ..Batch::default()
        };
        self.store.commit(batch).await
    }

    fn arn(&self, connection: &Connection) -> String {
        let Site { region, account_id } = &self.site;
        let Connection { name, id, .. } = connection;
        format!("arn:aws:events:{region}:{account_id}:connection/{name}/{id}")
    }

    fn changed(&self, connection: &Connection, state: &str) -> Value {
        json!({
            "ConnectionArn": self.arn(connection),
            "ConnectionState": state,
            "CreationTime": seconds(connection.created_at),
            "LastModifiedTime": seconds(connection.modified_at),
        })
    }

    fn listed(&self, connection: &Connection) -> Value {
        let mut shown = self.changed(connection, "AUTHORIZED");
        shown["Name"] = connection.name.as_str().into();
        shown["AuthorizationType"] = connection.authorization_type.as_str().into();
        shown["LastAuthorizedTime"] = seconds(connection.authorized_at);
        shown
    }
}

fn key(name: &str) -> Key {
    Key::new(Space::Meta, [PREFIX, name.as_bytes()].concat())
}

fn read(row: &[u8]) -> Result<Connection, Failure> {
    serde_json::from_slice(row).map_err(|error| {
        // Where it went wrong, and not what stands there.
        tracing::error!(
            line = error.line(),
            column = error.column(),
            "a connection cannot be read"
        );
        Failure::internal("The connection cannot be read.")
    })
}

fn seconds(millis: i64) -> Value {
    Value::from(millis as f64 / 1000.0)
}

fn name_of(input: &Members) -> Result<&str, Failure> {
    let name = input.get("Name").and_then(Value::as_str);
    let name = name.ok_or_else(|| {
        failure::validation(
            "Value null at 'name' failed to satisfy constraint: Member must not be null",
        )
    })?;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if name.len() > NAME_LETTERS_MAX {
        let rule = format!("have length less than or equal to {NAME_LETTERS_MAX}");
        return Err(failure::constraint(name, "name", &rule));
    }
    if name.is_empty() || !name.bytes().all(letter) {
        let rule = "satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+";
        return Err(failure::constraint(name, "name", rule));
    }
    Ok(name)
}

fn description_of(input: &Members) -> Result<Option<String>, Failure> {
    let description = input.get("Description").and_then(Value::as_str);
    match description {
        Some(long) if long.chars().count() > DESCRIPTION_LETTERS_MAX => {
            let rule = format!("have length less than or equal to {DESCRIPTION_LETTERS_MAX}");
            Err(failure::constraint(long, "description", &rule))
        }
        Some(description) => Ok(Some(description.to_owned())),
        None => Ok(None),
    }
}

/// Private networks and keys of the customer's are not there: a connection that needs them would be a
/// promise that is not kept.
fn refuse_what_is_not_built(input: &Members) -> Result<(), Failure> {
    for member in ["InvocationConnectivityParameters", "KmsKeyIdentifier"] {
        if input
            .get(member)
            .is_some_and(|value| !value.is_null() && value != "")
        {
            let message = format!("{member} of a connection is not served here yet");
            return Err(Failure::client("NotImplemented", message).with_status(501));
        }
    }
    Ok(())
}
