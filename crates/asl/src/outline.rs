//! Where things stand in the text of a definition: from AWS's `/States/X/Choices[0]/Next` to bytes.
//!
//! The text is JSON or YAML and is only outlined: keys, and where values begin and end. Whether it is
//! right is for others to say, so nothing here fails; what cannot be read is not in the outline.

use std::ops::Range;

mod json;
mod yaml;

/// Most places in a location at which a name is tried to end: a name that is made of slashes must not
/// make its finding slow.
const NAME_ENDS_MAX: usize = 1_000;

/// The outline of a text: its mappings, sequences and scalars with their places, in bytes.
///
/// The nodes lie in one list and refer to each other by number, so that no depth of text can
/// exhaust the stack.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
struct Node {
    key: Option<Range<usize>>,
    value: Range<usize>,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Scalar,
    Mapping(Entries),
    Sequence(Vec<usize>),
}

/// The names of a mapping with their nodes, in the order of the text.
#[derive(Clone, Debug, Default)]
struct Entries {
    list: Vec<(String, usize)>,
    /// The places in the list, by name; of one name in the order of the text.
    by_name: Vec<usize>,
}

impl Entries {
    /// Of names that appear twice the last one counts, as for the parser.
    fn find(&self, name: &str) -> Option<usize> {
        let end = self
            .by_name
            .partition_point(|place| self.list[*place].0.as_str() <= name);
        let place = *self.by_name.get(end.checked_sub(1)?)?;
        let (found, child) = &self.list[place];
        (found == name).then_some(*child)
    }
}

/// Where one node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its key, unless it is the whole text or stands in a list.
    pub key: Option<Range<usize>>,
    /// Its value.
    pub value: Range<usize>,
    /// Whether the value is neither a mapping nor a list.
    pub is_scalar: bool,
}

impl Outline {
    /// Returns the outline of JSON.
    pub fn of_json(text: &str) -> Self {
        json::outline(text)
    }

    /// Returns the outline of YAML.
    pub fn of_yaml(text: &str) -> Self {
        yaml::outline(text)
    }

    /// Returns the place of `location`, or of the nearest node around it that the text has. `None` for
    /// a text without any node.
    pub fn find(&self, location: &str) -> Option<Place> {
        self.path(location).last().map(|node| self.place(*node))
    }

    /// Returns the place of the field `name` of the mapping at exactly `location`.
    pub fn field(&self, location: &str, name: &str) -> Option<Place> {
        let owner = *self.path(location).last()?;
        self.child(owner, name).map(|node| self.place(node))
    }

    /// Returns the names of the fields of the mapping at `location`.
    pub fn names(&self, location: &str) -> Vec<&str> {
        let path = self.path(location);
        path.last()
            .map_or_else(Vec::new, |node| self.names_of(*node))
    }

    /// Returns the names of the states of the innermost workflow around `location`.
    pub fn states_around(&self, location: &str) -> Vec<&str> {
        let path = self.path(location);
        let states = path
            .iter()
            .rev()
            .find_map(|node| self.child(*node, "States"));
        states.map_or_else(Vec::new, |node| self.names_of(node))
    }

    /// Returns the names that a mapping has more than once, each with the later place.
    pub fn repeated(&self) -> Vec<(&str, Range<usize>)> {
        let mut repeated = Vec::new();
        for node in &self.nodes {
            let Content::Mapping(entries) = &node.content else {
                continue;
            };
            let mut seen = std::collections::BTreeSet::new();
            for (name, child) in &entries.list {
                if !seen.insert(name)
                    && let Some(key) = &self.nodes[*child].key
                {
                    repeated.push((name.as_str(), key.clone()));
                }
            }
        }
        repeated
    }

    fn place(&self, node: usize) -> Place {
        let Node {
            key,
            value,
            content,
        } = &self.nodes[node];
        Place {
            key: key.clone(),
            value: value.clone(),
            is_scalar: matches!(content, Content::Scalar),
        }
    }

    fn names_of(&self, node: usize) -> Vec<&str> {
        match &self.nodes[node].content {
            Content::Mapping(entries) => {
                entries.list.iter().map(|(name, _)| name.as_str()).collect()
            }
            Content::Scalar | Content::Sequence(_) => Vec::new(),
        }
    }

    fn child(&self, node: usize, name: &str) -> Option<usize> {
        match &self.nodes[node].content {
            Content::Mapping(entries) => entries.find(name),
            Content::Scalar | Content::Sequence(_) => None,
        }
    }

    /// Returns the nodes from the whole text towards `location`, as far as they exist.
    fn path(&self, location: &str) -> Vec<usize> {
        let mut path = Vec::new();
        if self.nodes.is_empty() {
            return path;
        }
        let mut node = 0;
        let mut rest = if location == "/" { "" } else { location };
        loop {
            path.push(node);
            let Some((next, after)) = self.descend(node, rest) else {
                return path;
            };
            (node, rest) = (next, after);
        }
    }

    /// Takes one step of `rest`. Names are not escaped in it, so a name with a `/` is told from two
    /// names by what the text has: the longest name that fits.
    fn descend<'r>(&self, node: usize, rest: &'r str) -> Option<(usize, &'r str)> {
        match &self.nodes[node].content {
            Content::Scalar => None,
            Content::Mapping(entries) => {
                let rest = rest.strip_prefix('/')?;
                let ends = rest.match_indices(['/', '[']).map(|(end, _)| end);
                let ends: Vec<usize> = ends.take(NAME_ENDS_MAX).chain([rest.len()]).collect();
                ends.into_iter().rev().find_map(|end| {
                    let (name, after) = rest.split_at(end);
                    Some((entries.find(name)?, after))
                })
            }
            Content::Sequence(items) => {
                let (place, after) = rest.strip_prefix('[')?.split_once(']')?;
                Some((*items.get(place.parse::<usize>().ok()?)?, after))
            }
        }
    }
}

/// Puts an outline together from what a reader of JSON or YAML meets, in the order of the text.
#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    open: Vec<Open>,
}

struct Open {
    node: usize,
    /// The key whose value comes next.
    key: Option<(String, Range<usize>)>,
}

impl Builder {
    /// Says whether a name comes next, and not a value.
    fn expects_key(&self) -> bool {
        self.open.last().is_some_and(|open| {
            open.key.is_none() && matches!(self.nodes[open.node].content, Content::Mapping(_))
        })
    }

    fn key(&mut self, name: String, place: Range<usize>) {
        if let Some(open) = self.open.last_mut() {
            open.key = Some((name, place));
        }
    }

    fn scalar(&mut self, place: Range<usize>) {
        self.add(place, Content::Scalar);
    }

    fn begin(&mut self, start: usize, content: Content) {
        let node = self.add(start..start, content);
        self.open.push(Open { node, key: None });
    }

    fn end(&mut self, end: usize) {
        if let Some(open) = self.open.pop() {
            let value = &mut self.nodes[open.node].value;
            value.end = end.max(value.start);
        }
    }

    fn add(&mut self, value: Range<usize>, content: Content) -> usize {
        let node = self.nodes.len();
        let mut own_key = None;
        if let Some(open) = self.open.last_mut() {
            let key = open.key.take();
            match &mut self.nodes[open.node].content {
                Content::Mapping(entries) => {
                    let (name, place) = key.unwrap_or((String::new(), value.clone()));
                    entries.list.push((name, node));
                    own_key = Some(place);
                }
                Content::Sequence(items) => items.push(node),
                Content::Scalar => {}
            }
        }
        self.nodes.push(Node {
            key: own_key,
            value,
            content,
        });
        node
    }

    /// What is still open ends with the text.
    fn finish(mut self, end: usize) -> Outline {
        while !self.open.is_empty() {
            self.end(end);
        }
        for node in &mut self.nodes {
            if let Content::Mapping(Entries { list, by_name }) = &mut node.content {
                *by_name = (0..list.len()).collect();
                // Stable, so that places of one name stay in order.
                by_name.sort_by(|left, right| list[*left].0.cmp(&list[*right].0));
            }
        }
        Outline { nodes: self.nodes }
    }
}
