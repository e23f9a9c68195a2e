//! Aliases: names of versions, which may share their invocations with another version.

use std::collections::BTreeMap;

use aws_model::lambda::{
    AliasRoutingConfiguration, CreateAliasInput, DeleteAliasInput, GetAliasInput, ListAliasesInput,
    UpdateAliasInput,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::{Failure, Reply, Site};
use store::{Batch, StoreError};

use crate::catalog::{Row, Version, change, written};
use crate::configure::{parse_input, reply};
use crate::name::{FunctionName, LATEST, function_arn};
use crate::page::{Page, asked};
use crate::{Lambda, failure, keys};

/// Aliases of one page.
const PAGE_MAX: usize = 50;

/// The row of one alias.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alias {
    /// Its name.
    pub name: String,
    /// The function it is of.
    pub function: String,
    /// The version that it points to; `None` is `$LATEST`.
    pub version: Version,
    /// Other versions with their share of the invocations, 0 to 1.
    pub weights: BTreeMap<u64, f64>,
    /// Free text.
    pub description: String,
    /// Drawn anew with every change.
    pub revision_id: String,
}

impl Alias {
    /// Returns the version that an invocation gets, by random `bits`.
    pub fn draw(&self, bits: u128) -> Version {
        // 32 bits are enough for shares that have two digits.
        let mut left = f64::from((bits >> 96) as u32) / (f64::from(u32::MAX) + 1.0);
        for (version, weight) in &self.weights {
            if left < *weight {
                return Some(*version);
            }
            left -= weight;
        }
        self.version
    }

    /// Says whether some invocations get version `number`.
    pub fn names(&self, number: u64) -> bool {
        self.version == Some(number) || self.weights.contains_key(&number)
    }

    fn shown(&self, site: &Site) -> Map<String, Value> {
        let mut shown = Map::new();
        let arn = format!("{}:{}", function_arn(&self.function, site), self.name);
        shown.insert("AliasArn".to_owned(), arn.into());
        shown.insert("Name".to_owned(), self.name.as_str().into());
        let version = version_text(self.version);
        shown.insert("FunctionVersion".to_owned(), version.into());
        shown.insert("Description".to_owned(), self.description.as_str().into());
        if !self.weights.is_empty() {
            let routes = json!({"AdditionalVersionWeights": self.weights});
            shown.insert("RoutingConfig".to_owned(), routes);
        }
        shown.insert("RevisionId".to_owned(), self.revision_id.as_str().into());
        shown
    }
}

/// Returns a version as the API writes it.
pub fn version_text(version: Version) -> String {
    version.map_or_else(|| LATEST.to_owned(), |number| number.to_string())
}

impl Lambda {
    pub(crate) async fn create_alias(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: CreateAliasInput = parse_input(input)?;
        let (name, _) = self.find_latest(&input.function_name).await?;
        let version = self.existing(&name, &input.function_version).await?;
        let alias = Alias {
            name: input.name,
            function: name.name.clone(),
            version,
            weights: self.weights(&name, version, input.routing_config).await?,
            description: input.description.unwrap_or_default(),
            revision_id: uuid::Uuid::new_v4().to_string(),
        };
        let mut batch = Batch::default();
        let key = keys::alias(&name.name, &alias.name);
        change(&mut batch, key, None, written(&alias));
        self.catalog.commit(batch).await.map_err(|error| {
            if let StoreError::Conflict { .. } = error {
                let arn = format!("{}:{}", name.arn(&self.site), alias.name);
                return failure::conflict(format!("Alias already exists: {arn}"));
            }
            failure::store(&error)
        })?;
        Ok(reply(Value::Object(alias.shown(&self.site))))
    }

    pub(crate) async fn get_alias(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: GetAliasInput = parse_input(input)?;
        let (_, Row { value, .. }) = self.alias(&input.function_name, &input.name).await?;
        Ok(reply(Value::Object(value.shown(&self.site))))
    }

    pub(crate) async fn update_alias(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: UpdateAliasInput = parse_input(input)?;
        let (name, Row { row, value }) = self.alias(&input.function_name, &input.name).await?;
        let mut alias = value;
        if let Some(revision) = input.revision_id
            && revision != alias.revision_id
        {
            return Err(failure::revision_mismatch());
        }
        if let Some(version) = input.function_version {
            alias.version = self.existing(&name, &version).await?;
        }
        match input.routing_config {
            Some(routes) => {
                alias.weights = self.weights(&name, alias.version, Some(routes)).await?;
            }
            None if alias
                .version
                .is_some_and(|own| alias.weights.contains_key(&own)) =>
            {
                return Err(already_routed(&alias.version));
            }
            None => {}
        }
        if let Some(description) = input.description {
            alias.description = description;
        }
        alias.revision_id = uuid::Uuid::new_v4().to_string();
        let mut batch = Batch::default();
        let key = keys::alias(&name.name, &alias.name);
        change(&mut batch, key, Some(row), written(&alias));
        self.catalog
            .commit(batch)
            .await
            .map_err(|error| self.save_failure(&error, &name))?;
        Ok(reply(Value::Object(alias.shown(&self.site))))
    }

    /// Removes an alias with what is kept under its name. One that is not there is no failure.
    pub(crate) async fn delete_alias(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: DeleteAliasInput = parse_input(input)?;
        let (name, _) = self.find_latest(&input.function_name).await?;
        let mut batch = Batch {
            delete: vec![
                keys::alias(&name.name, &input.name),
                keys::policy(&name.name, &input.name),
                keys::invoke_config(&name.name, &input.name),
            ],
            ..Batch::default()
        };
        self.drop_url(&name.name, &input.name, &mut batch).await?;
        self.catalog
            .commit(batch)
            .await
            .map_err(|error| failure::store(&error))?;
        Ok(reply(json!({})))
    }

    pub(crate) async fn list_aliases(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: ListAliasesInput = parse_input(input)?;
        let (name, _) = self.find_latest(&input.function_name).await?;
        let (after, limit) = asked(input.marker.as_deref(), input.max_items, PAGE_MAX)?;
        let prefix = keys::of("alias", &name.name);
        let aliases = self
            .catalog
            .list::<Alias>(&prefix, after.as_deref(), usize::MAX);
        let aliases = aliases.await.map_err(|error| failure::store(&error))?;
        let version = input.function_version;
        let shown = aliases
            .into_iter()
            .filter(|alias| {
                let own = version_text(alias.version);
                version.as_ref().is_none_or(|version| *version == own)
            })
            .map(|alias| (alias.name.clone(), alias.shown(&self.site)));
        Ok(reply(
            Page::cut(shown.collect(), limit).named("Aliases", json!({})),
        ))
    }

    /// Returns the names of the aliases that give invocations to version `number`.
    pub(crate) async fn aliases_of(&self, name: &str, number: u64) -> Result<Vec<String>, Failure> {
        let aliases = self.catalog.all::<Alias>(&keys::of("alias", name)).await;
        let aliases = aliases.map_err(|error| failure::store(&error))?;
        let naming = aliases.into_iter().filter(|(_, alias)| alias.names(number));
        Ok(naming.map(|(_, alias)| alias.name).collect())
    }

    async fn alias(
        &self,
        function: &str,
        alias: &str,
    ) -> Result<(FunctionName, Row<Alias>), Failure> {
        let (name, _) = self.find_latest(function).await?;
        let found = self.catalog.read(&keys::alias(&name.name, alias)).await;
        let found = found.map_err(|error| failure::store(&error))?;
        let found = found.ok_or_else(|| {
            let arn = format!("{}:{alias}", name.arn(&self.site));
            failure::not_found(format!("Cannot find alias arn: {arn}"))
        })?;
        Ok((name, found))
    }

    /// Returns the version that `text` names, if the function has it.
    async fn existing(&self, name: &FunctionName, text: &str) -> Result<Version, Failure> {
        if text == LATEST {
            return Ok(None);
        }
        let missing = || {
            let arn = format!("{}:{text}", name.arn(&self.site));
            failure::function_not_found(&arn)
        };
        let number: u64 = text.parse().map_err(|_| missing())?;
        let row = self.catalog.row(&name.name, Some(number)).await;
        let row = row.map_err(|error| failure::store(&error))?;
        row.map(|_| Some(number)).ok_or_else(missing)
    }

    async fn weights(
        &self,
        name: &FunctionName,
        version: Version,
        routes: Option<AliasRoutingConfiguration>,
    ) -> Result<BTreeMap<u64, f64>, Failure> {
        let asked = routes.and_then(|routes| routes.additional_version_weights);
        let asked = asked.unwrap_or_default();
        if asked.len() > 1 {
            return Err(failure::invalid_parameter(
                "Number of items in AdditionalVersionWeights cannot be greater than 1",
            ));
        }
        let mut weights = BTreeMap::new();
        for (text, weight) in asked {
            if version.is_none() {
                return Err(failure::invalid_parameter(
                    "$LATEST is not supported for an alias pointing to more than 1 version",
                ));
            }
            let other = self.existing(name, &text).await?;
            match other {
                Some(number) if other != version => weights.insert(number, weight),
                _ => return Err(already_routed(&other)),
            };
        }
        Ok(weights)
    }
}

fn already_routed(version: &Version) -> Failure {
    let version = version_text(*version);
    failure::invalid_parameter(format!(
        "Invalid function version {version}. Function version {version} is already included in routing configuration."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_share_the_invocations() {
        let alias = Alias {
            name: "live".to_owned(),
            function: "f".to_owned(),
            version: Some(1),
            weights: BTreeMap::from([(2, 0.25)]),
            description: String::new(),
            revision_id: String::new(),
        };
        let draws = (0..1000u128).map(|step| alias.draw(step * (u128::MAX / 1000)));
        let second = draws.filter(|version| *version == Some(2)).count();
        assert!((249..=251).contains(&second), "{second}");
    }
}
