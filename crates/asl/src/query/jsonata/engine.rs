//! The engine that runs JSONata: the only file that names it.
//!
//! A program is compiled once. An evaluation is a function of its arguments alone: the time and the
//! seed come with the [`Scope`], and what bounds it is a number of steps, not a clock
//! (docs/adr/0010-jsonata-engine.md).

use std::sync::Arc;

use jlens_core::audit::{Outcome, Tracer};
use jlens_core::reads::Read;
use jlens_core::{Ast, Bindings, Options};
use serde_json::Value;

use super::functions;
use super::reads::{Need, Reads};
use crate::query::Scope;

/// Deepest nesting of an evaluation (measured: 100 terms of a sum pass, 101 do not).
const DEPTH_MAX: usize = 100;

/// Most items of an array that an expression makes (measured: `[1..873782]` passes, one more fails).
const ARRAY_ITEMS_MAX: usize = 873_782;

/// Longest text that an expression makes, in bytes: what as many numbers take, eight bytes each
/// (measured: a text of 2^22 characters passes, one of 2^23 does not).
const TEXT_BYTES_MAX: usize = 8 * ARRAY_ITEMS_MAX;

/// Longest result, as JSON. Above the largest payload, raised or not.
const RESULT_BYTES_MAX: usize = 64 << 20;

/// Most steps of an evaluation, which stand for AWS's second: about as much as a fast machine does
/// in that time.
const STEPS_MAX: u64 = 5_000_000;

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Program {
    compiled: jlens_core::Expression,
    reads: Reads,
    draws: functions::Draws,
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
        let compiled = jlens_core::Expression::compile(text).map_err(|error| error.message())?;
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
        Ok(Self {
            compiled,
            reads,
            draws,
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
        let mut options = Options::new()
            .now(scope.now.as_millis())
            .seed(0)
            .max_depth(DEPTH_MAX)
            .max_steps(STEPS_MAX)
            .max_array_length(ARRAY_ITEMS_MAX)
            .max_string_length(TEXT_BYTES_MAX)
            .max_result_size(RESULT_BYTES_MAX);
        if self.draws.shuffles {
            options = options.seed(scope.entropy.borrow_mut().next_u64());
        }
        let bindings = self.bindings(scope);
        match self.compiled.evaluate_with(None, &bindings, &options) {
            Ok(Some(value)) => Ok(Some(value)),
            Ok(None) if self.gives_a_function(&bindings, &options) => Err(Stop::Unsupported),
            Ok(None) => Ok(None),
            Err(error) => Err(stop(&error, scope)),
        }
    }

    fn bindings(&self, scope: &Scope<'_>) -> Bindings {
        let mut bindings = self.draws.bind(functions::fixed().clone(), scope);
        for (name, value) in self.reads.variables(scope) {
            bindings = bindings.var(name, value);
        }
        match self.reads.states(scope) {
            Some(states) => bindings.var("states", states),
            None => bindings,
        }
    }

    /// Says whether what looks undefined is a function: the engine shows neither as JSON.
    fn gives_a_function(&self, bindings: &Bindings, options: &Options) -> bool {
        let mut seen = TypeOfResult(None);
        let result = self
            .compiled
            .evaluate_traced(None, bindings, options, &mut seen);
        result.is_ok() && seen.0 == Some("function")
    }
}

/// Notes the type of the result.
struct TypeOfResult(Option<&'static str>);

impl Tracer for TypeOfResult {
    fn end(&mut self, outcome: Outcome<'_>) {
        if let Outcome::Value(value) = outcome {
            self.0 = Some(value.type_name());
        }
    }
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
    match error.code() {
        "D1011" => Stop::Bound(format!(
            "Stack overflow error: Check for non-terminating recursive function.  Consider rewriting as tail-recursive. Depth={} max={DEPTH_MAX}",
            DEPTH_MAX + 1
        )),
        "U1006" => {
            Stop::Bound("Expression evaluation timeout: 1000ms. Check for infinite loop".to_owned())
        }
        "U1001" => Stop::Bound(
            "Expression evaluation memory limit exceeded: Check for excessive memory usage"
                .to_owned(),
        ),
        functions::INTERNAL => Stop::Internal(scope.entropy.borrow_mut().next_uuid()),
        functions::UNCODED => Stop::Bound(error.message()),
        code => Stop::Threw {
            code: code.to_owned(),
            message: error.message(),
        },
    }
}
