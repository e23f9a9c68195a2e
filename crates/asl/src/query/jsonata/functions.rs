//! The functions that Step Functions adds to JSONata, and the built-in ones that it changes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jlens_core::{Ast, Bindings, Error, HostFunction, Node, NodeKind};
use serde_json::Value;
use vocab::Entropy;

use crate::query::Scope;
use crate::query::intrinsic::{chunks, digest};

/// The code of an error for which AWS shows an id and no message.
pub(super) const INTERNAL: &str = "INTERNAL";

/// The code of an error for which AWS shows a message and no code.
pub(super) const UNCODED: &str = "UNCODED";

/// Most items that `$range` makes (measured: one more fails for want of memory).
const RANGE_ITEMS_MAX: i64 = 360_145;

/// The functions whose value depends on their arguments alone.
pub(super) fn fixed() -> &'static Bindings {
    static FIXED: LazyLock<Bindings> = LazyLock::new(|| {
        Bindings::new()
            .function("partition", host("<an:a>", of_partition))
            .function("range", host("<nnn:a<n>>", of_range))
            .function("hash", host("<ss:s>", of_hash))
            .function("parse", host("<s:x>", of_parse))
            .function("base64decode", host("<s-:s>", of_base64_decode))
            // AWS has no `$eval`: calling what is no function fails with T1006, as measured.
            .var("eval", Value::Null)
    });
    &FIXED
}

/// Says whether `name` is that of a function that is bound here.
fn is_ours(name: &str) -> bool {
    matches!(
        name,
        "partition" | "range" | "hash" | "parse" | "base64decode" | "eval" | "random" | "uuid"
    )
}

/// Which sources of randomness an expression draws from; most draw from none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Draws {
    random: bool,
    uuid: bool,
    /// The engine's own `$shuffle`, which takes the evaluation's seed.
    pub(super) shuffles: bool,
}

impl Draws {
    pub(super) fn of(ast: &Ast) -> Self {
        let mut draws = Self::default();
        ast.root.walk(&mut |node| {
            if let NodeKind::Variable { name } = &node.kind {
                draws.random |= name == "random";
                draws.uuid |= name == "uuid";
                draws.shuffles |= name == "shuffle";
            }
        });
        draws
    }

    /// Draws what the expression needs, so that it can be evaluated twice with the same luck.
    pub(super) fn draw(self, scope: &Scope<'_>) -> Drawn {
        let draw = |wanted: bool| {
            if wanted {
                scope.entropy.borrow_mut().next_u64()
            } else {
                0
            }
        };
        Drawn {
            random: draw(self.random),
            uuid: draw(self.uuid),
            seed: draw(self.shuffles),
        }
    }

    /// Adds the functions that draw.
    pub(super) fn bind(self, mut bindings: Bindings, drawn: &Drawn) -> Bindings {
        if self.random {
            let stream = Stream::of(drawn.random);
            let random = move |arguments: &[Option<Value>]| {
                let seed = arguments.first().and_then(Option::as_ref);
                let number = match seed.map(floor) {
                    None => stream.next().next_f64(),
                    Some(seed) => Entropy::from_seed(seed?.cast_unsigned()).next_f64(),
                };
                Ok(Some(Value::from(number)))
            };
            bindings = bindings.function("random", host("<n?:n>", random));
        }
        if self.uuid {
            let stream = Stream::of(drawn.uuid);
            let uuid = move |_: &[Option<Value>]| Ok(Some(Value::from(stream.next().next_uuid())));
            bindings = bindings.function("uuid", host("<:s>", uuid));
        }
        bindings
    }
}

/// Where the randomness of one evaluation begins.
pub(super) struct Drawn {
    random: u64,
    uuid: u64,
    /// The engine's own.
    pub(super) seed: u64,
}

/// A stream of entropy for one evaluation. The engine asks that functions can be shared, so the
/// place in the stream is an atomic; only one evaluation ever has it.
struct Stream {
    seed: u64,
    drawn: AtomicU64,
}

impl Stream {
    fn of(seed: u64) -> Self {
        Self {
            seed,
            drawn: AtomicU64::new(0),
        }
    }

    fn next(&self) -> Entropy {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        // Streams that begin side by side would overlap: each is begun by a draw of its own.
        let mut chooser = Entropy::from_seed(self.seed.wrapping_add(drawn));
        Entropy::from_seed(chooser.next_u64())
    }
}

type Made = Result<Option<Value>, Error>;

fn host(
    signature: &str,
    function: impl Fn(&[Option<Value>]) -> Made + Send + Sync + 'static,
) -> HostFunction {
    HostFunction::with_signature(signature, move |arguments, _call| function(arguments))
        .expect("the signatures of this file are well-formed")
        .without_input()
}

fn of_partition(arguments: &[Option<Value>]) -> Made {
    let [Some(array), Some(size), ..] = arguments else {
        return Ok(None);
    };
    let chunked = usize::try_from(floor(size)?)
        .ok()
        .and_then(|size| chunks(array, size));
    chunked
        .map(Some)
        .ok_or_else(|| uncoded("the chunk size must be a positive integer".to_owned()))
}

fn of_range(arguments: &[Option<Value>]) -> Made {
    let [Some(first), Some(last), Some(step), ..] = arguments else {
        return Ok(None);
    };
    let (first, last, step) = (floor(first)?, floor(last)?, floor(step)?);
    if step == 0 {
        return Err(uncoded("the step must not be zero".to_owned()));
    }
    let items = last.checked_sub(first).map_or(i64::MAX, |width| {
        width.checked_div(step).unwrap_or(i64::MAX)
    });
    if items >= RANGE_ITEMS_MAX {
        return Err(Error::new("U1001").with("message", "the range is too long"));
    }
    let range = (0..=items).map(|place| Value::from(first + place * step));
    Ok(Some(Value::Array(range.collect())))
}

fn of_hash(arguments: &[Option<Value>]) -> Made {
    let [
        Some(Value::String(text)),
        Some(Value::String(algorithm)),
        ..,
    ] = arguments
    else {
        return Ok(None);
    };
    digest(text, algorithm)
        .map(|digest| Some(Value::String(digest)))
        .map_err(uncoded)
}

fn of_parse(arguments: &[Option<Value>]) -> Made {
    let [Some(Value::String(text)), ..] = arguments else {
        return Ok(None);
    };
    serde_json::from_str(text)
        .map(Some)
        .map_err(|error| uncoded(format!("the argument of $parse is not JSON: {error}")))
}

/// Illegal characters are an internal error on AWS (measured); padding may be left out.
fn of_base64_decode(arguments: &[Option<Value>]) -> Made {
    const DECODER: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let [Some(Value::String(text)), ..] = arguments else {
        return Ok(None);
    };
    let bytes = DECODER.decode(text).map_err(|_| Error::new(INTERNAL))?;
    Ok(Some(Value::from(String::from_utf8_lossy(&bytes))))
}

/// Rounds down, as the guide says of every function that takes an integer.
fn floor(number: &Value) -> Result<i64, Error> {
    let whole = number.as_i64().or_else(|| {
        let floor = number.as_f64()?.floor();
        // Beyond 2^53 a number is no exact integer.
        (floor.abs() < 9_007_199_254_740_992.0).then_some(floor as i64)
    });
    whole.ok_or_else(|| uncoded(format!("{number} is not an integer")))
}

fn uncoded(message: String) -> Error {
    Error::new(UNCODED).with("message", message)
}

/// Returns the names in `ast` that are those of functions, built in or bound here, and those that are
/// only ever called.
pub(super) fn named(ast: &Ast) -> BTreeSet<Arc<str>> {
    let (mut called, mut read) = (BTreeSet::new(), BTreeSet::new());
    names(&ast.root, false, &mut |name, is_called| {
        if is_called || is_function(name) {
            called.insert(Arc::from(name));
        } else {
            read.insert(Arc::from(name));
        }
    });
    called.difference(&read).cloned().collect()
}

/// Recurses as deep as the expression nests, which its parser limits.
fn names(node: &Node, is_called: bool, see: &mut impl FnMut(&str, bool)) {
    let procedure = match &node.kind {
        NodeKind::Variable { name } => {
            see(name, is_called);
            None
        }
        NodeKind::Function { procedure, .. } | NodeKind::Partial { procedure, .. } => {
            Some(&**procedure)
        }
        _ => None,
    };
    node.for_each_child(|child| {
        let is_called = procedure.is_some_and(|procedure| std::ptr::eq(procedure, child));
        names(child, is_called, see);
    });
}

fn is_function(name: &str) -> bool {
    is_ours(name)
        || jlens_core::function_catalog()
            .iter()
            .any(|function| function.name == name)
}
