//! First-class integrations of HTTP APIs: an operation of a service, whose members come from the request
//! (API Gateway guide, "Create AWS service integrations for HTTP APIs").

use serde_json::{Map, Value, json};

use crate::answer::Request;
use crate::event;
use crate::rest_import::text_of;

/// An operation that a route leads to.
#[derive(Clone, Debug)]
pub(crate) struct Subtype {
    pub service: &'static str,
    pub operation: &'static str,
    /// Whether members have small letters in the model.
    small: bool,
    parameters: Vec<(String, Selection)>,
}

/// Where a member comes from.
#[derive(Clone, Debug)]
enum Selection {
    Text(String),
    /// The whole body, or what a path leads to in it.
    Body(Option<String>),
    Header(String),
    Query(String),
    Path(String),
    StageVariable(String),
    Context(String),
}

const KNOWN: [(&str, &str, &str, bool); 5] = [
    (
        "StepFunctions-StartExecution",
        "states",
        "StartExecution",
        true,
    ),
    (
        "StepFunctions-StartSyncExecution",
        "states",
        "StartSyncExecution",
        true,
    ),
    (
        "StepFunctions-StopExecution",
        "states",
        "StopExecution",
        true,
    ),
    ("SQS-SendMessage", "sqs", "SendMessage", false),
    ("EventBridge-PutEvents", "events", "PutEvents", false),
];

impl Subtype {
    /// Reads what is asked for. The error names what is not supported.
    pub fn read(name: &str, parameters: &Value) -> Result<Self, String> {
        let known = KNOWN.iter().find(|(known, ..)| *known == name);
        let Some((_, service, operation, small)) = known else {
            return Err(format!("the integration subtype {name}"));
        };
        let given = parameters.as_object().into_iter().flatten();
        let parameters =
            given.map(|(name, value)| Ok((name.clone(), Selection::read(&text_of(value))?)));
        Ok(Self {
            service,
            operation,
            small: *small,
            parameters: parameters.collect::<Result<_, String>>()?,
        })
    }

    /// Returns the operation's input for a request.
    pub fn input(&self, request: &Request<'_>) -> Value {
        let mut members = Map::new();
        for (name, selection) in &self.parameters {
            // Here there is one region.
            if name == "Region" {
                continue;
            }
            let Some(text) = selection.value(request) else {
                continue;
            };
            let (first, rest) = name.split_at(name.len().min(1));
            let name = match self.small {
                true => format!("{}{rest}", first.to_ascii_lowercase()),
                false => name.clone(),
            };
            let list = (name == "Resources")
                .then(|| serde_json::from_str(&text).ok())
                .flatten();
            members.insert(name, list.unwrap_or_else(|| text.into()));
        }
        match self.operation {
            "PutEvents" => json!({"Entries": [members]}),
            _ => members.into(),
        }
    }
}

impl Selection {
    fn read(text: &str) -> Result<Self, String> {
        let rest = |prefix: &str| text.strip_prefix(prefix).map(str::to_owned);
        if text == "$request.body" {
            return Ok(Self::Body(None));
        }
        type Make = fn(String) -> Selection;
        let known: [(&str, Make); 6] = [
            ("$request.body.", |path| {
                Self::Body(Some(format!("$.{path}")))
            }),
            ("$request.header.", Self::Header),
            ("$request.querystring.", Self::Query),
            ("$request.path.", Self::Path),
            ("$stageVariables.", Self::StageVariable),
            ("$context.", Self::Context),
        ];
        let found = known
            .iter()
            .find_map(|(prefix, make)| Some(make(rest(prefix)?)));
        match found {
            Some(found) => Ok(found),
            None if text.contains('$') => Err(format!("the parameter mapping '{text}'")),
            None => Ok(Self::Text(text.to_owned())),
        }
    }

    fn value(&self, request: &Request<'_>) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Body(None) => Some(String::from_utf8_lossy(request.body).into_owned()),
            Self::Body(Some(path)) => {
                let body: Value = serde_json::from_slice(request.body).ok()?;
                let path = jsonpath::JsonPath::parse(path).ok()?;
                Some(text_of(&*path.evaluate(&body).ok()?))
            }
            Self::Header(name) => {
                let value = request.parts.headers.get(name.to_ascii_lowercase())?;
                Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
            }
            Self::Query(name) => {
                let mut pairs = web_event::pairs(request.parts.uri.query().unwrap_or_default());
                Some(pairs.find(|(key, _)| key == name)?.1)
            }
            Self::Path(name) => {
                let found = request.parameters.iter().find(|(key, _)| key == name)?;
                Some(found.1.clone())
            }
            Self::StageVariable(name) => Some(text_of(request.plan.variables.get(name)?)),
            Self::Context(name) => {
                let pointer = format!("/{}", name.replace('.', "/"));
                Some(text_of(event::context(request).pointer(&pointer)?))
            }
        }
    }
}
