//! Layers: archives that several functions share. A version of one does not change, and a function
//! that uses it keeps its code when it is deleted.

use aws_model::lambda::{
    AddLayerVersionPermissionInput, DeleteLayerVersionInput, GetLayerVersionByArnInput,
    GetLayerVersionInput, GetLayerVersionPolicyInput, LayerVersionContentInput,
    ListLayerVersionsInput, ListLayersInput, PublishLayerVersionInput,
    RemoveLayerVersionPermissionInput,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::{Call, Failure, Reply, Site};
use store::{Batch, StoreError};
use vocab::{Arn, Timestamp};

use crate::catalog::{Row, change, removal, written};
use crate::configure::{Code, parse_input, parse_long_input, reply};
use crate::function::{code_sha256, last_modified};
use crate::page::{Page, asked};
use crate::permissions::{ResourcePolicy, principal};
use crate::{Lambda, failure, keys};

/// Layers and versions of one page.
const PAGE_MAX: usize = 50;
/// Most layers of a function (Lambda quotas).
const LAYERS_MAX: usize = 5;

/// The row of one version of a layer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Layer {
    /// The layer's name.
    pub name: String,
    /// Its number.
    pub number: u64,
    /// Free text.
    pub description: Option<String>,
    /// The hash of its archive, in hex.
    pub code_hash: String,
    /// Bytes of its archive.
    pub code_size: u64,
    /// When it was published.
    pub created_at: Timestamp,
    /// Runtimes that it says it is for.
    pub runtimes: Option<Vec<String>>,
    /// Architectures that it says it is for.
    pub architectures: Option<Vec<String>>,
    /// Free text.
    pub license: Option<String>,
    /// Who else may use it.
    pub policy: Option<ResourcePolicy>,
}

/// A layer as a function uses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerUse {
    /// The ARN of the version.
    pub arn: String,
    /// The hash of its archive, in hex.
    pub code_hash: String,
    /// Bytes of its archive.
    pub code_size: u64,
}

impl Layer {
    fn arn(&self, site: &Site) -> String {
        format!("{}:{}", layer_arn(&self.name, site), self.number)
    }

    /// Returns what lists show of a version.
    fn item(&self, site: &Site) -> Map<String, Value> {
        let mut item = Map::new();
        item.insert("LayerVersionArn".to_owned(), self.arn(site).into());
        item.insert("Version".to_owned(), self.number.into());
        let description = self.description.clone().unwrap_or_default();
        item.insert("Description".to_owned(), description.into());
        let created = last_modified(self.created_at);
        item.insert("CreatedDate".to_owned(), created.into());
        let mut put = |name: &str, value: Option<Value>| {
            item.extend(value.map(|value| (name.to_owned(), value)));
        };
        put(
            "CompatibleRuntimes",
            self.runtimes.as_ref().map(|all| json!(all)),
        );
        let architectures = self.architectures.as_ref().map(|all| json!(all));
        put("CompatibleArchitectures", architectures);
        put("LicenseInfo", self.license.clone().map(Value::from));
        item
    }

    fn shown(&self, site: &Site) -> Value {
        let mut shown = self.item(site);
        let content = json!({
            "CodeSha256": code_sha256(&self.code_hash),
            "CodeSize": self.code_size,
        });
        shown.insert("Content".to_owned(), content);
        let arn = layer_arn(&self.name, site);
        shown.insert("LayerArn".to_owned(), arn.into());
        Value::Object(shown)
    }

    fn fits(&self, runtime: Option<&str>, architecture: Option<&str>) -> bool {
        let holds = |all: &Option<Vec<String>>, one: Option<&str>| {
            one.is_none_or(|one| all.as_ref().is_some_and(|all| all.iter().any(|x| x == one)))
        };
        holds(&self.runtimes, runtime) && holds(&self.architectures, architecture)
    }
}

fn layer_arn(name: &str, site: &Site) -> String {
    format!(
        "arn:aws:lambda:{}:{}:layer:{name}",
        site.region, site.account_id
    )
}

fn texts<T>(all: Option<Vec<T>>, text: impl Fn(&T) -> &str) -> Option<Vec<String>> {
    Some(all?.iter().map(|one| text(one).to_owned()).collect())
}

impl Lambda {
    pub(crate) async fn publish_layer_version(&self, call: Call) -> Result<Reply, Failure> {
        let input: PublishLayerVersionInput = parse_long_input(call.input).await?;
        let name = self.layer_name(&input.layer_name)?;
        let LayerVersionContentInput {
            s3_bucket,
            s3_key,
            s3_object_version,
            zip_file,
            ..
        } = input.content;
        let code = Code {
            zip_file,
            s3_bucket,
            s3_key,
            s3_object_version,
            image_uri: None,
        };
        // What the functions that use it need is for them to say.
        let unpacked = self.unpack(code, "", &call.principal).await?;
        let number_key = keys::layer_number(&name);
        let last = self.catalog.read::<u64>(&number_key).await;
        let last = last.map_err(|error| failure::store(&error))?;
        let layer = Layer {
            number: last.as_ref().map_or(1, |last| last.value + 1),
            description: input.description,
            code_hash: unpacked.hash,
            code_size: unpacked.size,
            created_at: self.clock.now(),
            runtimes: texts(input.compatible_runtimes, |one| one.as_str()),
            architectures: texts(input.compatible_architectures, |one| one.as_str()),
            license: input.license_info,
            policy: None,
            name,
        };
        let mut batch = Batch::default();
        let last = last.map(|last| last.row);
        change(&mut batch, number_key, last, written(&layer.number));
        let key = keys::layer(&layer.name, layer.number);
        change(&mut batch, key, None, written(&layer));
        self.save_layer(batch).await?;
        Ok(reply(layer.shown(&self.site)))
    }

    pub(crate) async fn get_layer_version(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: GetLayerVersionInput = parse_input(input)?;
        let layer = self.layer(&input.layer_name, input.version_number).await?;
        Ok(reply(layer.value.shown(&self.site)))
    }

    pub(crate) async fn get_layer_version_by_arn(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: GetLayerVersionByArnInput = parse_input(input)?;
        let found = self.layer_by_arn(&input.arn).await?;
        let layer = found.ok_or_else(no_such_resource)?;
        Ok(reply(layer.shown(&self.site)))
    }

    /// Deletes a version. One that is not there is no failure.
    pub(crate) async fn delete_layer_version(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: DeleteLayerVersionInput = parse_input(input)?;
        match self.layer(&input.layer_name, input.version_number).await {
            Ok(Row { row, value }) => {
                let mut batch = Batch::default();
                removal(&mut batch, keys::layer(&value.name, value.number), row);
                self.save_layer(batch).await?;
            }
            Err(failure) if failure.code == "ResourceNotFoundException" => {}
            Err(failure) => return Err(failure),
        }
        Ok(reply(json!({})))
    }

    pub(crate) async fn list_layer_versions(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: ListLayerVersionsInput = parse_input(input)?;
        let name = self.layer_name(&input.layer_name)?;
        let (runtime, architecture) = (input.compatible_runtime, input.compatible_architecture);
        let (runtime, architecture) = (
            runtime.as_ref().map(|one| one.as_str()),
            architecture.as_ref().map(|one| one.as_str()),
        );
        // The newest is first, so a page ends before a number.
        let (before, limit) = asked(input.marker.as_deref(), input.max_items, PAGE_MAX)?;
        let versions = self.catalog.all::<Layer>(&keys::of("layer", &name)).await;
        let versions = versions.map_err(|error| failure::store(&error))?;
        let shown = versions
            .into_iter()
            .rev()
            .map(|(_, layer)| (keys::numbered(layer.number), layer))
            .filter(|(key, _)| before.as_ref().is_none_or(|before| key < before))
            .filter(|(_, layer)| layer.fits(runtime, architecture))
            .map(|(key, layer)| (key, layer.item(&self.site)));
        let page = Page::cut(shown.collect(), limit);
        Ok(reply(page.named("LayerVersions", json!({}))))
    }

    pub(crate) async fn list_layers(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: ListLayersInput = parse_input(input)?;
        let (runtime, architecture) = (input.compatible_runtime, input.compatible_architecture);
        let (runtime, architecture) = (
            runtime.as_ref().map(|one| one.as_str()),
            architecture.as_ref().map(|one| one.as_str()),
        );
        let (after, limit) = asked(input.marker.as_deref(), input.max_items, PAGE_MAX)?;
        let versions = self.catalog.all::<Layer>(keys::LAYERS).await;
        let versions = versions.map_err(|error| failure::store(&error))?;
        let mut latest = std::collections::BTreeMap::new();
        for (_, layer) in versions {
            if layer.fits(runtime, architecture) {
                latest.insert(layer.name.clone(), layer);
            }
        }
        let shown = latest
            .into_iter()
            .filter(|(name, _)| after.as_ref().is_none_or(|after| name > after))
            .map(|(name, layer)| {
                let mut item = Map::new();
                let arn = layer_arn(&name, &self.site);
                item.insert("LayerName".to_owned(), name.as_str().into());
                item.insert("LayerArn".to_owned(), arn.into());
                let latest = Value::Object(layer.item(&self.site));
                item.insert("LatestMatchingVersion".to_owned(), latest);
                (name, item)
            });
        let page = Page::cut(shown.collect(), limit);
        Ok(reply(page.named("Layers", json!({}))))
    }

    pub(crate) async fn add_layer_permission(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: AddLayerVersionPermissionInput = parse_input(input)?;
        let found = self.layer(&input.layer_name, input.version_number).await?;
        let Row { row, mut value } = found;
        let mut policy = value.policy.take().unwrap_or_default();
        policy.check_revision(input.revision_id.as_deref())?;
        let mut statement = json!({
            "Sid": input.statement_id,
            "Effect": "Allow",
            "Principal": principal(&input.principal)?,
            "Action": input.action,
            "Resource": value.arn(&self.site),
        });
        if let Some(organization) = input.organization_id {
            statement["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": organization}});
        }
        policy.add(statement.clone())?;
        let revision = policy.revision_id.clone();
        value.policy = Some(policy);
        self.put_layer(&value, row).await?;
        Ok(reply(
            json!({"Statement": statement.to_string(), "RevisionId": revision}),
        ))
    }

    pub(crate) async fn remove_layer_permission(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: RemoveLayerVersionPermissionInput = parse_input(input)?;
        let found = self.layer(&input.layer_name, input.version_number).await?;
        let Row { row, mut value } = found;
        let mut policy = value.policy.take().unwrap_or_default();
        policy.check_revision(input.revision_id.as_deref())?;
        let sid = &input.statement_id;
        let place = policy.position(sid).ok_or_else(|| {
            failure::not_found(format!("Statement {sid} is not found in resource policy."))
        })?;
        policy.statements.remove(place);
        policy.revision_id = uuid::Uuid::new_v4().to_string();
        value.policy = Some(policy).filter(|policy| !policy.statements.is_empty());
        self.put_layer(&value, row).await?;
        Ok(reply(json!({})))
    }

    pub(crate) async fn get_layer_policy(&self, input: &Bytes) -> Result<Reply, Failure> {
        let input: GetLayerVersionPolicyInput = parse_input(input)?;
        let layer = self.layer(&input.layer_name, input.version_number).await?;
        let none = || failure::not_found("No policy is associated with the given resource.");
        let policy = layer.value.policy.ok_or_else(none)?;
        Ok(reply(
            json!({"Policy": policy.text(), "RevisionId": policy.revision_id}),
        ))
    }

    /// Returns the layers that `arns` name, as a function uses them.
    pub(crate) async fn layers_of(
        &self,
        arns: Option<Vec<String>>,
    ) -> Result<Option<Vec<LayerUse>>, Failure> {
        let Some(arns) = arns else {
            return Ok(None);
        };
        if arns.len() > LAYERS_MAX {
            return Err(failure::invalid_parameter(format!(
                "Cannot reference more than {LAYERS_MAX} layers."
            )));
        }
        let mut layers: Vec<LayerUse> = Vec::with_capacity(arns.len());
        for arn in arns {
            let layer = arn.rsplit_once(':').map(|(layer, _)| layer);
            let twin = layers
                .iter()
                .find(|other| other.arn.rsplit_once(':').map(|(layer, _)| layer) == layer);
            if let Some(twin) = twin {
                return Err(failure::invalid_parameter(format!(
                    "Two different versions of the same layer are not allowed to be referenced in the same function. {arn} and {} are versions of the same layer.",
                    twin.arn
                )));
            }
            let found = self.layer_by_arn(&arn).await?.ok_or_else(|| {
                failure::invalid_parameter(format!("Layer version {arn} does not exist."))
            })?;
            layers.push(LayerUse {
                arn,
                code_hash: found.code_hash,
                code_size: found.code_size,
            });
        }
        Ok(Some(layers))
    }

    /// Returns the layer's name out of its name or ARN.
    fn layer_name(&self, text: &str) -> Result<String, Failure> {
        if !text.starts_with("arn:") {
            return Ok(text.to_owned());
        }
        let arn = Arn::parse(text).filter(|arn| {
            arn.region == &*self.site.region && arn.account == &*self.site.account_id
        });
        let name = arn.and_then(|arn| arn.resource.strip_prefix("layer:"));
        name.map(str::to_owned).ok_or_else(no_such_resource)
    }

    async fn layer(&self, name: &str, number: i64) -> Result<Row<Layer>, Failure> {
        let name = self.layer_name(name)?;
        let number = u64::try_from(number)
            .map_err(|_| failure::invalid_parameter("Layer Version Cannot be less than 1."))?;
        let found = self.catalog.read(&keys::layer(&name, number)).await;
        let found = found.map_err(|error| failure::store(&error))?;
        found.ok_or_else(no_such_resource)
    }

    async fn layer_by_arn(&self, arn: &str) -> Result<Option<Layer>, Failure> {
        let Some((layer, number)) = arn.rsplit_once(':') else {
            return Ok(None);
        };
        let (Ok(name), Ok(number)) = (self.layer_name(layer), number.parse()) else {
            return Ok(None);
        };
        let found = self.catalog.read(&keys::layer(&name, number)).await;
        let found = found.map_err(|error| failure::store(&error))?;
        Ok(found.map(|found| found.value))
    }

    async fn put_layer(&self, layer: &Layer, row: Bytes) -> Result<(), Failure> {
        let mut batch = Batch::default();
        let key = keys::layer(&layer.name, layer.number);
        change(&mut batch, key, Some(row), written(layer));
        self.save_layer(batch).await
    }

    async fn save_layer(&self, batch: Batch) -> Result<(), Failure> {
        self.catalog
            .commit(batch)
            .await
            .map_err(|error| match error {
                StoreError::Conflict { .. } => {
                    failure::conflict("The operation cannot be performed at this time.")
                }
                StoreError::Unavailable { .. }
                | StoreError::Corrupted { .. }
                | StoreError::InUse { .. } => failure::store(&error),
            })
    }
}

fn no_such_resource() -> Failure {
    failure::not_found("The resource you requested does not exist.")
}
