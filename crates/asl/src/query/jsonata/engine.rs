//! The engine that runs JSONata: the only file that names it.
//!
//! A program is compiled once. An evaluation is a function of its arguments: the time and the seed
//! come with the [`Scope`], and what bounds it is a number of steps, with a clock as the last resort
//! (docs/adr/0011-jsonata-bounds.md).

use std::sync::Arc;
use std::time::Duration;

use jlens_core::reads::Read;
use jlens_core::{Ast, Bindings, CancelToken, NodeKind, Options};
use serde_json::Value;

use super::functions::{self, Drawn};
use super::meter::Meter;
use super::plain::{Found, Plain};
use super::reads::{Need, Reads};
use crate::query::Scope;

/// Deepest nesting of an evaluation (measured: 100 terms of a sum pass, 101 do not).
const DEPTH_MAX: usize = 100;

/// Longest result, as JSON. Far above the payload limit, raised or not.
const RESULT_BYTES_MAX: usize = 16 << 20;

/// How much an evaluation may do.
struct Bounds {
    steps_max: u64,
    array_items_max: usize,
    text_bytes_max: usize,
}

/// What may be done at all.
const FULL: Bounds = Bounds {
    // Stands for AWS's second: about what a machine does in that time.
    steps_max: 5_000_000,
    // Measured: `[1..873782]` passes, one item more fails.
    array_items_max: 873_782,
    // What as many numbers take, eight bytes each. Measured: a text of 2^22 characters passes, one of
    // 2^23 does not.
    text_bytes_max: 8 * 873_782,
};

/// What is done without a look at what it makes: all steps together hold no more than a few megabytes.
/// What stays within it, as nearly all expressions do, runs at the engine's full speed.
const SMALL: Bounds = Bounds {
    steps_max: 2_000,
    array_items_max: 4_096,
    text_bytes_max: 64 << 10,
};

/// Most steps where a regular expression is used: one step then stands for up to 1,024 of its own.
const REGEX_STEPS_MAX: u64 = 100_000;

/// The engine does a few things whose time its steps do not count, such as to look for a regular
/// expression in a long text with many matches. Nothing that ends in the bounds above takes this long.
const LAST_RESORT: Duration = Duration::from_secs(3);

/// The engine's codes for what reached a bound.
const TOO_MANY_STEPS: &str = "U1006";
const TOO_LARGE: &str = "U1001";
const CANCELLED: &str = "U1003";
const TOO_DEEP: &str = "D1011";
const TOO_LONG: &str = "D1012";

/// The engine's code for a regular expression that cannot be read.
const BAD_REGEX: &str = "S0302";

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Program {
    compiled: jlens_core::Expression,
    reads: Reads,
    draws: functions::Draws,
    plain: Option<Plain>,
    steps_max: u64,
}

/// Why an evaluation gave nothing back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The result is a function.
    Unsupported,
    /// An error of JSONata's, with its code.
    Threw { code: String, message: String },
    /// A bound was reached; AWS writes no code for these.
    Bound(String),
    /// The engine itself failed; AWS writes an id here instead of a message.
    Internal(String),
}

impl Program {
    /// Compiles `text`, or returns the message of the syntax error without its code.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let compiled = jlens_core::Expression::compile(text).map_err(|error| message(&error))?;
        let mut reads = Reads::default();
        for (name, read) in compiled.reads_with(functions::fixed()).bindings() {
            if name == "states" {
                reads.states = Some(need(read));
            } else {
                reads.variables.insert(Arc::from(name.as_str()), need(read));
            }
        }
        let functions = functions::named(compiled.ast());
        reads.named = reads
            .variables
            .keys()
            .filter(|name| !functions.contains(*name))
            .cloned()
            .collect();
        // The analysis takes these for functions; a variable of that name is data, and read whole.
        for name in functions {
            reads.variables.insert(name, Need::Whole);
        }
        let draws = functions::Draws::of(compiled.ast());
        let plain = Plain::of(compiled.ast());
        let mut steps_max = FULL.steps_max;
        compiled.ast().root.walk(&mut |node| {
            if let NodeKind::Regex { .. } = node.kind {
                steps_max = REGEX_STEPS_MAX;
            }
        });
        Ok(Self {
            compiled,
            reads,
            draws,
            plain,
            steps_max,
        })
    }

    pub(super) fn ast(&self) -> &Ast {
        self.compiled.ast()
    }

    pub(super) fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Evaluates; `None` is JSONata's undefined.
    pub(super) fn run(&self, scope: &Scope<'_>) -> Result<Option<Value>, Stop> {
        match self.plain.as_ref().map(|plain| plain.find(scope)) {
            Some(Found::Value(value)) => Ok(Some(value)),
            Some(Found::Nothing) => Ok(None),
            Some(Found::Elsewhere) | None => self.run_engine(scope),
        }
    }

    fn run_engine(&self, scope: &Scope<'_>) -> Result<Option<Value>, Stop> {
        let drawn = self.draws.draw(scope);
        let options = |bounds: &Bounds| {
            Options::new()
                .now(scope.now.as_millis())
                .seed(drawn.seed)
                .max_depth(DEPTH_MAX)
                .max_steps(bounds.steps_max.min(self.steps_max))
                .max_array_length(bounds.array_items_max)
                .max_string_length(bounds.text_bytes_max)
                .max_result_size(RESULT_BYTES_MAX)
                .timeout(LAST_RESORT)
        };
        let bindings = self.bindings(scope, &drawn);
        let result = self
            .compiled
            .evaluate_with(None, &bindings, &options(&SMALL));
        match result {
            Ok(Some(value)) => return Ok(Some(value)),
            // It may be a function, which takes a second look.
            Ok(None) => {}
            Err(error) if matches!(error.code(), TOO_MANY_STEPS | TOO_LARGE) => {}
            Err(error) => return Err(stop(&error, scope)),
        }
        let cancel = CancelToken::new();
        let mut meter = Meter::new(cancel.clone());
        let result = self.compiled.evaluate_traced(
            None,
            &self.bindings(scope, &drawn),
            &options(&FULL).cancel_token(cancel),
            &mut meter,
        );
        match result {
            Ok(None) if meter.result_type == Some("function") => Err(Stop::Unsupported),
            Ok(value) => Ok(value),
            Err(error) => Err(stop(&error, scope)),
        }
    }

    fn bindings(&self, scope: &Scope<'_>, drawn: &Drawn) -> Bindings {
        let mut bindings = self.draws.bind(functions::fixed().clone(), drawn);
        for (name, value) in self.reads.variables(scope) {
            bindings = bindings.var(name, value);
        }
        match self.reads.states(scope) {
            Some(states) => bindings.var("states", states),
            None => bindings,
        }
    }
}

/// Returns what is wrong with a regular expression, if something is.
pub(super) fn trouble_with_regex(pattern: &str, flags: &str) -> Option<String> {
    let text = format!("$contains('', /{pattern}/{flags})");
    let compiled = jlens_core::Expression::compile(&text).ok()?;
    let options = Options::new().now(0).seed(0).max_steps(SMALL.steps_max);
    let tried = compiled.evaluate_with(None, &Bindings::new(), &options);
    let error = tried.err().filter(|error| error.code() == BAD_REGEX)?;
    let detail = error.detail("message").and_then(Value::as_str);
    Some(detail.unwrap_or("it cannot be read").to_owned())
}

fn need(read: &Read) -> Need {
    match read.fields() {
        None => Need::Whole,
        Some(fields) => Need::Members(
            fields
                .iter()
                .map(|(name, read)| (name.as_str().into(), need(read)))
                .collect(),
        ),
    }
}

/// Writes an error as AWS does, whose words for the bounds are not the engine's.
fn stop(error: &jlens_core::Error, scope: &Scope<'_>) -> Stop {
    let bound = |text: &str| Stop::Bound(text.to_owned());
    match error.code() {
        TOO_DEEP => Stop::Bound(format!(
            "Stack overflow error: Check for non-terminating recursive function.  Consider rewriting as tail-recursive. Depth={} max={DEPTH_MAX}",
            DEPTH_MAX + 1
        )),
        TOO_MANY_STEPS | TOO_LONG => {
            bound("Expression evaluation timeout: 1000ms. Check for infinite loop")
        }
        TOO_LARGE | CANCELLED => {
            bound("Expression evaluation memory limit exceeded: Check for excessive memory usage")
        }
        functions::UNCODED => Stop::Bound(error.message()),
        functions::INTERNAL => Stop::Internal(scope.entropy.borrow_mut().next_uuid()),
        code => Stop::Threw {
            code: code.to_owned(),
            message: message(error),
        },
    }
}

/// Returns the error's message, in which whole numbers are written without a fraction.
fn message(error: &jlens_core::Error) -> String {
    let details = ["value", "value2", "token"].into_iter();
    details.fold(error.message(), |message, name| {
        let written = match error.detail(name) {
            Some(Value::Number(number)) if number.is_f64() => number.to_string(),
            _ => return message,
        };
        match written.strip_suffix(".0") {
            Some(whole) => message.replacen(&written, whole, 1),
            None => message,
        }
    })
}
