//! restJson1: members in the path, the query, headers and the body.

use std::sync::OnceLock;

use aws_model::schema::{Kind, Location, Member};
use aws_model::{OperationModel, Protocol, ServiceEntry};
use bytes::{BufMut, Bytes, BytesMut};
use http::request::Parts;
use serde_json::{Map, Value};

use crate::recognize::Decoded;
use crate::sigv4::percent_decoded;

/// Labels of a path with their values, decoded.
pub(crate) type Labels = Vec<(&'static str, String)>;

/// One REST operation's way in.
struct Route {
    method: &'static str,
    segments: Vec<Segment>,
    /// What the query must say: `find=LayerVersion`.
    query: Option<&'static str>,
    operation: &'static str,
}

enum Segment {
    Literal(&'static str),
    Label(&'static str),
}

/// Finds the operation of `entry` that `method`, `path` and `query` mean; a literal beats a label, and
/// what asks for something in the query beats what does not.
pub(crate) fn find(
    entry: &'static ServiceEntry,
    method: &str,
    path: &str,
    query: &str,
) -> Option<(&'static str, Labels)> {
    // Read once.
    static ROUTES: OnceLock<Vec<(&'static str, Vec<Route>)>> = OnceLock::new();
    let all = ROUTES.get_or_init(|| {
        let spoken = aws_model::catalog::SERVICES.iter();
        let spoken = spoken.filter(|entry| entry.protocol == Protocol::RestJson);
        spoken.map(|entry| (entry.service, routes(entry))).collect()
    });
    let (_, routes) = all.iter().find(|(service, _)| *service == entry.service)?;
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let matching = routes
        .iter()
        .filter(|route| route.method == method && matches(route, &segments))
        .filter(|route| {
            route
                .query
                .is_none_or(|asked| query.split('&').any(|pair| pair == asked))
        });
    let route = matching.max_by_key(|route| (literals(route), route.query))?;
    let labels = route
        .segments
        .iter()
        .zip(&segments)
        .filter_map(|(segment, text)| match segment {
            Segment::Literal(_) => None,
            Segment::Label(name) => Some((
                *name,
                String::from_utf8_lossy(&percent_decoded(text)).into_owned(),
            )),
        });
    Some((route.operation, labels.collect()))
}

fn routes(entry: &'static ServiceEntry) -> Vec<Route> {
    let mut routes = Vec::new();
    for (operation, binding) in entry.operations {
        let (method, path) = binding.split_once(' ').unwrap_or_default();
        let segment = |text: &'static str| match text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
        {
            Some(label) => Segment::Label(label),
            None => Segment::Literal(text),
        };
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        routes.push(Route {
            method,
            segments: path.trim_matches('/').split('/').map(segment).collect(),
            query,
            operation,
        });
    }
    routes
}

fn matches(route: &Route, segments: &[&str]) -> bool {
    let fits = |(segment, text): (&Segment, &&str)| match segment {
        Segment::Literal(literal) => literal == text,
        Segment::Label(_) => !text.is_empty(),
    };
    route.segments.len() == segments.len() && route.segments.iter().zip(segments).all(fits)
}

fn literals(route: &Route) -> usize {
    route
        .segments
        .iter()
        .filter(|segment| matches!(segment, Segment::Literal(_)))
        .count()
}

/// Returns the input of `model`: the body's members and those that travel outside it.
pub(crate) fn decode(
    model: &OperationModel,
    labels: &Labels,
    parts: &Parts,
    body: Bytes,
) -> Decoded {
    let members = model.input.map_or(&[][..], |shape| shape.members());
    let mut outside = BytesMut::new();
    for member in members {
        let value = match (&member.shape.kind, member.location) {
            (Kind::List { .. }, Location::Query(name)) => {
                let values = query_values(parts.uri.query().unwrap_or_default(), name);
                (!values.is_empty()).then(|| Value::from(values))
            }
            _ => values(member, labels, parts).map(|value| typed(member, &value)),
        };
        if let Some(value) = value {
            if !outside.is_empty() {
                outside.put_u8(b',');
            }
            outside.put_slice(Value::from(member.name).to_string().as_bytes());
            outside.put_u8(b':');
            outside.put_slice(value.to_string().as_bytes());
        }
    }
    if members
        .iter()
        .any(|member| member.location == Location::Payload)
    {
        let input = [b"{", &outside[..], b"}"].concat();
        return Decoded {
            operation: "",
            input: input.into(),
            payload: body,
        };
    }
    Decoded {
        operation: "",
        input: spliced(body, &outside),
        payload: Bytes::new(),
    }
}

/// Returns the input of an operation whose shapes are not known: what is in the path and in the query are
/// members like those of the body, and text.
pub(crate) fn decode_by_names(labels: &Labels, parts: &Parts, body: Bytes) -> Decoded {
    let mut outside = Map::new();
    let query = parts.uri.query().unwrap_or_default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let text = |text| String::from_utf8_lossy(&percent_decoded(text)).into_owned();
        let (name, value) = (text(name), text(value));
        if !name.starts_with("X-Amz-") {
            outside.insert(name, value.into());
        }
    }
    for (label, value) in labels {
        outside.insert((*label).to_owned(), value.as_str().into());
    }
    let outside = Value::Object(outside).to_string();
    let outside = outside.trim_start_matches('{').trim_end_matches('}');
    Decoded {
        operation: "",
        input: spliced(body, outside.as_bytes()),
        payload: Bytes::new(),
    }
}

/// Returns the values that the request holds for a member outside the body: none or one.
fn values(member: &Member, labels: &Labels, parts: &Parts) -> Option<String> {
    match member.location {
        Location::Path(name) => labels
            .iter()
            .find(|(label, _)| *label == name)
            .map(|(_, value)| value.clone()),
        Location::Query(name) => query_value(parts.uri.query().unwrap_or_default(), name),
        Location::Header(name) => {
            Some(String::from_utf8_lossy(parts.headers.get(name)?.as_bytes()).into_owned())
        }
        Location::Body | Location::StatusCode | Location::Payload => None,
    }
}

fn query_value(query: &str, name: &str) -> Option<String> {
    query_values(query, name).into_iter().next()
}

/// Returns every value that the query gives for `name`: a list is a name said several times.
fn query_values(query: &str, name: &str) -> Vec<String> {
    let pairs = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .filter(|(known, _)| *percent_decoded(known) == *name.as_bytes())
        .map(|(_, value)| String::from_utf8_lossy(&percent_decoded(value)).into_owned())
        .collect()
}

/// Returns text of a path, query or header as the JSON type of the member; what is not of the type
/// stays text and is refused with the input.
fn typed(member: &Member, text: &str) -> Value {
    let typed = match member.shape.kind {
        Kind::Integer { .. } => text.parse::<i64>().ok().map(Value::from),
        Kind::Float { .. } => text.parse::<f64>().ok().map(Value::from),
        Kind::Boolean => text.parse::<bool>().ok().map(Value::from),
        Kind::Structure(_)
        | Kind::List { .. }
        | Kind::Map { .. }
        | Kind::Text { .. }
        | Kind::Enumeration(_)
        | Kind::Blob
        | Kind::Timestamp => None,
    };
    typed.unwrap_or_else(|| Value::from(text))
}

/// Appends `outside` to the members of the object `body` without reading it: a function's code may
/// be in it. What stands last counts, so the body cannot replace a member of the path.
fn spliced(body: Bytes, outside: &[u8]) -> Bytes {
    let trimmed = body.trim_ascii();
    if outside.is_empty() {
        return body;
    }
    if trimmed.is_empty() {
        return [b"{", outside, b"}"].concat().into();
    }
    let inner = trimmed
        .strip_prefix(b"{")
        .and_then(|rest| rest.strip_suffix(b"}"));
    match inner {
        // Not an object: its reader says so.
        None => body,
        Some(inner) if inner.trim_ascii().is_empty() => [b"{", outside, b"}"].concat().into(),
        Some(inner) => [b"{", inner, b",", outside, b"}"].concat().into(),
    }
}
