//! What answers requests for a stage, made once of what is kept: routes by paths, each with what it leads to.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use web_event::Cors;

use crate::authorizer::Authorizer;
use crate::integration::Integration;
use crate::rest_import::text_of;
use crate::rows::ApiRow;

/// What answers requests for a stage.
#[derive(Debug)]
pub(crate) struct Plan {
    pub api_id: String,
    pub http: bool,
    pub stage: String,
    pub deployment_id: String,
    pub variables: Value,
    /// Types of content that are not text.
    pub binary: Vec<String>,
    pub cors: Option<Cors>,
    pub disabled: bool,
    routes: Vec<Route>,
    /// What no other route takes.
    default: Option<Arc<Endpoint>>,
}

#[derive(Debug)]
struct Route {
    segments: Vec<Segment>,
    /// By method; `ANY` is any.
    methods: BTreeMap<String, Arc<Endpoint>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    // In the order in which they are preferred.
    Literal(String),
    Parameter(String),
    Greedy(String),
}

/// Where a method of a path leads.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// `/items/{id}`.
    pub path: String,
    /// `GET /items/{id}`.
    pub route_key: String,
    pub resource_id: String,
    pub operation_name: Option<String>,
    pub access: Access,
    pub integration: Integration,
}

/// Who may call.
#[derive(Debug)]
pub(crate) enum Access {
    Everybody,
    /// Who signs and may `execute-api:Invoke`.
    Signed,
    /// Whom a function lets.
    Function(Authorizer),
}

/// A route that was found, with the parameters of the path.
pub(crate) struct Found {
    pub endpoint: Arc<Endpoint>,
    pub parameters: Vec<(String, String)>,
}

/// Says what of an integration of a REST API is not supported.
pub(crate) fn check_integration(shown: &Value) -> Result<(), String> {
    Integration::of_rest(shown).map(drop)
}

fn segments(path: &str) -> Vec<Segment> {
    let parts = path.trim_start_matches('/').split('/');
    let parts = parts.filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let name = part
                .strip_prefix('{')
                .and_then(|name| name.strip_suffix('}'));
            match (name, name.and_then(|name| name.strip_suffix('+'))) {
                (_, Some(name)) => Segment::Greedy(name.to_owned()),
                (Some(name), None) => Segment::Parameter(name.to_owned()),
                (None, None) => Segment::Literal(part.to_owned()),
            }
        })
        .collect()
}

impl Plan {
    /// Returns what answers for a stage of a REST API. The error names what is not supported.
    pub fn of_rest(row: &ApiRow, stage: &str, settings: &Value) -> Result<Self, String> {
        let mut plan = Self::empty(row, stage, settings);
        let types = row.shown.get("binaryMediaTypes").and_then(Value::as_array);
        plan.binary = types.into_iter().flatten().map(text_of).collect();
        plan.variables = settings["variables"].clone();
        for resource in row.resources.values() {
            let path = text_of(&resource["path"]);
            let mut methods = BTreeMap::new();
            for (method, shown) in resource["resourceMethods"]
                .as_object()
                .into_iter()
                .flatten()
            {
                let integration = shown
                    .get("methodIntegration")
                    .ok_or_else(|| format!("a method without an integration ({method} {path})"))?;
                if shown["apiKeyRequired"] == true {
                    return Err(format!("API keys ({method} {path})"));
                }
                let place = |what: String| format!("{what} ({method} {path})");
                let endpoint = Endpoint {
                    path: path.clone(),
                    route_key: format!("{method} {path}"),
                    resource_id: text_of(&resource["id"]),
                    operation_name: shown["operationName"].as_str().map(str::to_owned),
                    access: access(row, shown).map_err(place)?,
                    integration: Integration::of_rest(integration).map_err(place)?,
                };
                methods.insert(method.clone(), Arc::new(endpoint));
            }
            if !methods.is_empty() {
                plan.routes.push(Route {
                    segments: segments(&path),
                    methods,
                });
            }
        }
        plan.sort();
        Ok(plan)
    }

    /// Returns what answers for a stage of an HTTP API.
    pub fn of_http(row: &ApiRow, stage: &str, settings: &Value) -> Result<Self, String> {
        let mut plan = Self::empty(row, stage, settings);
        plan.variables = settings["stageVariables"].clone();
        let cors = row.shown.get("corsConfiguration").cloned();
        plan.cors = cors.and_then(|cors| serde_json::from_value(cors).ok());
        for shown in row.routes.values() {
            let key = text_of(&shown["routeKey"]);
            let place = |what: String| format!("{what} ({key})");
            if shown["apiKeyRequired"] == true {
                return Err(place("API keys".to_owned()));
            }
            let target = text_of(&shown["target"]);
            let id = target.strip_prefix("integrations/").unwrap_or_default();
            let Some(integration) = row.integrations.get(id) else {
                // A route that leads nowhere yet answers as if it were not there.
                continue;
            };
            let (method, path) = key.split_once(' ').unwrap_or(("ANY", &key));
            let endpoint = Arc::new(Endpoint {
                path: path.to_owned(),
                route_key: key.clone(),
                resource_id: text_of(&shown["routeId"]),
                operation_name: shown["operationName"].as_str().map(str::to_owned),
                access: access(row, shown).map_err(place)?,
                integration: Integration::of_http(integration).map_err(place)?,
            });
            if key == "$default" {
                plan.default = Some(endpoint);
                continue;
            }
            let segments = segments(path);
            let known = plan
                .routes
                .iter_mut()
                .find(|route| route.segments == segments);
            match known {
                Some(route) => {
                    route.methods.insert(method.to_owned(), endpoint);
                }
                None => plan.routes.push(Route {
                    segments,
                    methods: BTreeMap::from([(method.to_owned(), endpoint)]),
                }),
            }
        }
        plan.sort();
        Ok(plan)
    }

    fn empty(row: &ApiRow, stage: &str, settings: &Value) -> Self {
        Self {
            api_id: row.id.clone(),
            http: row.http,
            stage: stage.to_owned(),
            deployment_id: settings["deploymentId"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            variables: Value::Null,
            binary: Vec::new(),
            cors: None,
            disabled: row.shown.get("disableExecuteApiEndpoint") == Some(&Value::Bool(true)),
            routes: Vec::new(),
            default: None,
        }
    }

    /// The most specific first: what is written beats a parameter, and that one that takes all the rest.
    fn sort(&mut self) {
        self.routes
            .sort_by(|left, right| left.segments.cmp(&right.segments));
        self.routes.sort_by_key(|route| {
            let rank = |segment: &Segment| match segment {
                Segment::Literal(_) => 0,
                Segment::Parameter(_) => 1,
                Segment::Greedy(_) => 2,
            };
            route.segments.iter().map(rank).collect::<Vec<u8>>()
        });
    }

    /// Returns the route of a method and a path, which is as it was sent.
    ///
    /// A REST API looks for the path alone, and then whether it has the method; an HTTP API for both.
    pub fn find(&self, method: &str, path: &str) -> Option<Found> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = if self.http {
            path
        } else {
            path.trim_end_matches('/')
        };
        let parts: Vec<&str> = if path.is_empty() {
            Vec::new()
        } else {
            path.split('/').collect()
        };
        for route in &self.routes {
            let Some(parameters) = matched(&route.segments, &parts) else {
                continue;
            };
            let endpoint = route
                .methods
                .get(method)
                .or_else(|| route.methods.get("ANY"));
            match endpoint {
                Some(endpoint) => {
                    return Some(Found {
                        endpoint: Arc::clone(endpoint),
                        parameters,
                    });
                }
                None if self.http => {}
                None => return None,
            }
        }
        let endpoint = self.default.clone()?;
        Some(Found {
            endpoint,
            parameters: Vec::new(),
        })
    }
}

fn matched(segments: &[Segment], parts: &[&str]) -> Option<Vec<(String, String)>> {
    let mut parameters = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        let part = parts.get(index).copied().filter(|part| !part.is_empty())?;
        match segment {
            Segment::Literal(literal) if *literal == web_event::decoded(part) => {}
            Segment::Literal(_) => return None,
            Segment::Parameter(name) => parameters.push((name.clone(), web_event::decoded(part))),
            Segment::Greedy(name) => {
                let rest = web_event::decoded(&parts[index..].join("/"));
                parameters.push((name.clone(), rest));
                return Some(parameters);
            }
        }
    }
    (segments.len() == parts.len()).then_some(parameters)
}

fn access(row: &ApiRow, shown: &Value) -> Result<Access, String> {
    match shown["authorizationType"].as_str().unwrap_or("NONE") {
        "NONE" => Ok(Access::Everybody),
        "AWS_IAM" => Ok(Access::Signed),
        "CUSTOM" => {
            let id = text_of(&shown["authorizerId"]);
            let authorizer = row.authorizers.get(&id);
            let authorizer =
                authorizer.ok_or_else(|| format!("an authorizer '{id}' that is not there"))?;
            Authorizer::read(authorizer, row.http).map(Access::Function)
        }
        other => Err(format!("the authorization type {other}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(http: bool, routes: &[&str], request: &str, expected: Option<(&str, &[&str])>) {
        let mut row = ApiRow {
            http,
            ..ApiRow::default()
        };
        let uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations";
        row.integrations.insert("i".to_owned(), json!({
            "integrationType": "AWS_PROXY", "integrationUri": uri, "payloadFormatVersion": "2.0",
        }));
        for key in routes {
            let (method, path) = key.split_once(' ').unwrap_or(("", ""));
            if http {
                row.routes.insert(
                    (*key).to_owned(),
                    json!({"routeKey": key, "target": "integrations/i"}),
                );
                continue;
            }
            let id = crate::rest_import::resource(&mut row, path);
            let resource = row.resources.get_mut(&id).expect("it was made");
            resource["resourceMethods"][method] =
                json!({"methodIntegration": {"type": "AWS_PROXY", "uri": uri}});
        }
        let plan = match http {
            true => Plan::of_http(&row, "s", &Value::Null),
            false => Plan::of_rest(&row, "s", &Value::Null),
        };
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let found = plan.expect("a plan").find(method, path);
        let found = found.map(|found| {
            let values: Vec<String> = found
                .parameters
                .into_iter()
                .map(|(_, value)| value)
                .collect();
            (found.endpoint.route_key.clone(), values)
        });
        let expected = expected.map(|(key, values)| {
            (
                key.to_owned(),
                values.iter().map(|value| (*value).to_owned()).collect(),
            )
        });
        assert_eq!(found, expected, "{request} of {routes:?}");
    }

    #[test]
    fn the_most_specific_route_answers() {
        let http = [
            "GET /pets/dog/1",
            "GET /pets/dog/{id}",
            "GET /pets/{proxy+}",
            "ANY /{proxy+}",
            "$default",
        ];
        check(
            true,
            &http,
            "GET /pets/dog/1",
            Some(("GET /pets/dog/1", &[])),
        );
        check(
            true,
            &http,
            "GET /pets/dog/2",
            Some(("GET /pets/dog/{id}", &["2"])),
        );
        check(
            true,
            &http,
            "GET /pets/cat/1",
            Some(("GET /pets/{proxy+}", &["cat/1"])),
        );
        check(
            true,
            &http,
            "POST /pets/dog/1",
            Some(("ANY /{proxy+}", &["pets/dog/1"])),
        );
        check(true, &http, "POST /", Some(("$default", &[])));
        check(true, &http[..2], "POST /pets/dog/1", None);
        let rest = [
            "GET /",
            "GET /items/{id}",
            "ANY /items/{id}/all",
            "POST /{proxy+}",
        ];
        check(false, &rest, "GET /", Some(("GET /", &[])));
        check(
            false,
            &rest,
            "GET /items/a%20b/",
            Some(("GET /items/{id}", &["a b"])),
        );
        check(false, &rest, "POST /items/5", None);
        check(
            false,
            &rest,
            "PUT /items/5/all",
            Some(("ANY /items/{id}/all", &["5"])),
        );
        check(
            false,
            &rest,
            "POST /x/y",
            Some(("POST /{proxy+}", &["x/y"])),
        );
        check(false, &rest, "GET /x", None);
    }
}
